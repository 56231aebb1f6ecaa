"""The table of runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.runs.records import RunRecord
from vit_lab.settings import PART_OF, compared, difference
from vit_lab.spelling import arm_label, value_words

A_PAGE = 300  # runs; each costs the server a third of a millisecond
COLUMN_CONFIG: dict[str, Any] = {
    "name": st.column_config.TextColumn("Run", width=230),
    "status": st.column_config.TextColumn("State"),
    "number": st.column_config.NumberColumn("No.", format="#%d", help="By which pages call a run."),
    "progress": st.column_config.ProgressColumn("Steps", format=" ", min_value=0, max_value=1, width="small"),
    "loss": st.column_config.LineChartColumn(
        "Loss", width="small", y_min=0, help="Training loss from first step to last."
    ),
    "val_accuracy": st.column_config.NumberColumn("Validation", format="%.1f%%"),
    "test_accuracy": st.column_config.NumberColumn("Test", format="%.1f%%"),
    "init": st.column_config.TextColumn("Init", width=190),
    "settings": st.column_config.TextColumn("Other settings", help="What differs from the classroom preset."),
    "tags": st.column_config.TextColumn("Tags"),
    "node": st.column_config.TextColumn("Machine", help="The one of the cluster that trained it last."),
    "seconds": st.column_config.NumberColumn("Time", format="%.0f s"),
    "started": st.column_config.DatetimeColumn("Launched", format="distance"),
}


def runs_table(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run, in the columns of COLUMN_CONFIG; that of machines only if a cluster has trained one."""
    shown = [column for column in COLUMN_CONFIG if column != "node" or any(run.node for run in runs)]
    table = pd.DataFrame([_row(run) for run in runs], columns=shown)
    table["started"] = pd.to_datetime(table["started"], format="ISO8601", errors="coerce", utc=True)
    return table


def _row(run: RunRecord) -> dict[str, Any]:
    why = run.unreadable
    init, settings = ("unreadable", why) if why else (arm_label(run.config.init), _settings(run.config))
    total = run.total_steps
    return {
        "name": run.name,
        "status": run.status,
        "number": run.number,
        "progress": run.step / total if total else 0.0,
        "loss": run.losses,
        "val_accuracy": _in_percent(run.val_accuracy),
        "test_accuracy": _in_percent(run.test_accuracy),
        "init": init,
        "settings": settings,
        "tags": run.tags,
        "node": run.node,
        "seconds": run.wall_seconds,
        "started": run.created_at,
    }


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _settings(config: RunConfig) -> str:
    """What differs from the defaults, the init left out: 'patch size 4, depth 2'."""
    changed, own = difference(RunConfig(), config), compared(config)
    told = {field: new for field, (_, new) in changed.items() if field in own and PART_OF.get(field) != "init"}
    return ", ".join(value_words(field, new) for field, new in told.items())
