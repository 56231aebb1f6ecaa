"""What the store holds, as the rows that the chart specs draw. Read once per new event, for all viewers together."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from vit_lab.runs.records import RunRecord, arm_label
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store
from vit_lab.ui.arms import LETTERS

COLUMNS = ["run", "arm", "name", "split", "step", "value"]


def curve_rows(store: Store, runs: Sequence[RunRecord], measure: str) -> pd.DataFrame:
    """Rows for LOSS or ACCURACY: `measure` is "loss" or "accuracy" on training batches and validation images."""
    return _together(runs, [_curve(store, run.id, measure, _version(run)) for run in runs])


def probe_rows(store: Store, runs: Sequence[RunRecord], measure: str, place: str) -> pd.DataFrame:
    """Rows for a chart of one probe at one place, such as "weight_std" of the group "qk"."""
    frames = [_probes(store, run.id, _version(run)) for run in runs]
    return _together(runs, [f[(f["measure"] == measure) & (f["place"] == place)] for f in frames])


def _together(runs: Sequence[RunRecord], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    parts = []
    for run, frame in zip(runs, frames, strict=True):
        extent = pd.DataFrame({"split": "extent", "step": [0, run.total_steps or run.config.optim.steps]})
        part = pd.concat([frame, extent], ignore_index=True)
        part["run"], part["arm"], part["name"] = run.id, LETTERS[run.arm % len(LETTERS)], arm_label(run.config)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def _version(run: RunRecord) -> str:
    """Changes whenever the run may have said something new."""
    return f"{run.status}/{run.wall_seconds}" if run.status in ACTIVE else run.status


@st.cache_data(show_spinner=False, max_entries=400)
def _curve(_store: Store, run_id: str, measure: str, version: str) -> pd.DataFrame:
    splits = {"training": "step", "validation": "evaluated"}
    rows = [
        {"split": split, "step": event["step"], "value": event[measure]}
        for split, kind in splits.items()
        for event in _store.events(run_id, kind)
    ]
    return pd.DataFrame(rows, columns=["split", "step", "value"])


@st.cache_data(show_spinner=False, max_entries=200)
def _probes(_store: Store, run_id: str, version: str) -> pd.DataFrame:
    rows = [
        {"split": "probe", "step": event["step"], "measure": measure, "place": place, "value": value}
        for event in _store.events(run_id, "probed")
        for measure, place, value in event["rows"]
    ]
    return pd.DataFrame(rows, columns=["split", "step", "measure", "place", "value"])
