"""What is known of the arms that are shown, and what each says to the example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import COLOURS, letter
from vit_lab.analysis.chart_style import ARM_COLOUR, EXTENT, STEP, constant_spec, made_once
from vit_lab.analysis.colours import GREY
from vit_lab.datasets import DATASETS
from vit_lab.model_config import TransformerConfig
from vit_lab.runs import snapshots
from vit_lab.runs.records import RunRecord
from vit_lab.training.looks import UNKNOWN, Array, Example, Glance, Weights
from vit_lab.ui.inside import looks
from vit_lab.ui.inside.answers import Answer, draw_answers
from vit_lab.ui.inside.grid import Maps

MOST_BARS = 12
MOST_DRAWN = 9  # steps at which a drawing is looked at: nobody else asks for the same


@dataclass(frozen=True)
class Shown:
    """One arm: its run, its name, where its weights are, and what they make of the example."""

    run: RunRecord
    name: str
    weights: Weights
    glance: Glance

    @property
    def letter(self) -> str:
        """Of the arm."""
        return letter(self.run.arm)

    @property
    def colour(self) -> str:
        """Of the arm."""
        return COLOURS[self.run.arm % len(COLOURS)]

    def maps(self, values: Array, **drawn: Any) -> Maps:
        """Maps of this arm, under its letter and name."""
        return Maps(self.letter, self.colour, self.name, values, **drawn)


def class_names(run: RunRecord) -> list[str]:
    """The classes of a run, or its symbols."""
    if isinstance(run.config.model, TransformerConfig):
        return [str(symbol) for symbol in range(run.config.model.num_classes)]
    return list(DATASETS[run.config.data.dataset].classes)


def say_answers(shown: Sequence[Shown]) -> None:
    """The answer of each arm, large, and its probabilities."""
    names, label = class_names(shown[0].run), shown[0].glance.label
    bars = _bars(shown)
    told = []
    for one in shown:
        found = one.glance.probabilities
        if np.isfinite(found).all():
            says, verdict = int(found.argmax()), ""
            if label != UNKNOWN:
                verdict = "right" if says == label else f"wrong, it is {names[label]}"
            share = f"{found[says]:.0%}"
        else:
            says, share, verdict = None, "no number any more: the run has diverged", ""
        told.append(
            Answer(
                one.letter,
                one.colour,
                f"{one.name} · step {one.weights.step:,}",
                "–" if says is None else names[says],
                share,
                verdict,
                [names[place] for place in bars],
                [float(np.nan_to_num(found[place])) for place in bars],
            )
        )
    draw_answers(told, "" if label == UNKNOWN else names[label], tall=label == UNKNOWN)


def _bars(shown: Sequence[Shown]) -> list[int]:
    """The classes that have a bar: all, or those that some arm finds likeliest."""
    best = np.max([np.nan_to_num(one.glance.probabilities) for one in shown], axis=0)
    if len(best) <= MOST_BARS:
        return list(range(len(best)))
    return sorted(np.argsort(-best, kind="stable")[:MOST_BARS].tolist())


def evenly(steps: Sequence[int], most: int) -> list[int]:
    """So many of some steps at most, evenly chosen, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]


def _history() -> dict[str, Any]:
    y = alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", values=[0, 0.5, 1]))
    tooltip = [
        alt.Tooltip("arm:N"),
        alt.Tooltip("step:Q", format=",d"),
        alt.Tooltip("value:Q", title="probability", format=".1%"),
    ]
    line = (
        alt.Chart()
        .mark_line(strokeWidth=2.4, point=alt.OverlayMarkDef(size=26))
        .encode(x=STEP, y=y, color=ARM_COLOUR, detail=["arm:N"], tooltip=tooltip)
        .transform_filter(alt.datum.split == "kept")
    )
    now = alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=STEP).transform_filter(alt.datum.split == "now")
    return constant_spec(alt.layer(EXTENT, now, line), 150)


HISTORY = made_once(_history)


def history(shown: Sequence[Shown], example: Example, step: int) -> None:
    """How the probability of the class that is followed went, over the steps that are kept, at both arms.

    Of a drawing on request: it costs eighteen looks that nobody else asks for, and they would be made at every stroke.
    """
    if isinstance(example, bytes) and not st.toggle(
        "Follow the drawing through the steps", key="inside_follow_drawing"
    ):
        return
    last = max(one.run.planned_steps for one in shown)
    rows: list[dict[str, Any]] = [{"split": "extent", "step": end} for end in (0, last)] + [
        {"split": "now", "step": step}
    ]
    for one in shown:
        steps = snapshots.kept_steps(one.run)
        if isinstance(example, bytes):
            steps = evenly(steps, MOST_DRAWN)
        kept = [found for found in (snapshots.kept_weights(one.run, step) for step in steps) if found is not None]
        found = looks.probabilities(one.run, kept, example)[:, one.glance.of]
        rows += [
            {"split": "kept", "arm": one.letter, "step": at.step, "value": float(value)}
            for at, value in zip(kept, found, strict=True)
            if np.isfinite(value)
        ]
    st.vega_lite_chart(pd.DataFrame(rows), HISTORY(), key="inside_history", alt="Probability of the class by step")
