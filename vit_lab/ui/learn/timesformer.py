"""The figures of the lesson on the TimeSformer, from the lab's own clips, models and measurements."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.analysis.findings import space_time_findings
from vit_lab.config import ConfigError, RunConfig, TimesformerConfig, configure, parse
from vit_lab.models.scores import SpaceTime, attention_scores, patches_read
from vit_lab.presets import preset
from vit_lab.runs.records import RunRecord
from vit_lab.runs.trained import latest_trained, trained_model
from vit_lab.ui.arms import LETTERS, chip
from vit_lab.ui.lab import open_store, problems_told
from vit_lab.ui.learn import clip_charts as charts
from vit_lab.ui.learn.film import SPACE, TIME, film, grey, strip
from vit_lab.ui.words import GROUP_NAMES

if TYPE_CHECKING:
    from vit_lab.models.timesformer import TimeSformer

WAYS: tuple[SpaceTime, ...] = get_args(SpaceTime)
FORMULAS = {"space": "$T N^2$", "joint": "$(T N)^2$", "divided": "$N T^2 + T N^2$"}
TITLES = {"space": "Space only", "joint": "Joint space-time", "divided": "Divided: time, then space"}
CLIPS, TOLD = 24, 500  # test clips that one may choose from, and that both models are asked about
MEASURED_FRAMES, REPEATS, MOST_SECONDS = (2, 4, 8, 16, 32), 3, 4.0
START, TRAINED = "at step 0", "after training"
TWINS: tuple[SpaceTime, ...] = ("space", "divided")


def clip_config(space_time: SpaceTime, **settings: Any) -> RunConfig:
    """The preset `moving-digits` with one kind of attention."""
    return configure(preset("moving-digits"), space_time=space_time, **settings)


def who_reads_what(index: int, frames: int, patch_size: int, query: tuple[int, int], block: int, weights: str) -> None:
    """The same clip three times, one for each kind of attention: what the query (frame, patch) reads in a block, in colour."""
    for way in WAYS:
        config = clip_config(way, num_frames=frames, patch_size=patch_size)
        run = _latest(way, frames, patch_size) if weights == TRAINED else None
        words = f"run {run.number}" if run else START
        patches = (config.model.image_size // patch_size) ** 2  # type: ignore[union-attr]
        read = patches_read(way, frames, patches)
        st.markdown(f"**{TITLES[way]}**: {read} of {frames * patches} patches are read   :gray-badge[{words}]")
        with problems_told():
            picture = _picture(_json(config, run), run.id if run else None, run.step if run else 0, index, query, block)
            st.image(picture, width="stretch", alt=f"{TITLES[way]}: what the chosen patch reads in {frames} frames")


def costs_table(frames: int, patches: int) -> None:
    """What one patch reads and what the scores of a block cost, by formula and in numbers."""
    st.table(
        pd.DataFrame(
            {
                TITLES[way]: {
                    "a patch reads": f"{patches_read(way, frames, patches):,}",
                    "scores a head and clip": FORMULAS[way],
                    f"at T = {frames}, N = {patches}": f"{attention_scores(way, frames, patches):,}",
                }
                for way in WAYS
            }
        ).T
    )


def step_cost() -> None:
    """Time of a step, joint against divided, as it was measured once, or on this machine now."""
    recorded = space_time_findings()
    if st.button("Measure on this machine", icon=":material/timer:", key="measure",
                 help="Times steps of 4 clips with 49 patches a frame: a few seconds, once for everyone who looks."):  # fmt: skip
        st.session_state["measured"] = True
    measured = _measured() if st.session_state.get("measured") else None
    table = recorded if measured is None else measured
    if table is None:
        st.info("The recorded table is not here. Measure on this machine instead.")
        return
    left, right = st.columns(2)
    left.markdown(f"**Time of a step**: {chip(0)} joint   {chip(1)} divided")
    right.markdown(
        "**Joint over divided**: :primary[●] measured   :violet[●] all multiplications   :gray[●] scores alone"
    )
    milliseconds = [{"arm": letter, "way": way, "frames": row["frames"], "value": row[f"{way}_ms"]}
                    for letter, way in (("A", "joint"), ("B", "divided")) for row in table.to_dict("records")]  # fmt: skip
    columns = dict(zip(charts.RATIOS, ("ratio", "products_ratio", "scores_ratio"), strict=True))
    ratios = [{"by": by, "frames": row["frames"], "value": row[column]}
              for by, column in columns.items() for row in table.to_dict("records")]  # fmt: skip
    with left:
        st.vega_lite_chart(pd.DataFrame(milliseconds), charts.MILLISECONDS, key="milliseconds", alt="Milliseconds of a step by frames")  # fmt: skip
    with right:
        st.vega_lite_chart(pd.DataFrame(ratios), charts.RATIO, key="ratio", alt="Joint over divided by frames")
    st.caption("Recorded earlier: docs/findings/002-space-time.md." if measured is None else
               f"Measured here, median of {REPEATS} steps, while whatever else runs here was running.")  # fmt: skip


def step_zero(zero: bool) -> None:
    """How far a divided model is from one of space alone before training, block by block, and what a scheme sets in it."""
    differences, table = _step_zero(zero)
    left, right = st.columns([0.35, 0.65], gap="large")
    with left:
        for number, difference in enumerate(differences, start=1):
            st.metric(
                f"Largest difference after block {number}", "exactly 0" if difference == 0 else f"{difference:.3g}"
            )
    right.table(table)


def latest_twins() -> list[RunRecord | None]:
    """The latest run of each of TWINS, at the preset's sizes."""
    return [_latest(way, None, None) for way in TWINS]


