"""What the store holds, as the rows that the chart specs draw. Read once for all viewers together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison_rows import name_rows
from vit_lab.analysis.line_names import apart, beyond
from vit_lab.config import GROUPS
from vit_lab.events import counts_at, rows_of
from vit_lab.places import Place, read_place
from vit_lab.probes.bins import histogram_edges
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.spelling import arm_label
from vit_lab.ui.words import LIVE_WEIGHTS

LINEAR_BINS = 72  # of a weight histogram on a linear axis
SPLITS = {"training": "step", "validation": "evaluated"}  # what a curve tells of, and the events that do
LIVE_CHARTS = {
    "curves": ("loss", "accuracy"),
    "weights": tuple(f"{measure}/{group}" for measure in LIVE_WEIGHTS for group in GROUPS),
}
TEXTS = [(name, pa.string()) for name in ("run", "arm", "name", "split")]
SCHEMA = pa.schema([*TEXTS, ("step", pa.int64()), ("value", pa.float64())])
WORDS = pa.dictionary(pa.int16(), pa.string())
COMPACT = pa.schema([(field.name, WORDS if pa.types.is_string(field.type) else field.type) for field in SCHEMA])
EMPTY = SCHEMA.empty_table()
NAME_GAP = 0.08  # of a chart's height, which a name takes
FAR = 8.0  # times: as far apart are two values that share no linear axis
LATE = 0.55  # of a run: from there on there is more room for a name to the left of its line's end
PLACED_BY = ["layer", "depth", "block", "head"]
Points = dict[str, list[tuple[str, int, float | None]]]  # by chart: split, step and value


def live_tables(
    store: Store, kind: Literal["curves", "weights"], runs: Sequence[RunRecord], names: Mapping[int, str], every: float
) -> dict[str, pa.Table]:
    """Rows for the live charts of a kind by chart: curves on training batches and on validation images, or the probed
    places of LIVE_WEIGHTS, such as "weight_std/qk". Columns COMPACT; `names` of the arms.

    Each run's rows are made once in `every` seconds of training, for all viewers together, and never changed.
    """
    told = ((run.id, run.arm, names[run.arm], _spans(run), _version(run, every)) for run in runs)
    return _tables_together(store, kind, tuple(told))


def are_far(table: pa.Table) -> bool:
    """Whether values of a table lie so far apart that a linear axis would make the small ones one line."""
    span = pc.min_max(table["value"]).as_py()
    return bool(span["min"]) and 0 < FAR * span["min"] < span["max"]


def run_curves(store: Store, runs: Sequence[RunRecord], measure: str, split: str) -> dict[str, pd.DataFrame]:
    """Columns step, seconds and value of one measure on "training" batches or "validation" images, by run id."""
    frames = {run.id: _curve(store, run.id, measure, _version(run)) for run in runs}
    return {run_id: frame[frame["split"] == split].dropna(subset="value") for run_id, frame in frames.items()}


def probe_table(store: Store, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """All probes of some runs: columns run, arm, name, step, and those of `by_place`."""
    frames = []
    for run in runs:
        frame = _probes(store, run.id, _version(run))
        frames.append(frame.assign(run=run.id, arm=letter(run.arm), name=arm_label(run.config.init)))
    columns = ["run", "arm", "name", "step", "measure", "place", "value", *PLACED_BY]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def by_place(rows: Iterable[tuple[str, Place, float | None]]) -> pd.DataFrame:
    """Rows of probes: columns measure, place (as spelled), value, and those that charts place them by, or None."""
    found = [(measure, str(place), value, *_placed_by(place)) for measure, place, value in rows]
    return pd.DataFrame(found, columns=["measure", "place", "value", *PLACED_BY])


def placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one probe with the columns that charts place them by alone; without groups pooled over blocks."""
    standing = rows[rows[PLACED_BY].notna().any(axis=1)]
    unused = [column for column in PLACED_BY if len(standing) and standing[column].isna().all()]
    return standing.drop(columns=unused)


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `placed` at one moment, and a row for each arm's name, at the end of its line; heads have no lines."""
    x = next((column for column in ("layer", "depth") if column in rows.columns), None)
    return rows if x is None or rows.empty else pd.concat([rows, name_rows(rows, x, "value")], ignore_index=True)


