"""The box in which a page's experiment is chosen."""

from collections.abc import Sequence

import streamlit as st

from vit_lab.runs.records import Kind, RunRecord, arm_label, unreadable
from vit_lab.ui.serving.lab import open_store


def pick_experiment(kind: Kind) -> str | None:
    """A box with all experiments of a kind that have several arms or seeds, newest first; the address's is chosen."""
    store = open_store()
    kinds = {record.id: record.kind for record in store.experiments()}
    members: dict[str, list[RunRecord]] = {}
    for run in store.runs():
        if not run.pilot and kinds.get(run.experiment) == kind and not unreadable(run):
            members.setdefault(run.experiment, []).append(run)
    labels = {one: _title(runs) for one, runs in members.items() if _has_several(runs)}
    linked = st.query_params.get("experiment")
    if linked and linked not in labels:
        st.warning("The experiment of this link is not here: it may be deleted, or of another page.")
    if not labels:
        return None
    if linked in labels and st.session_state.get(f"{kind}_linked") != linked:
        st.session_state[f"{kind}_experiment"] = st.session_state[f"{kind}_linked"] = linked
    if st.session_state.get(f"{kind}_experiment") not in labels:
        st.session_state.pop(f"{kind}_experiment", None)
    chosen = st.selectbox("Experiment", list(labels), format_func=lambda one: labels[one], key=f"{kind}_experiment")
    st.query_params["experiment"] = st.session_state[f"{kind}_linked"] = chosen
    return str(chosen)


def _has_several(runs: Sequence[RunRecord]) -> bool:
    return len({run.arm for run in runs}) > 1 or len({run.config.seed for run in runs}) > 1


def _title(runs: Sequence[RunRecord]) -> str:
    arms = list(dict.fromkeys(arm_label(run.config) for run in sorted(runs, key=lambda run: run.arm)))
    seeds = len({run.config.seed for run in runs})
    names = " against ".join(arms) if len(arms) <= 3 else f"{arms[0]} to {arms[-1]}, {len(arms)} arms"
    first = runs[-1]
    return f"#{first.number}: {names}, {seeds} seed{'' if seeds == 1 else 's'}, {first.config.data.dataset}"