def clip_and_reverse(index: int, runs: Sequence[RunRecord | None]) -> None:
    """A clip and the same clip backwards, with what two models say of each, as trained, or as they start."""
    if missing := [way for way, run in zip(TWINS, runs, strict=True) if run is None]:
        st.info(f"Not trained yet, so answering as at step 0: {' and '.join(missing)}. Train both above.")
    configs = [clip_config(way) for way in TWINS]
    with problems_told():
        found = _answers(tuple(_json(config, run) for config, run in zip(configs, runs, strict=True)),
                         tuple((run.id, run.step) if run else None for run in runs), index)  # fmt: skip
        for column, (title, true, gif, rows) in zip(st.columns(2, gap="large"), found, strict=True):
            with column.container(border=True):
                st.markdown(f"**{title}** goes **{true}**")
                st.image(gif, width=168, alt=f"{title}: a digit that goes {true}")
                for arm, way in enumerate(TWINS):
                    said = max((row for row in rows if row["arm"] == LETTERS[arm]), key=lambda row: row["value"])
                    right = ":green-badge[correct]" if said["answer"] == true else ":red-badge[wrong]"
                    st.markdown(f"{chip(arm)} {way}: **{said['answer']}**, {said['value']:.0%} {right}")
                st.vega_lite_chart(
                    pd.DataFrame(rows), charts.ANSWERS, key=f"answers-{title}", alt=f"Answers for {title}"
                )


def reversal_words(runs: Sequence[RunRecord | None]) -> None:
    """How both models fare on many clips and their reverses, if both are trained."""
    told = []
    with problems_told():
        for way, run in zip(TWINS, runs, strict=True):
            if run is None:
                return
            accuracy, same = _reversal(run.config_json, run.id, run.step)
            told.append(f"**{way}** {accuracy:.1%} right, the same answer both ways for {same:.1%}")
        st.markdown(f"On {TOLD} test clips and their {TOLD} reverses: " + "; ".join(told) + ".")


def _latest(way: SpaceTime, frames: int | None, patch_size: int | None) -> RunRecord | None:
    """The latest run that was trained to tell directions, of the preset's sizes where none are asked for."""
    c = preset("moving-digits").model
    assert isinstance(c, TimesformerConfig)

    def suits(config: RunConfig) -> bool:
        m = config.model
        return (isinstance(m, TimesformerConfig) and config.data.dataset == "moving-direction" and m.space_time == way
                and config.data.normalise and m.num_frames == (frames or c.num_frames) and patch_size in (None, m.patch_size))  # fmt: skip

    return latest_trained(open_store(), suits)


def _json(config: RunConfig, run: RunRecord | None) -> str:
    return run.config_json if run else config.model_dump_json()


@st.cache_resource(show_spinner="Filming digits", max_entries=6)
def _clips(frames: int) -> Any:
    """The first test clips (n, T, 1, S, S) and their directions, the same for every seed."""
    from vit_lab.data.splits import load_run_data

    test = load_run_data(clip_config("space", num_frames=frames)).test
    return test.images[:TOLD].clone(), test.labels[:TOLD].clone()


