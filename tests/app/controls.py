"""Every control of a page, moved to each of its places in turn."""

from collections.abc import Iterator, Sequence
from typing import Any

from streamlit.testing.v1 import AppTest

CHOICES, NUMBERS = ("selectbox", "segmented_control", "select_slider"), ("slider", "number_input")


def moved(at: AppTest, choices: dict[str, Sequence[Any]], but: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Move every control to each of its places and back, yielding (key, value) after each run without an exception.

    `choices` has the options of the controls that offer some, as the script knows them, and must name them all; numbers
    are moved to both ends. `but`: keys left alone.
    """
    offered = {widget.key: len(widget.options) for kind in CHOICES for widget in at.get(kind) if widget.key not in but}
    assert offered == {key: len(options) for key, options in choices.items()}, "a control is not under test"
    places = [
        (kind, widget.key)
        for kind in (*CHOICES, *NUMBERS, "toggle")
        for widget in at.get(kind)
        if widget.key not in but
    ]
    for kind, key in places:
        before = _find(at, kind, key).value
        for value in [*_settings(kind, _find(at, kind, key), choices), before]:
            _find(at, kind, key).set_value(value).run()
            assert not at.exception and not at.error, (key, value, [e.value for e in (*at.exception, *at.error)])
            assert _find(at, kind, key).value == value
            yield key, value


def _settings(kind: str, widget: Any, choices: dict[str, Sequence[Any]]) -> Sequence[Any]:
    if kind in CHOICES:
        return choices[widget.key]
    return [not widget.value] if kind == "toggle" else [widget.min, widget.max]


def _find(at: AppTest, kind: str, key: str) -> Any:
    return next(widget for widget in at.get(kind) if widget.key == key)
