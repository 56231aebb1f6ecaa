"""Maps over a picture, a panel an arm: drawn in the browser at fixed sizes, on one scale for all, so nothing flickers.

The page sends numbers. A click on a map, or on a part of one, comes back as a trigger.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.ui.inside.script import MAPS

Array = NDArray[Any]

MOST_PLACES = 10**6

HTML = """
<div class="panels"></div>
<div class="legend"><span class="name"></span><canvas width="256" height="1"></canvas><span class="ticks"></span></div>
<div class="told" aria-live="polite"></div>
"""

CSS = """
:host { display: block; font: 0.8rem var(--st-font); color: var(--st-text-color); }
.panels { display: grid; gap: 1.25rem; align-items: start; }
.head { font-weight: 600; margin-bottom: 0.2rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.head b { color: #fff; border-radius: 0.3rem; padding: 0 0.4rem; margin-right: 0.4rem; }
.cells { display: grid; gap: 4px; }
.label { opacity: 0.75; font-size: 0.72rem; text-align: center; align-self: center; white-space: nowrap; }
.cell { position: relative; display: block; padding: 0; margin: 0; border: 0; background: none; line-height: 0;
        border-radius: 3px; overflow: hidden; width: 100%; }
button.cell { cursor: zoom-in; }
button.cell:hover, button.cell:focus-visible, .open { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.cell.parts { cursor: crosshair; }
.cell canvas { width: 100%; image-rendering: pixelated; display: block; }
.cell i { position: absolute; box-sizing: border-box; border: 2px solid #ec4899; pointer-events: none; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 0.2rem 0.6rem; margin-top: 0.6rem; }
.legend canvas { width: 150px; height: 9px; border-radius: 2px; image-rendering: pixelated; }
.ticks { opacity: 0.8; }
.told { height: 1.2rem; opacity: 0.75; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
"""

_GRID = st.components.v2.component("vit_lab_maps", html=HTML, css=CSS, js=MAPS)


@dataclass(frozen=True)
class Scale:
    """Which colour a number has: `colours` from `low` to `high`, along its power or its logarithm.

    `name` says what it is a scale of, `ticks` stand beside it.
    """

    name: str
    low: float
    high: float
    ticks: str
    colours: str = "viridis"
    power: float = 1.0
    logarithmic: bool = False


ALL = "; the same for both arms, at all steps"
SHARE = Scale("attention", 0.0, 1.0, f"0 · 6 % · 25 % · 56 % · 100 %{ALL}", power=0.5)
PROBABILITY = Scale("probability", 0.0, 1.0, f"0 to 100 %{ALL}")
LOSS = Scale("the class loses", -1.0, 1.0, f"−100 % · −25 % · 0 · 25 % · 100 %{ALL}", "diverging", 0.5)
EVEN = Scale(
    "of an even share", 0.25, 4.0, f"a quarter or less · even · four times or more{ALL}", "diverging", logarithmic=True
)
PICTURE = Scale("", 0.0, 1.0, "", "picture")  # the picture alone


@dataclass(frozen=True)
class Maps:
    """The maps of one arm, rows x columns of (height, width) numbers each: (R, C, h, w)."""

    letter: str
    colour: str
    words: str
    values: Array
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()
    pictures: Array | None = None  # (S, S) or, one for each column, (C, S, S): 0 to 255, drawn over the maps in white
    frames: Sequence[int] = ()  # parts with a frame around them


@dataclass(frozen=True)
class Asks:
    """What a click asks for: a "cell" to be opened, or a "part" to be chosen, and what is called then."""

    what: str = ""
    then: Callable[[], None] = field(default=lambda: None)
    opened: tuple[int, int] | None = None


def maps_grid(
    panels: Sequence[Maps], scale: Scale, key: str, alt: str, *, most: int = 0, asks: Asks | None = None
) -> None:
    """Draw the maps of all arms side by side; one map is at most so many pixels wide."""
    asks = asks or Asks()
    data = {
        "panels": [_packed(panel) for panel in panels],
        "scale": vars(scale),
        "alt": alt,
        "most": most,
        "asks": asks.what,
        "opened": list(asks.opened) if asks.opened else None,
    }
    _GRID(key=key, data=data, on_clicked_change=asks.then)


def clicked(key: str) -> list[int] | None:
    """What was clicked, within a callback: [row, column, part], each from 0; once each click.

    None of a click that was told before, as happens when the page draws itself just then, and of what no browser of
    ours sends.
    """
    found = st.session_state.get(key, {}).get("clicked")
    if not isinstance(found, list | tuple) or len(found) != 4:
        return None
    if not all(isinstance(number, int) and number >= 0 for number in found) or max(found[:3]) >= MOST_PLACES:
        return None
    told = st.session_state.setdefault("inside_clicks", {})
    if told.get(key) == found[3]:
        return None
    told[key] = found[3]
    return list(found[:3])


def _packed(panel: Maps) -> dict[str, Any]:
    rows, columns, height, width = panel.values.shape
    return {
        "letter": panel.letter,
        "colour": panel.colour,
        "words": panel.words,
        "shape": [rows, columns, height, width],
        "values": base64.b64encode(panel.values.astype("<f4").tobytes()).decode(),
        "rowNames": list(panel.row_names),
        "columnNames": list(panel.column_names),
        "frames": [int(place) for place in panel.frames],
        **_picture(panel.pictures),
    }


def _picture(pictures: Array | None) -> dict[str, Any]:
    if pictures is None:
        return {"side": 0, "ink": ""}
    many = pictures if pictures.ndim == 3 else pictures[None]
    return {"side": many.shape[-1], "ink": base64.b64encode(np.ascontiguousarray(many, np.uint8).tobytes()).decode()}
