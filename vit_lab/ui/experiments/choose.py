"""The box in which a page's experiment is chosen."""

from collections.abc import Mapping

import streamlit as st

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import Kind
from vit_lab.runs.store import Store
from vit_lab.spelling import counted, setting_words
from vit_lab.ui.prose import as_code
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.serving.visitor import visitor

ANOTHER = "Another is shown."
LOOKED_AT = "looked_at"  # in the session: the experiment that this visitor was last shown, or has launched


def experiment_on_screen(store: Store) -> str | None:
    """The experiment that a page shows which has no box for it: the address's, else what this visitor looked at last.

    Before they have looked at any it is the latest of their own, and without one the latest of all. It is remembered
    for the pages that follow. None if there are no runs at all, or where the address names what is not here: the page
    then says so.
    """
    linked, seen = st.query_params.get("experiment"), st.session_state.get(LOOKED_AT)
    latest = store.latest_experiment(visitor()) or store.latest_experiment()
    if linked and latest and not store.holds(linked):
        st.info(f"{not_here(linked)} The page Runs lists what there is.")
        return None
    found = next((one for one in (linked, seen) if one and store.holds(one)), latest)
    if found:
        st.session_state[LOOKED_AT] = found
    return found


def listed(kind: Kind | None = None, least: int = 1) -> tuple[list[Experiment], int]:
    """The newest experiments, this visitor's own first, and how many there are that a box does not list.

    The address's, or else what they looked at last, is among them in any case; others have so many runs at `least`.
    """
    wanted = st.query_params.get("experiment") or st.session_state.get(LOOKED_AT)
    return Experiment.read_newest(open_store(), kind=kind, first=visitor(), also=wanted, least=least)


def not_here(linked: str) -> str:
    """A sentence on a link that names an experiment which a page cannot show."""
    return f"The experiment of this link is not here ({as_code(linked)}): it may be deleted, or of another page."


def pick_experiment(kind: Kind) -> str | None:
    """A box with the newest experiments of a kind that have several arms or seeds; the address's is chosen.

    One of another kind is among them if the address asks for it and it can be seen this way.
    """
    linked = st.query_params.get("experiment")
    found, others = listed(kind, least=2)
    labels = {
        one.id: _title(one)
        for one in found
        if _has_several(one) and (one.kind == kind or (one.id == linked and can_be_seen_as(one, kind)))
    }
    if linked and linked not in labels:
        st.warning(not_here(linked) + (f" {ANOTHER}" if labels else ""))
    if not labels:
        return None
    return box_of_experiments("Experiment", labels, kind, others)


def box_of_experiments(label: str, labels: Mapping[str, str], key: str, others: int) -> str:
    """A box that chooses one of some experiments, by id, and says so in the address; it tells if there are `others`.

    The address decides where it names another one than the box did last, as after a link and after Back in a browser;
    on arrival without one, what this visitor looked at last, and their own before others'.
    """
    box, told = f"{key}_experiment", f"{key}_linked"
    linked = st.query_params.get("experiment")
    if linked in labels and st.session_state.get(told) != linked:
        st.session_state[box] = linked
    elif not linked and (seen := st.session_state.get(LOOKED_AT)) in labels:
        st.session_state[box] = seen
    if st.session_state.get(box) not in labels:
        st.session_state[box] = next(iter(labels))
    chosen = str(st.selectbox(label, list(labels), format_func=labels.__getitem__, key=box, help=tell_others(others)))
    st.query_params["experiment"] = st.session_state[told] = st.session_state[LOOKED_AT] = chosen
    return chosen


def tell_others(others: int) -> str | None:
    """What the help of a box says of the experiments that it does not list; None if it has all."""
    return f"{others:,} more on the page Runs, which can search and open them." if others else None


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
    names, seeds, conditions = experiment.title, len(experiment.seeds), len(experiment.conditions)
    number, dataset = min(run.number for run in experiment.proper), experiment.proper[0].config.data.dataset
    told = [counted(seeds, "seed")]
    told += [f"{conditions} conditions ({', '.join(map(setting_words, experiment.varied))})"] if conditions > 1 else []
    told += [dataset] if "dataset" not in {*experiment.shared, *experiment.varied} else []
    told += [experiment.shared_words] if experiment.shared_words else []
    return f"#{number}: {names}, {', '.join(told)}"
