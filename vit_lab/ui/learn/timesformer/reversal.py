"""A clip and its reverse, under space alone and divided attention: the last part of the lesson on the TimeSformer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import LETTERS
from vit_lab.config import RunConfig
from vit_lab.datasets import DIRECTIONS
from vit_lab.lessons.seen import BothWays
from vit_lab.models.scores import SpaceTime
from vit_lab.runs.records import RunRecord
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.picture import show_picture
from vit_lab.ui.learn.models import computed, weights_of
from vit_lab.ui.learn.timesformer import charts
from vit_lab.ui.learn.timesformer.film import film, grey
from vit_lab.ui.learn.timesformer.models import ASKED, clip_config, clips_of, latest_clip_run
from vit_lab.ui.serving.beside import patient
from vit_lab.ui.serving.caches import BY_CONFIG

TWINS: tuple[SpaceTime, ...] = ("space", "divided")
Row = dict[str, Any]


def latest_twins() -> list[RunRecord | None]:
    """The latest run of each of TWINS, of clips as long as the preset's."""
    return [latest_clip_run(way) for way in TWINS]


def clip_and_reverse(index: int, runs: Sequence[RunRecord | None]) -> None:
    """A clip and the same clip backwards, with what two models say of each, as trained, or as they start."""
    if missing := [way for way, run in zip(TWINS, runs, strict=True) if run is None]:
        st.info(f"Not trained yet, so answering as at step 0: {' and '.join(missing)}. Train both above.")
    twins = zip(TWINS, runs, strict=True)
    models = tuple((run.config, run.id) if run else (clip_config(way), None) for way, run in twins)
    for column, (title, true, gif, rows) in zip(st.columns(2, gap="large"), _answers(models, index), strict=True):
        with column.container(border=True):
            st.markdown(f"**{title}** goes **{true}**")
            show_picture(gif, width=168, alt=f"{title}: a digit that goes {true}")
            for arm, way in enumerate(TWINS):
                said = max((row for row in rows if row["arm"] == LETTERS[arm]), key=lambda row: row["value"])
                right = ":green-badge[correct]" if said["answer"] == true else ":red-badge[wrong]"
                st.markdown(f"{chip(arm)} {way}: **{said['answer']}**, {said['value']:.0%} {right}")
            st.vega_lite_chart(pd.DataFrame(rows), charts.ANSWERS(), key=f"answers-{title}", alt=f"Answers for {title}")


def reversal_words(runs: Sequence[RunRecord | None]) -> None:
    """How both models fare on many clips and their reverses, if both are trained."""
    told = []
    for way, run in zip(TWINS, runs, strict=True):
        if run is None:
            return
        accuracy, same = _reversal(run.config, run.id)
        told.append(f"**{way}** {accuracy:.1%} right, the same answer both ways for {same:.1%}")
    st.markdown(f"On {ASKED} test clips and their {ASKED} reverses: " + "; ".join(told) + ".")


@st.cache_data(show_spinner=False, max_entries=100, hash_funcs=BY_CONFIG)
def _answers(models: Sequence[tuple[RunConfig, str | None]], index: int) -> list[tuple[str, str, bytes, list[Row]]]:
    """(title, true direction, film, rows of probabilities) of a clip and of its reverse."""
    found: list[BothWays] = [
        computed("clips:both_ways", config, weights_of(run_id), clips_of(config), ASKED, index)
        for config, run_id in models
    ]
    here, there = _rows([one.forwards for one in found]), _rows([one.backwards for one in found])
    shown, label = grey(found[-1].clip), found[-1].label
    clip = "The clip", DIRECTIONS[label], film(shown), here
    return [clip, ("Its reverse", DIRECTIONS[label ^ 1], film(np.flip(shown, axis=0)), there)]


def _rows(told: Sequence[Sequence[float]]) -> list[Row]:
    return [
        {"arm": letter, "answer": name, "value": value}
        for letter, likely in zip(LETTERS, told, strict=False)
        for name, value in zip(DIRECTIONS, likely, strict=True)
    ]


@st.cache_data(show_spinner="Asking about all clips", max_entries=20, hash_funcs=BY_CONFIG)
def _reversal(config: RunConfig, run_id: str) -> tuple[float, float]:
    """Accuracy over clips and reverses, and the share of clips with one answer for both."""
    found: tuple[float, float] = computed(
        "clips:reversal", config, weights_of(run_id), clips_of(config), ASKED, companion=patient
    )
    return found
