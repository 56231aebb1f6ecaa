"""The box in which a page's experiment is chosen."""

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import Kind
from vit_lab.spelling import setting_words
from vit_lab.ui.serving.lab import open_store

LOOKED_AT = "looked_at"  # in the session: the experiment that this visitor was last shown, or has launched


def pick_experiment(kind: Kind) -> str | None:
    """A box with all experiments of a kind that have several arms or seeds, newest first; the address's is chosen.

    One of another kind is among them if the address asks for it and it can be seen this way.
    """
    linked = st.query_params.get("experiment")
    labels = {
        one.id: _title(one)
        for one in Experiment.read_all(open_store())
        if _has_several(one) and (one.kind == kind or (one.id == linked and can_be_seen_as(one, kind)))
    }
    if linked and linked not in labels:
        st.warning("The experiment of this link is not here: it may be deleted, or of another page.")
    if not labels:
        return None
    if linked in labels and st.session_state.get(f"{kind}_linked") != linked:
        st.session_state[f"{kind}_experiment"] = st.session_state[f"{kind}_linked"] = linked
    if st.session_state.get(f"{kind}_experiment") not in labels:
        st.session_state.pop(f"{kind}_experiment", None)
    chosen = st.selectbox("Experiment", list(labels), format_func=lambda one: labels[one], key=f"{kind}_experiment")
    st.query_params["experiment"] = st.session_state[f"{kind}_linked"] = st.session_state[LOOKED_AT] = chosen
    return str(chosen)


def can_be_seen_as(experiment: Experiment, kind: Kind) -> bool:
    """Whether a page can show an experiment: all of them can be compared, what has two arms can be checked as a claim,
    and a curve over variances wants arms that differ in their variance alone.
    """
    if kind == "sweep":
        picked = {"learning_rate"} if experiment.is_fair else set()
        return set(experiment.differences) - picked == {"variance_scale"}
    return kind == "compare" or len(experiment.arms) > 1


def _has_several(experiment: Experiment) -> bool:
    return len(experiment.arms) > 1 or len(experiment.seeds) > 1


def _title(experiment: Experiment) -> str:
    """Number, arms, conditions, seeds, and the settings in which it is unlike the classroom preset."""
    arms, seeds, conditions = list(experiment.names.values()), len(experiment.seeds), len(experiment.conditions)
    names = " against ".join(arms) if len(arms) <= 3 else f"{arms[0]} to {arms[-1]}, {len(arms)} arms"
    number, dataset = min(run.number for run in experiment.proper), experiment.proper[0].config.data.dataset
    told = [f"{seeds} seed{'' if seeds == 1 else 's'}"]
    told += [f"{conditions} conditions ({', '.join(map(setting_words, experiment.varied))})"] if conditions > 1 else []
    told += [dataset] if "dataset" not in {*experiment.shared, *experiment.varied} else []
    told += [experiment.shared_words] if experiment.shared_words else []
    return f"#{number}: {names}, {', '.join(told)}"
