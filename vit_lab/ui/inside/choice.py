"""What a visitor of Inside looks at, as the address says it: each choice has its place there, a link opens it again.

What a link asks for and there is not, is said in a sentence, and something near it is shown.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.data.bundled import SIDE
from vit_lab.data.typed import parse_symbols
from vit_lab.datasets import DATASETS
from vit_lab.model_config import TimesformerConfig, TransformerConfig, VitConfig
from vit_lab.runs.records import RunRecord
from vit_lab.settings import ConfigError
from vit_lab.training.looks import MEAN
from vit_lab.ui.inside.held import choose
from vit_lab.ui.learn.pad import DRAWING, decoded

NEWEST = "newest"
OF_TEST_SET, DRAWN, TYPED = "From the test set", "Draw one", "Type one"
LOOKS, KNOWS, NEEDS, ALL = "Where it looks", "What it knows by when", "What it needs", "All at once"
VIEWS = {"looks": LOOKS, "knows": KNOWS, "needs": NEEDS, "all": ALL}
LONGEST_NUMBER, LONGEST_DRAWING = 9, 2_000  # letters of the address
CLASS = -2  # in the place of a patch
OWN = -1  # in the place of a class that is followed: the true one, or of a drawing each arm's answer
KEYS = ("step", "digit", "drawing", "typed", "reads", "frame", "open", "view", "class")


@dataclass(frozen=True)
class Place:
    """The token that reads: a patch (of a frame), the class token, or the mean of all."""

    model: VitConfig | TimesformerConfig
    patch: int  # from 0; CLASS or MEAN
    frame: int = 0

    @property
    def token(self) -> int:
        """Which token that is, as `vit_lab.training.glances` counts them."""
        if self.patch == MEAN:
            return MEAN
        if isinstance(self.model, TimesformerConfig):
            return self.frame * self.model.num_patches + self.patch
        has_class = self.model.pool == "cls"
        return 0 if self.patch == CLASS else self.patch + has_class


def ways(run: RunRecord) -> list[str]:
    """How an example can be chosen for a run's model."""
    if isinstance(run.config.model, TransformerConfig):
        return [OF_TEST_SET, TYPED]
    about = DATASETS[run.config.data.dataset]
    can_draw = about.examples == "images" and about.shape == (1, SIDE, SIDE)
    return [OF_TEST_SET, DRAWN] if can_draw else [OF_TEST_SET]


def arrive(run: RunRecord, farthest: int) -> list[str]:
    """Take what the address asks for, on the first draw of a visit; sentences on what cannot be had.

    `farthest` is the step that the runs have made.
    """
    state, address = st.session_state, st.query_params.to_dict()
    wrong: list[str] = []
    model = run.config.model
    state["inside_open"], state["inside_plays"] = "", False
    choose("inside_step", NEWEST)
    if (text := address.get("step")) is not None:
        step = whole(text, farthest)
        if step is None:
            wrong.append(
                f"Step {_cut(text)} is beyond what these runs have made; the newest, up to {farthest}, is shown."
            )
        choose("inside_step", NEWEST if step is None else step)
    count = DATASETS[run.config.data.dataset].sizes.test
    if (text := address.get("digit")) is not None:
        choose("inside_way", OF_TEST_SET)
        digit = whole(text, count - 1)
        if digit is None:
            wrong.append(f"Digit {_cut(text)} is beyond the test set, which has 0 to {count - 1}; 0 is shown.")
        choose("inside_digit", digit or 0)
    offered = ways(run)
    if "drawing" in address and DRAWN in offered:
        drawn = unpacked(address["drawing"])
        if drawn is None and address["drawing"]:
            wrong.append("The drawing of this link cannot be read; the pad is empty.")
        state[DRAWING] = "" if drawn is None else base64.b64encode(drawn.tobytes()).decode()
        choose("inside_way", DRAWN)
    if "typed" in address and isinstance(model, TransformerConfig):
        try:
            state["inside_typed"] = " ".join(map(str, parse_symbols(address["typed"], model)))
        except ConfigError as error:
            wrong.append(f"{error.message}; another is shown.")
        choose("inside_way", TYPED)
    if not isinstance(model, TransformerConfig):
        _arrive_at_patch(model, address, wrong)
    opened = address.get("open", "").split(".")
    if opened != [""]:
        numbers = [whole(part, most) for part, most in zip(opened, (model.depth, model.heads), strict=False)]
        if len(opened) == len(numbers) == 2 and all(numbers):
            state["inside_open"] = ".".join(map(str, numbers))
        else:
            wrong.append(f"There is no head {_cut(address['open'])} in this model; none is opened.")
    state["inside_view"] = VIEWS.get(address.get("view", ""), LOOKS)
    if (text := address.get("class")) is not None:
        of = whole(text, model.num_classes - 1)
        if of is None:
            wrong.append(f"Class {_cut(text)} is none of this model's, 0 to {model.num_classes - 1}.")
        state["inside_of"] = OWN if of is None else of
    return wrong


def _arrive_at_patch(model: VitConfig | TimesformerConfig, address: Mapping[str, str], wrong: list[str]) -> None:
    text = address.get("reads", "mean")
    named = {"mean": MEAN} | ({"class": CLASS} if isinstance(model, VitConfig) and model.pool == "cls" else {})
    patch = named.get(text)
    if patch is None:
        number = whole(text, model.num_patches)
        patch = MEAN if not number else number - 1
        if not number:
            wrong.append(f"Patch {_cut(text)} is none of 1 to {model.num_patches}; the mean of all is shown.")
    choose("inside_reads", patch)
    if isinstance(model, TimesformerConfig):
        frame = whole(address.get("frame", "1"), model.num_frames)
        if not frame:
            wrong.append(f"Frame {_cut(address['frame'])} is none of 1 to {model.num_frames}; the first is shown.")
        st.session_state["inside_frame"] = frame or 1


def remember(chosen: Mapping[str, str | int | None]) -> None:
    """Write choices to the address; None takes one out. Nothing is sent if it says so already."""
    now = st.query_params.to_dict()
    wanted = {key: text for key, text in now.items() if key not in chosen}
    wanted |= {key: str(value) for key, value in chosen.items() if value is not None}
    if wanted != now:
        st.query_params.from_dict(wanted)


def whole(text: str, most: int) -> int | None:
    """The whole number from 0 to `most` that a text spells; None if it spells none."""
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        return None
    return int(text) if int(text) <= most else None


def packed(drawing: NDArray[np.uint8]) -> str:
    """A drawing (28, 28) as text for an address: a few hundred letters."""
    return base64.urlsafe_b64encode(zlib.compress(drawing.tobytes(), 9)).decode().rstrip("=")


def unpacked(text: str) -> NDArray[np.uint8] | None:
    """The drawing of an address; None if it is none."""
    if len(text) > LONGEST_DRAWING:
        return None
    try:
        content = zlib.decompressobj().decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), SIDE * SIDE)
    except (binascii.Error, ValueError, zlib.error):
        return None
    return decoded(base64.b64encode(content).decode())


def _cut(text: str) -> str:
    return f"{text[:12]}{'…' if len(text) > 12 else ''}".replace("`", "'")