@st.cache_resource(show_spinner=False, max_entries=12)
def _model(config_json: str, run_id: str | None, step: int) -> "TimeSformer":
    """A model as it starts, or as a run left it. Shared: nobody writes into it. Raises ConfigError."""
    import torch

    from vit_lab.init import build_model
    from vit_lab.models.timesformer import TimeSformer
    from vit_lab.training.checkpoint import CheckpointError

    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    try:
        model = trained_model(open_store().run(run_id)) if run_id else build_model(parse(config_json))
    except CheckpointError as error:
        raise ConfigError("model", str(error)) from error
    assert isinstance(model, TimeSformer)
    return model


@st.cache_data(show_spinner=False, max_entries=200)
def _picture(config_json: str, run_id: str | None, step: int, index: int, query: tuple[int, int], block: int) -> Any:
    from vit_lab.probes.space_time import reads

    model = _model(config_json, run_id, step)
    clip = _clips(model.config.num_frames)[0][index]
    found = reads(model, clip, min(block, model.config.depth - 1), *query)
    looks = [(found.space.numpy(), SPACE)]
    if found.time is not None:
        looks.insert(0, (found.time.numpy(), TIME))
    return strip(grey(clip[:, 0].numpy()), model.config.patch_size, query, looks)


@st.cache_data(show_spinner="Measuring steps")
def _measured() -> pd.DataFrame:
    import torch

    from vit_lab.training.cost import joint_against_divided

    torch.set_num_threads(1)
    return pd.DataFrame(joint_against_divided(MEASURED_FRAMES, REPEATS, MOST_SECONDS))


@st.cache_data(show_spinner=False)
def _step_zero(zero: bool) -> tuple[list[float], pd.DataFrame]:
    from vit_lab.init import matrices
    from vit_lab.probes.space_time import block_differences

    divided, space = (_model(clip_config(way, zero_temporal=zero).model_dump_json(), None, 0) for way in ("divided", "space"))  # fmt: skip
    differences = block_differences(divided, space, divided.tokens(_clips(8)[0][:4]).detach())
    rows = []
    for matrix in matrices(divided):
        if matrix.name.startswith("blocks.") and not matrix.name.startswith("blocks.0."):
            continue
        fan_in, fan_out = matrix.fans
        rows.append({"matrix": matrix.name.replace("blocks.0.", "block 1: ").replace("project", "projection after time"), "group": f"{matrix.group}, {GROUP_NAMES[matrix.group]}",
                     "shape": f"{fan_out} × {fan_in}", "std at step 0": f"{float(matrix.weight.detach().std()):.3f}"})  # fmt: skip
    return differences, pd.DataFrame(rows).set_index("matrix")


@st.cache_data(show_spinner=False, max_entries=100)
def _answers(configs: Sequence[str], runs: Sequence[tuple[str, int] | None], index: int) -> list[tuple[str, str, bytes, list[dict[str, Any]]]]:  # fmt: skip
    """(title, true direction, film, rows of probabilities) of a clip and of its reverse."""
    from vit_lab.data.clips import DIRECTIONS
    from vit_lab.probes.space_time import both_ways

    rows: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for letter, config_json, run in zip(LETTERS, configs, runs, strict=False):
        model = _model(config_json, *(run or (None, 0)))
        clips, labels = _clips(model.config.num_frames)
        for way, logits in zip(rows, both_ways(model, clips[index : index + 1]), strict=True):
            likely = logits.softmax(dim=-1)[0].tolist()
            way += [{"arm": letter, "answer": name, "value": value} for name, value in zip(DIRECTIONS, likely, strict=True)]  # fmt: skip
    shown, label = grey(clips[index, :, 0].numpy()), int(labels[index])
    return [("The clip", DIRECTIONS[label], film(shown), rows[0]),
            ("Its reverse", DIRECTIONS[label ^ 1], film(np.flip(shown, axis=0)), rows[1])]  # fmt: skip


@st.cache_data(show_spinner="Asking about all clips", max_entries=20)
def _reversal(config_json: str, run_id: str, step: int) -> tuple[float, float]:
    """Accuracy over clips and reverses, and the share of clips with one answer for both."""
    import torch

    from vit_lab.probes.space_time import both_ways

    model = _model(config_json, run_id, step)
    clips, labels = _clips(model.config.num_frames)
    here, there = (logits.argmax(dim=-1) for logits in both_ways(model, clips))
    right = torch.cat([here == labels, there == labels ^ 1])  # the opposite of 0 is 1, and of 2 is 3
    return float(right.float().mean()), float((here == there).float().mean())