def _placed_by(place: Place) -> tuple[str | None, ...]:
    layer = str(place) if place.is_layer else None
    depth = None if place.depth is None else str(place.depth or "start")
    return layer, depth, *((None, None) if place.head is None else (str(place.block), str(place.head + 1)))


def histogram_rows(store: Store, runs: Sequence[RunRecord], layer: str, *, symlog: bool) -> pd.DataFrame:
    """A layer's weight histograms: columns arm, step, weight (middle of the bin), share of the weights in the bin.

    The bins are the same for all arms and steps: evenly spaced on a linear or a symlog axis, over what is in use.
    """
    found = [
        (run.arm, step, counts) for run in runs for step, counts in _histograms(store, run.id, layer, _version(run))
    ]
    if not found:
        return pd.DataFrame(columns=["arm", "step", "weight", "share"])
    edges = np.array(histogram_edges())
    counts = np.array([counts for _, _, counts in found], dtype=float)
    used = np.flatnonzero(counts.sum(axis=0))
    first, last = max(used[0] - 1, 0), min(used[-1] + 2, counts.shape[1])
    shown = edges[first : last + 1] if symlog else np.linspace(edges[first], edges[last], LINEAR_BINS + 1)
    mass = np.pad(counts.cumsum(axis=1), ((0, 0), (1, 0))) / counts.sum(axis=1, keepdims=True)
    shares = np.diff([np.interp(shown, edges, row) for row in mass], axis=1)
    middles = (shown[:-1] + shown[1:]) / 2
    moments = pd.DataFrame([(letter(arm), step) for arm, step, _ in found], columns=["arm", "step"])
    rows = moments.loc[moments.index.repeat(len(middles))].reset_index(drop=True)
    return rows.assign(weight=np.tile(middles, len(found)), share=shares.ravel())


@st.cache_resource(show_spinner=False, max_entries=100)
def _tables_together(
    _store: Store, kind: str, runs: tuple[tuple[str, int, str, tuple[int, int], str], ...]
) -> dict[str, pa.Table]:
    tables = [_run_tables(_store, kind, *run) for run in runs]
    found = {chart: [table[chart] for table in tables] for chart in LIVE_CHARTS[kind]}
    if kind == "curves":
        found = {chart: [*parts, _names(parts, downwards=chart == "accuracy")] for chart, parts in found.items()}
    return {chart: _compact([EMPTY, *parts]) for chart, parts in found.items()}


def _names(tables: Sequence[pa.Table], *, downwards: bool) -> pa.Table:
    """Where the arms' names stand in a chart of live curves, one a row: at the last validation of its first run.

    Curves that fall leave room above their ends, such as rise below them: late in a run a name stands there, beyond
    what its words span of the curves.
    """
    ends: dict[str, dict[str, Any]] = {}
    spans: dict[str, tuple[float, float]] = {}
    highest = []
    for table in tables:
        measured = table.filter(pc.and_(pc.equal(table["split"], "validation"), pc.is_valid(table["value"])))
        if not len(measured):
            continue
        [end] = measured.slice(len(measured) - 1).to_pylist()
        arm, whole, values = end["arm"], table["step"][-1].as_py(), measured["value"].to_pylist()
        ends.setdefault(arm, end | {"late": end["step"] > LATE * whole})
        first = sum(step < end["step"] - (1 - LATE) * whole for step in measured["step"].to_pylist())
        under = [*values[max(0, first - 1) :], *spans.get(arm, ())]
        spans[arm] = min(under), max(under)
        highest.append(max(values))
    gap = NAME_GAP * max(highest, default=1.0)
    beside = {arm: end["value"] for arm, end in ends.items()}
    beside |= beyond({arm: spans[arm] for arm, end in ends.items() if end["late"]}, gap, downwards=downwards)
    places = apart(beside, gap, downwards=downwards)
    split = {False: "name", True: "name, late"}
    told = [
        {**{key: end[key] for key in SCHEMA.names}, "split": split[end["late"]], "value": places[arm]}
        for arm, end in ends.items()
    ]
    return pa.Table.from_pylist(told, SCHEMA)


