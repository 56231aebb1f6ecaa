"""The figures of the lesson on the TimeSformer, from the lab's own clips, models and measurements."""

from typing import Any, get_args

import pandas as pd
import streamlit as st

from vit_lab.analysis.findings import space_time_findings
from vit_lab.config import RunConfig
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.lessons.seen import Reads
from vit_lab.model_config import TimesformerConfig
from vit_lab.models.scores import SpaceTime, attention_scores, patches_read, scores_of_patch
from vit_lab.places import GROUP_NAMES
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.picture import show_picture
from vit_lab.ui.learn.findings.words import finding_link
from vit_lab.ui.learn.models import computed, weights_of
from vit_lab.ui.learn.timesformer import charts
from vit_lab.ui.learn.timesformer.film import SPACE, TIME, grey, strip
from vit_lab.ui.learn.timesformer.models import ASKED, clip_config, clips_of, latest_clip_run
from vit_lab.ui.serving.apart import apart
from vit_lab.ui.serving.caches import BY_CONFIG

WAYS: tuple[SpaceTime, ...] = get_args(SpaceTime)
FORMULAS = {"space": "$T N^2$", "joint": "$(T N)^2$", "divided": "$N T^2 + T N^2$"}
TITLES = {"space": "Space only", "joint": "Joint space-time", "divided": "Divided: time, then space"}
MEASURED_FRAMES, REPEATS, MOST_SECONDS = (2, 4, 8, 16, 32), 3, 4.0
MEASURE_HELP = "Times steps of 4 clips with 49 patches a frame: a few seconds, once for everyone who looks."
START, TRAINED = "at step 0", "after training"


def who_reads_what(index: int, frames: int, patch_size: int, query: tuple[int, int], block: int, weights: str) -> None:
    """The same clip three times, one for each kind of attention.

    In colour: what the query (frame, patch) reads in a block.
    """
    for way in WAYS:
        config = clip_config(way, num_frames=frames, patch_size=patch_size)
        run = latest_clip_run(way, frames, patch_size) if weights == TRAINED else None
        patches = (config.model.image_size // patch_size) ** 2  # type: ignore[union-attr]
        read = f"{patches_read(way, frames, patches)} of {frames * patches} patches are read"
        if way == "divided":
            read += f", {frames} over time and {patches} in space, itself in both"
        words = f"run {run.number}" if run else START
        st.markdown(f"**{TITLES[way]}**: {read}   :gray-badge[{words}]")
        picture = _picture(run.config if run else config, run.id if run else None, index, query, block)
        words = f"{TITLES[way]}: what the chosen patch reads in {frames} frames"
        show_picture(picture, width="stretch", alt=words)


def costs_table(frames: int, patches: int) -> None:
    """What one patch reads and what the scores of a block cost, by formula and in numbers."""
    rows = {
        TITLES[way]: {
            "a patch reads": f"{patches_read(way, frames, patches):,}",
            "scores a patch and head": f"{scores_of_patch(way, frames, patches):,}",
            "scores a head and clip": FORMULAS[way],
            f"at T = {frames}, N = {patches}": f"{attention_scores(way, frames, patches):,}",
        }
        for way in WAYS
    }
    st.table(pd.DataFrame(rows).T)


def step_cost() -> None:
    """Time of a step, joint against divided, as it was measured once, or on this machine now."""
    recorded = space_time_findings()
    if st.button("Measure on this machine", icon=":material/timer:", key="measure", help=MEASURE_HELP):
        st.session_state["measured"] = True
    measured = _measured_here() if st.session_state.get("measured") else None
    table = recorded if measured is None else measured
    if table is None:
        st.info("The recorded table is not here. Measure on this machine instead.")
        return
    left, right = st.columns(2)
    left.markdown(f"**Time of a step**: {chip(0)} joint   {chip(1)} divided")
    counted = ":violet[●] all multiplications   :gray[●] scores alone"
    right.markdown(f"**Joint over divided**: :primary[●] measured   {counted}")
    milliseconds, ratios = [], []
    columns = dict(zip(charts.RATIOS, ("ratio", "macs_ratio", "scores_ratio"), strict=True))
    for row in table.to_dict("records"):
        frames = row["frames"]
        for letter, way in (("A", "joint"), ("B", "divided")):
            milliseconds.append({"arm": letter, "way": way, "frames": frames, "value": row[f"{way}_ms"]})
        for by, column in columns.items():
            ratios.append({"by": by, "frames": frames, "value": row[column]})
    times, shares = pd.DataFrame(milliseconds), pd.DataFrame(ratios)
    with left:
        st.vega_lite_chart(times, charts.MILLISECONDS(), key="milliseconds", alt="Milliseconds of a step by frames")
    with right:
        st.vega_lite_chart(shares, charts.RATIO(), key="ratio", alt="Joint over divided by frames")
    here = f"Measured here, median of {REPEATS} steps, while whatever else runs here was running."
    st.caption("Recorded earlier." if measured is None else here)
    finding_link("002")


def step_zero(zero: bool) -> None:
    """How far a divided model is from one of space alone before training, and what a scheme sets in it."""
    differences, table = _step_zero(zero)
    left, right = st.columns([0.35, 0.65], gap="large")
    with left:
        for number, difference in enumerate(differences, start=1):
            told = "exactly 0" if difference == 0 else f"{difference:.3g}"
            st.metric(f"Largest difference after block {number}", told)
    right.table(table)


@st.cache_data(show_spinner=False, max_entries=200, hash_funcs=BY_CONFIG)
def _picture(config: RunConfig, run_id: str | None, index: int, query: tuple[int, int], block: int) -> Any:
    assert isinstance(config.model, TimesformerConfig)
    arguments = weights_of(run_id), clips_of(config), ASKED, index, block, query
    found: Reads = computed("clips:reads", config, *arguments)
    looks = [(found.space, SPACE)]
    if found.time is not None:
        looks.insert(0, (found.time, TIME))
    return strip(grey(found.clip), config.model.patch_size, query, looks)


def _measured_here() -> pd.DataFrame | None:
    try:
        return _measured()
    except (TooMuchError, CannotStartError):
        st.session_state["measured"] = False
        st.warning("This machine is too busy to measure it now; here is what was recorded.")
        return None


@st.cache_data(show_spinner="Measuring steps")
def _measured() -> pd.DataFrame:
    """In a process of its own: others would wait for it."""
    return pd.DataFrame(apart("vit_lab.lessons.clips:measured", MEASURED_FRAMES, REPEATS, MOST_SECONDS))


@st.cache_data(show_spinner=False)
def _step_zero(zero: bool) -> tuple[list[float], pd.DataFrame]:
    divided, space = (clip_config(way, zero_temporal=zero) for way in ("divided", "space"))
    differences = computed("clips:differences", divided, space, clips_of(space), ASKED)
    rows = {}
    for place, group, (fan_in, fan_out), std in computed("clips:matrices", divided):
        if place.block not in (None, 1):
            continue
        part = "projection after time" if place.projection == "project" else f"{place.part}.{place.projection}"
        name = f"block 1: {part}" if place.block else place.projection
        rows[name] = f"{group}, {GROUP_NAMES[group]}", f"{fan_out} × {fan_in}", f"{std:.3f}"
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["group", "shape", "std at step 0"])
    return differences, table.rename_axis("matrix")
