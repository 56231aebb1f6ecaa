"""What may be done with the runs that are ticked on the page Runs."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from vit_lab.analysis.export import to_csv, to_json
from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.runs.plans import new_experiment
from vit_lab.runs.records import NewRun, RunRecord
from vit_lab.runs.store import LONGEST_NAME
from vit_lab.spelling import counted
from vit_lab.ui.experiments.controls import run_controls
from vit_lab.ui.experiments.downloads import DOWNLOAD_ICON, script_button, too_many
from vit_lab.ui.experiments.fork import of_forks
from vit_lab.ui.experiments.look import look_button
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told
from vit_lab.ui.serving.visitor import not_theirs
from vit_lab.ui.train.reuse import REUSE_ICON, link_of

REUSE_HELP = "Opens Train, with the form filled in as for this experiment."
MOST_NAMED = 12  # runs in the question before they are deleted


def actions(chosen: Sequence[RunRecord]) -> None:
    """What may be done with the selected runs."""
    store, runs, why = open_store(), Runs(tuple(chosen)), not_theirs(chosen)
    none, no_change = not chosen, bool(why)
    if st.button("Open", icon=":material/show_chart:", disabled=none, key="open"):
        st.switch_page("pages/train.py", query_params={"experiment": chosen[0].experiment})
    look_button(chosen[0] if chosen else None)
    link = link_of(Experiment.read(store, chosen[0].experiment)) if chosen else None
    if st.button("Use settings", icon=REUSE_ICON, disabled=not link, key="reuse", help=REUSE_HELP):
        st.switch_page("pages/train.py", query_params=link)
    if st.button("Rename, tag", icon=":material/edit:", disabled=none or no_change, help=why, key="edit"):
        _edit(chosen)
    if st.button("Run again", icon=":material/replay:", disabled=not runs.runs, key="again"):
        _run_again(runs.runs)
    run_controls(runs)
    may_not = none or bool(runs.active) or no_change
    if st.button("Delete", icon=":material/delete:", disabled=may_not, help=why, key="delete"):
        _delete(chosen)
    as_csv, as_json = partial(to_csv, store, runs.runs), partial(to_json, store, runs.runs)
    too_much = too_many(len(runs.runs))
    download = partial(
        st.download_button,
        icon=DOWNLOAD_ICON,
        disabled=not runs.runs or bool(too_much),
        help=too_much,
        on_click="ignore",
    )
    download("CSV", as_csv, "vit-lab-runs.csv", "text/csv", key="csv")
    download("JSON", as_json, "vit-lab-runs.json", "application/json", key="json")
    if len(runs.runs) == 1:
        script_button(runs.runs[0])


@st.dialog("Rename and tag")
def _edit(runs: Sequence[RunRecord]) -> None:
    """Name and tags of one run, or the tags of several, which keep their names."""
    name = st.text_input("Name", runs[0].name, max_chars=LONGEST_NAME) if len(runs) == 1 else ""
    alike = runs[0].tags if len({run.tags for run in runs}) == 1 else ""
    label = "Tags" if len(runs) == 1 else f"Tags of {len(runs)} runs, in place of those they have"
    tags = st.text_input(label, alike, max_chars=LONGEST_NAME, placeholder="for example: demo, week 3")
    if st.button("Save", type="primary", key="save"):
        with problems_told():
            for run in runs:
                open_manager().describe(run.id, name or run.name, tags)
            st.rerun()


@st.dialog("Delete runs")
def _delete(runs: Sequence[RunRecord]) -> None:
    """Ask before anything is lost."""
    forks = of_forks(runs, open_store())
    st.write(f"Delete {counted(len(runs), 'run')} with all measurements? This cannot be undone.{forks}")
    told = [f"#{run.number}  {run.name}" for run in runs[:MOST_NAMED]]
    told += [f"and {len(runs) - MOST_NAMED} more"] if len(runs) > MOST_NAMED else []
    st.code("\n".join(told), language=None)
    with st.container(horizontal=True):
        if st.button("Cancel", key="delete-cancelled"):
            st.rerun()
        if st.button(":red[Delete]", icon=":material/delete:", key="delete-confirmed"):
            with problems_told():
                open_manager().delete([run.id for run in runs])
                st.session_state["table"] = {"selection": {"rows": []}}  # or the next would stand ticked in its place
                st.rerun()


def _run_again(runs: Sequence[RunRecord]) -> None:
    """Queue the same configs once more, as a new experiment, and show them."""
    experiment = new_experiment()
    settings = [run.config.seedless for run in runs]  # runs that differ in the seed are one arm
    arms = {setting: arm for arm, setting in enumerate(dict.fromkeys(settings))}
    pairs = zip(runs, settings, strict=True)
    open_manager().submit([NewRun(run.config, run.name, experiment, arms[setting]) for run, setting in pairs])
    st.switch_page("pages/train.py", query_params={"experiment": experiment})