def _compact(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows in one batch, the words of each column told once: a third of the bytes, for the network of a class."""
    return pa.concat_tables(tables).combine_chunks().cast(COMPACT)


@st.cache_resource(show_spinner=False, max_entries=200)
def _run_tables(
    _store: Store, kind: str, run_id: str, arm: int, name: str, spans: tuple[int, int], version: str
) -> dict[str, pa.Table]:
    first, total_steps = spans
    points = _curve_points(_store, run_id, first) if kind == "curves" else _weight_points(_store, run_id)
    fixed = (run_id, letter(arm), name)
    extent = [("extent", 0, None), ("extent", total_steps, None)]
    return {
        chart: pa.table(
            [[*column] for column in zip(*((*fixed, *row) for row in [*rows, *extent]), strict=True)], SCHEMA
        )
        for chart, rows in points.items()
    }


def _spans(run: RunRecord) -> tuple[int, int]:
    """The step at which a run begins to be itself, which of a fork is that of its parent; and its last."""
    return run.config.fork.step if run.config.fork else 0, run.planned_steps


def _curve_points(store: Store, run_id: str, first: int) -> Points:
    """Up to its `first` step a run is its parent's, and drawn as such; there the two lines meet."""
    points: Points = {chart: [] for chart in LIVE_CHARTS["curves"]}
    for split, kind in SPLITS.items():
        events = store.events(run_id, kind)
        own = next((place for place, event in enumerate(events) if event["step"] >= first), len(events))
        for measure, rows in points.items():
            rows += [(f"{split}, parent", event["step"], event[measure]) for event in events[: own + 1] if first]
            rows += [(split, event["step"], event[measure]) for event in events[own:]]
    return points


def _weight_points(store: Store, run_id: str) -> Points:
    points: Points = {chart: [] for chart in LIVE_CHARTS["weights"]}
    for event in store.events(run_id, "probed"):
        for measure, place, value in rows_of(event, LIVE_WEIGHTS):
            if (chart := f"{measure}/{place}") in points:
                points[chart].append(("probe", event["step"], value))
    return points


def _version(run: RunRecord, every: float = 0.0) -> str:
    """Changes whenever the run may have said something new; while it runs, once in `every` seconds of training only."""
    rounded = run.wall_seconds // every if every and run.status == Status.RUNNING else run.wall_seconds
    return f"{run.turn}/{run.status}/{rounded}"


@st.cache_data(show_spinner=False, max_entries=2_000)
def _curve(_store: Store, run_id: str, measure: str, version: str) -> pd.DataFrame:
    rows = [
        {"split": split, "step": event["step"], "seconds": event["seconds"], "value": event[measure]}
        for split, kind in SPLITS.items()
        for event in _store.events(run_id, kind)
    ]
    return pd.DataFrame(rows, columns=["split", "step", "seconds", "value"])


@st.cache_data(show_spinner=False, max_entries=24)
def _probes(_store: Store, run_id: str, version: str) -> pd.DataFrame:
    frames = [by_place(rows_of(event)).assign(step=event["step"]) for event in _store.events(run_id, "probed")]
    return pd.concat(frames, ignore_index=True) if frames else by_place([]).assign(step=[])


@st.cache_data(show_spinner=False, max_entries=64)
def _histograms(_store: Store, run_id: str, layer: str, version: str) -> list[tuple[int, list[int]]]:
    place = read_place(layer)
    return [(event["step"], counts_at(event, place)) for event in _store.events(run_id, "histograms")]
