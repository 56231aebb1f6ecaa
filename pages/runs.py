"""Runs: every run so far, and what one may do with them."""

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
from vit_lab.ui.poll import poll
from vit_lab.ui.runs.table import COLUMN_CONFIG, matches, runs_table
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told
from vit_lab.ui.serving.visitor import is_class, not_theirs, visitor
from vit_lab.ui.train.reuse import REUSE_ICON, link_of

TABLE_SECONDS = 2.0
REUSE_HELP = "Opens Train, with the form filled in as for this experiment."
MOST_NAMED = 12  # runs in the question before they are deleted
MINE = "\nmine"  # what a search has besides words, for those of the person who looks
SEARCH = "Search names, tags, states and settings"

store = open_store()


@st.dialog("Rename and tag")
def edit(runs: Sequence[RunRecord]) -> None:
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
def delete(runs: Sequence[RunRecord]) -> None:
    """Ask before anything is lost."""
    st.write(f"Delete {counted(len(runs), 'run')} with all measurements? This cannot be undone.{of_forks(runs, store)}")
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


def run_again(runs: Sequence[RunRecord]) -> None:
    """Queue the same configs once more, as a new experiment, and show them."""
    experiment = new_experiment()
    settings = [run.config.seedless for run in runs]  # runs that differ in the seed are one arm
    arms = {setting: arm for arm, setting in enumerate(dict.fromkeys(settings))}
    pairs = zip(runs, settings, strict=True)
    open_manager().submit([NewRun(run.config, run.name, experiment, arms[setting]) for run, setting in pairs])
    st.switch_page("pages/train.py", query_params={"experiment": experiment})


def table(everything: Runs) -> None:
    """The table and what may be done with its selection. While rows are selected, no row is added or moved."""
    chosen_rows = st.session_state.get("table", {}).get("selection", {}).get("rows", [])
    words = st.session_state.get("search", "") + MINE * st.session_state.get("mine", False)
    shown = st.session_state.get("shown", [])
    runs = store.runs(shown)
    if not chosen_rows or len(runs) < len(shown) or words != st.session_state.get("searched", ""):
        if chosen_rows:  # a row may have moved: what was ticked is not what stands there now
            chosen_rows, st.session_state["table"] = [], {"selection": {"rows": []}}
        theirs, me = words.removesuffix(MINE) == words, visitor()
        runs = [run for run in everything.stored if matches(run, words.removesuffix(MINE))]
        runs = runs if theirs else [run for run in runs if run.owner == me]
        st.session_state["shown"], st.session_state["searched"] = [run.id for run in runs], words
    bar = st.container(horizontal=True)
    st.dataframe(
        runs_table(runs),
        column_config=COLUMN_CONFIG,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        height="content" if len(runs) <= 18 else 700,
        key="table",
        alt="All runs, newest first",
    )
    chosen = [runs[row] for row in chosen_rows if row < len(runs)]
    with bar, problems_told():
        actions(chosen)
    if not chosen:
        st.caption("Select rows to open, rename, tag, run again, stop, delete or download them.")


def actions(chosen: Sequence[RunRecord]) -> None:
    """What may be done with the selected runs."""
    runs, why = Runs(tuple(chosen)), not_theirs(chosen)
    none, no_change = not chosen, bool(why)
    if st.button("Open", icon=":material/show_chart:", disabled=none, key="open"):
        st.switch_page("pages/train.py", query_params={"experiment": chosen[0].experiment})
    look_button(chosen[0] if chosen else None)
    link = link_of(Experiment.read(store, chosen[0].experiment)) if chosen else None
    if st.button("Use settings", icon=REUSE_ICON, disabled=not link, key="reuse", help=REUSE_HELP):
        st.switch_page("pages/train.py", query_params=link)
    if st.button("Rename, tag", icon=":material/edit:", disabled=none or no_change, help=why, key="edit"):
        edit(chosen)
    if st.button("Run again", icon=":material/replay:", disabled=not runs.runs, key="again"):
        run_again(runs.runs)
    run_controls(runs)
    may_not = none or bool(runs.active) or no_change
    if st.button("Delete", icon=":material/delete:", disabled=may_not, help=why, key="delete"):
        delete(chosen)
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


if store.latest_experiment():
    icon = ":material/search:"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text_input("Search", key="search", placeholder=SEARCH, icon=icon, label_visibility="collapsed")
        if is_class():
            st.toggle("Mine only", key="mine", width="content")
    poll(lambda: Runs(tuple(store.runs())), table, every=TABLE_SECONDS)
else:
    st.info("No runs yet: train your first pair, and it will be kept here.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
