"""Which example both arms look at: one of the test set, one that is drawn, or a sequence that is typed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.data.typed import parse_symbols
from vit_lab.datasets import DATASETS
from vit_lab.model_config import TransformerConfig
from vit_lab.runs.records import RunRecord
from vit_lab.settings import ConfigError
from vit_lab.training.looks import Answers, Array, Example, Weights
from vit_lab.ui.inside import looks
from vit_lab.ui.inside.choice import DRAWN, TYPED, packed, ways
from vit_lab.ui.inside.held import choose, held, key_of, take
from vit_lab.ui.learn.pad import digit_pad

MOST = 2_000  # of the test set, about which models are asked
Arms = Sequence[tuple[RunRecord, Weights]]


class Chosen(NamedTuple):
    """An example, and how it stands in the address."""

    example: Example
    address: dict[str, str | int | None]


def choose_example(arms: Arms) -> Chosen:
    """Controls that choose the example; an empty pad stands for a blank image."""
    run = arms[0][0]
    offered = ways(run)
    way = held("inside_way", offered[0])
    way = way if way in offered else offered[0]
    if len(offered) > 1:
        st.segmented_control(
            "Example",
            offered,
            default=way,
            required=True,
            key=key_of("inside_way"),
            on_change=take,
            args=("inside_way",),
            label_visibility="collapsed",
        )
    nothing: dict[str, str | int | None] = dict.fromkeys(("digit", "drawing", "typed"))
    if way == DRAWN:
        drawn = digit_pad("inside_pad")
        if drawn is None:
            st.caption("Draw a digit: both arms answer as soon as a stroke ends.")
            drawn = np.zeros((28, 28), np.uint8)
        return Chosen(drawn.tobytes(), nothing | {"drawing": packed(drawn) if drawn.any() else ""})
    if way == TYPED:
        found = _typed(run)
        return Chosen(found, nothing | {"typed": " ".join(map(str, found))})
    digit = _of_the_test_set(arms)
    return Chosen(digit, nothing | {"digit": digit or None})  # the first needs no word, nor a step of Back


def _typed(run: RunRecord) -> tuple[int, ...]:
    model = run.config.model
    assert isinstance(model, TransformerConfig)
    last = model.vocabulary - 1
    first = tuple((3 * place) % last + 1 for place in range(model.sequence_length))
    text = st.text_input(
        f"Source: {model.sequence_length} numbers from 1 to {last}",
        " ".join(map(str, first)),
        max_chars=800,
        key="inside_typed",
    )
    try:
        return tuple(parse_symbols(text, model))
    except ConfigError as error:
        st.error(error.message)
        return first


def _of_the_test_set(arms: Arms) -> int:
    """A number in the test set, by hand, by class, or by what the arms make of it."""
    config = arms[0][0].config
    count, classes = DATASETS[config.data.dataset].sizes.test, DATASETS[config.data.dataset].classes
    digit = min(int(held("inside_digit", 0)), count - 1)
    boxes = st.container(horizontal=True, gap="small")
    if classes:
        known = looks.labels(config)
        options = [*range(len(classes)), *([] if digit < len(known) else [None])]
        label = int(known[digit]) if digit < len(known) else None
        boxes.selectbox(
            "Class",
            options,
            options.index(label),
            format_func=lambda label: "any" if label is None else classes[label],
            key=f"inside_label-{digit}",
            on_change=_first_of_class,
            args=(known, digit),
            width=104,
        )
    boxes.number_input(
        "Number", 0, count - 1, digit, key=key_of("inside_digit"), on_change=take, args=("inside_digit",)
    )
    with st.container(horizontal=True, gap="small"):
        if classes:
            st.button("Next", icon=":material/skip_next:", key="inside_next", on_click=_next, args=(known,))
        if len(arms) > 1:
            disagree = "The example whose true class the two arms find most differently likely now; again: the next."
            st.button("Disagree most", key="inside_disagree", help=disagree, on_click=_jump, args=(arms, None))
        for place, (run, _) in enumerate(arms):
            arm = letter(run.arm)
            hard = f"The example whose true class arm {arm} finds least likely now; again: the next."
            st.button(
                f"Hardest for {arm}", key=f"inside_hardest-{place}", help=hard, on_click=_jump, args=(arms, place)
            )
    return digit


def _first_of_class(known: Array, digit: int) -> None:
    label = st.session_state.get(f"inside_label-{digit}")
    if label is not None and (found := np.flatnonzero(known == label)).size:
        choose("inside_digit", int(found[0]))


def _next(known: Array) -> None:
    """The next example of the same class; after the last, the first."""
    digit = held("inside_digit", 0)
    same = np.flatnonzero(known == known[digit]) if digit < len(known) else np.arange(len(known))
    later = same[same > digit]
    choose("inside_digit", int(later[0] if len(later) else same[0]))


def _jump(arms: Arms, hardest_for: int | None) -> None:
    """To the example that comes first in an order, or the one after where it stands already."""
    found: list[Answers] = []
    with looks.refusals_told():
        found = [looks.answers(run, weights) for run, weights in arms]
    if len(found) < len(arms):
        return
    order = by_disagreement(found) if hardest_for is None else by_hardness(found[hardest_for])
    now = held("inside_digit", 0)
    ahead = order[: len(order) // 2].tolist()
    at = ahead.index(now) + 1 if now in ahead and st.session_state.get("inside_order") == hardest_for else 0
    st.session_state["inside_order"] = hardest_for
    choose("inside_digit", int(order[at]))


def by_hardness(answers: Answers) -> Array:
    """Examples, that first whose true class is least likely; of sequences, at the last place."""
    return np.argsort(_last(answers.true_probabilities), kind="stable")


def by_disagreement(answers: Sequence[Answers]) -> Array:
    """Examples, that first of whose true class the two arms differ most."""
    one, other = (_last(found.true_probabilities) for found in answers)
    return np.argsort(-np.abs(np.nan_to_num(one) - np.nan_to_num(other)), kind="stable")


def _last(numbers: Array) -> Array:
    return numbers if numbers.ndim == 1 else numbers[:, -1]
