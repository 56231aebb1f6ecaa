"""An arm on a page: its letter in its colour, and its init in numbers."""

import math
from collections.abc import Mapping

from vit_lab.analysis.arms import COLOURS, letter
from vit_lab.config import RunConfig
from vit_lab.init.schemes import SCHEMES
from vit_lab.spelling import arm_label, written_out
from vit_lab.ui.look import look

MARKDOWN_COLOURS = ("blue", "orange", "green", "violet", "red", "yellow")


def chip(arm: int, words: str = "") -> str:
    """Markdown for an arm's letter in its colour, or for other words in that colour."""
    return f":{MARKDOWN_COLOURS[arm % len(MARKDOWN_COLOURS)]}-badge[{words or letter(arm)}]"


def coloured_labels(arms: Mapping[str, int]) -> None:
    """Mark the labels of an arm's widgets, by key, with its colour; the labels stay plain words, as they are read out.

    Once on a page, above the widgets.
    """
    marks = " ".join(
        f'.st-key-{key} [data-testid="stWidgetLabel"] {{ --arm: {COLOURS[arm]}; }}' for key, arm in arms.items()
    )
    keys = ", ".join(f'.st-key-{key} [data-testid="stWidgetLabel"]' for key in arms)
    look(f"{marks} {keys} {{ border-left: 5px solid var(--arm); padding-left: 0.4rem; }}", "labels")


def variance_words(config: RunConfig) -> str:
    """The init, and the σ and σ² that it gives a square matrix of the model's width, before any truncation."""
    dim = config.model.dim
    variance = SCHEMES[config.init.scheme].sigma2(config.init, dim, dim) * config.init.variance_scale
    if math.isnan(variance) or not SCHEMES[config.init.scheme].is_alike:
        return f"**{arm_label(config.init)}**: σ differs by matrix, see the preflight"
    std, variance_told = written_out(math.sqrt(variance)), written_out(variance)
    return f"**{arm_label(config.init)}**: σ = {std}, σ² = {variance_told} at width {dim}"
