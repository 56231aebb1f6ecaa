"""Choosing, launching and extending experiments: what the pages Compare, U-curve and Claim share."""

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import is_available
from vit_lab.refusals import one_of
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE, MOST_ARMS, parse_arm
from vit_lab.runs.experiments import Plan, another_arm, more_seeds, new_experiment
from vit_lab.runs.manager import usable_cores
from vit_lab.runs.records import Kind, RunRecord, arm_label, unreadable
from vit_lab.runs.states import ACTIVE, ENDED, RESUMABLE, Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.live import TICK_SECONDS, run_controls, status_badge, whose_runs
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told, tell_hold_up
from vit_lab.ui.train.reuse import settings_button, settings_link

EVIDENCE = f"From {FEWEST_FOR_EVIDENCE} pairs on a result counts as evidence."
MARKS = {Status.WAITING: "·", Status.QUEUED: "·", Status.RUNNING: "▶", Status.FINISHED: "✓", Status.DIVERGED: "✗"}


def pick_experiment(kind: Kind) -> str | None:
    """A box with all experiments of a kind that have several arms or seeds, the newest first; the one in the address is chosen."""
    store = open_store()
    kinds = {record.id: record.kind for record in store.experiments()}
    members: dict[str, list[RunRecord]] = {}
    for run in store.runs():
        if not run.pilot and kinds.get(run.experiment) == kind and not unreadable(run):
            members.setdefault(run.experiment, []).append(run)
    labels = {one: _title(runs) for one, runs in members.items()
              if len({run.arm for run in runs}) > 1 or len({run.config.seed for run in runs}) > 1}  # fmt: skip
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


def _title(runs: Sequence[RunRecord]) -> str:
    arms = list(dict.fromkeys(arm_label(run.config) for run in sorted(runs, key=lambda run: run.arm)))
    seeds = len({run.config.seed for run in runs})
    names = " against ".join(arms) if len(arms) <= 3 else f"{arms[0]} to {arms[-1]}, {len(arms)} arms"
    first = runs[-1]
    return f"#{first.number}: {names}, {seeds} seed{'' if seeds == 1 else 's'}, {first.config.data.dataset}"


def launcher(label: str, kind: Kind, page: str, form: Callable[[], Plan], *, is_open: bool) -> Callable[[], None]:
    """A fold with a form for a new experiment and its button.

    Returns what tells how long it will take; call it at the end of the page, for the first time it loads torch.
    """
    fold = st.expander(label, icon=":material/science:", expanded=is_open, key=f"{kind}_fold", on_change="rerun")
    with fold:
        try:
            plan = form()
            needed = dict.fromkeys(run.config.data.dataset for run in plan.runs("planned"))
        except ConfigError as error:
            st.info(error.message)
            return lambda: None
        slot = st.empty()
        if away := [dataset for dataset in needed if not is_available(dataset)]:
            st.warning(f"{one_of(away, 'and')} is not on this machine; the page Train downloads it.")
            return lambda: None
        if st.button("Train all", type="primary", icon=":material/play_arrow:", key=f"{kind}_launch"):
            launch(plan, page)

    def tell_cost() -> None:
        if fold.open:
            try:
                slot.caption(cost_words(plan))
            except DatasetError as error:
                slot.error(str(error))

    return tell_cost


def experiment_page(kind: Kind, label: str, form: Callable[[], Plan], draw: Callable[[Store, list[RunRecord]], None],
                    empty: str) -> None:  # fmt: skip
    """A page about experiments of one kind: choose one, launch one, see it live, take it home."""
    store = open_store()
    chosen = pick_experiment(kind)
    tell_cost = launcher(label, kind, f"pages/{kind}.py", form, is_open=chosen is None)
    if chosen:
        live(draw, chosen)
        downloads(store, chosen)
        settings_link(store.runs(experiment=chosen))
    else:
        st.info(empty)
    tell_cost()


def launch(plan: Plan, page: str | None = None) -> None:
    """Queue all runs of a plan and show them on a page, or on the present one."""
    experiment = new_experiment()
    with problems_told():
        open_manager().submit(plan.runs(experiment), plan.kind)
        if page:
            st.switch_page(page, query_params={"experiment": experiment})
        st.query_params["experiment"] = experiment
        st.rerun()


def live(draw: Callable[[Store, list[RunRecord]], None], experiment: str) -> None:
    """Draw an experiment now, and each second while one of its runs is at work."""
    active = any(run.status in ACTIVE for run in _readable(open_store(), experiment))

    def panel() -> None:
        with problems_told():
            store = open_store()
            stored = store.runs(experiment=experiment)
            runs = [run for run in stored if not unreadable(run)]
            if hidden := len(stored) - len(runs):
                st.warning(f"{hidden} of the runs cannot be read here, and are in no number on this page.")
            if active and not any(run.status in ACTIVE for run in runs):
                st.rerun()  # the last tick
            tell_hold_up(runs)
            if runs:
                draw(store, runs)
            else:
                st.info("This experiment has been deleted.")

    st.fragment(panel, run_every=TICK_SECONDS if active else None)()


def _readable(store: Store, experiment: str) -> list[RunRecord]:
    return [run for run in store.runs(experiment=experiment) if not unreadable(run)]


def extended_note(store: Store, runs: Sequence[RunRecord]) -> None:
    """Say that seeds were added after the launch, if they were."""
    if store.experiment(runs[0].experiment).extended:
        st.caption("Seeds were added to this experiment after its launch. If that was because of what it showed, it errs "
                   "more often than 5 % of the time.")  # fmt: skip


def progress(runs: Sequence[RunRecord]) -> None:
    """How much of an experiment is done, and buttons that stop it or let it go on."""
    active = [run for run in runs if run.status in ACTIVE]
    still = [run for run in runs if run.status in RESUMABLE]
    total = sum(run.total_steps or run.config.optim.steps for run in runs)
    ended = sum(run.status in ENDED for run in runs)
    if active:
        done = sum(run.step for run in runs) / max(total, 1)
        st.progress(min(done, 1.0), text=f"{ended} of {len(runs)} runs have ended{_time_left(runs)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if active or still:
            run_controls(active, still)


def is_large(runs: Sequence[RunRecord]) -> bool:
    """Whether an experiment has more than one seed, or pilots, so that the page Train only tells how far it is."""
    return len({(run.config.seed, run.condition) for run in runs if not unreadable(run)}) > 1


def overview_panel(store: Store, runs: list[RunRecord]) -> None:
    """How far an experiment of several seeds is, and where to look at it."""
    whose_runs(runs)
    progress(runs)
    if len({run.arm for run in runs}) <= MOST_ARMS and len({run.condition for run in runs}) == 1:
        st.markdown(seed_strip(runs))
    kind = store.experiment(runs[0].experiment).kind
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(f"pages/{kind}.py", label="Watch this experiment", icon=":material/balance:",
                     query_params={"experiment": runs[0].experiment})  # fmt: skip
        settings_button(runs)


def _time_left(runs: Sequence[RunRecord]) -> str:
    """In words, from the speed of the runs at work now; nothing while none is known."""
    speed = sum(run.images_per_second or 0.0 for run in runs if run.status == Status.RUNNING)
    if not speed:
        return ""
    left = sum(((run.total_steps or run.config.optim.steps) - run.step) * run.config.optim.batch_size
               for run in runs if run.status in ACTIVE)  # fmt: skip
    return f", {about(left / speed)} to go"


def about(seconds: float) -> str:
    """A duration as a person says it."""
    return f"about {max(seconds, 1):.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def arms_input(default: Sequence[str], key: str, most: int = MOST_ARMS) -> list[str]:
    """A field for several inits, spelled as on the command line: scheme, or scheme:variance scale."""
    offered = list(dict.fromkeys([*default, "linear-default", "xavier", "kaiming", "vit", "normal:0.05", "xavier:3"]))
    return st.multiselect("Inits", offered, list(default), max_selections=most, accept_new_options=True, key=key,
                          help="A scheme, or scheme:variance scale, such as xavier:3. Type one that is not in the list.")  # fmt: skip


def extend(runs: Sequence[RunRecord], *, arms: bool = True) -> None:
    """Popovers that add seeds or another arm to an experiment, or train single runs again."""
    proper = [run for run in runs if not run.pilot]
    with st.container(horizontal=True):
        with st.popover("More seeds", icon=":material/add:"):
            count = st.number_input("Seeds to add", 1, 50, 3, key="seeds_to_add")
            st.caption("Adding seeds until an interval leaves out 0 finds differences that are not there. Decide on the "
                       "number before you look; this page remembers that seeds were added.")  # fmt: skip
            with problems_told():
                if st.button("Add", key="add_seeds", type="primary"):
                    open_manager().submit(more_seeds(runs, int(count)))
                    open_store().mark_extended(proper[0].experiment)
                    st.rerun()
        if arms and len({run.arm for run in proper}) < MOST_ARMS:
            with st.popover("Another arm", icon=":material/add:"):
                spec = st.text_input("Init", placeholder="kaiming, or normal:0.05", key="arm_to_add")
                with problems_told():
                    if st.button("Add", key="add_arm", type="primary", disabled=not spec):
                        open_manager().submit(another_arm(runs, parse_arm(spec)))
                        st.rerun()
        if broken := [run for run in runs if run.status in RESUMABLE]:
            with st.popover(f"{len(broken)} without a result", icon=":material/replay:"):
                for run in broken:
                    _again(run)


def _again(run: RunRecord) -> None:
    st.markdown(f"{chip(run.arm)} {arm_label(run.config)}, seed {run.config.seed} {status_badge(run)}")
    if run.error:
        st.caption(run.error)
    with st.container(horizontal=True), problems_told():
        if st.button("Resume", key=f"resume-{run.id}"):
            open_manager().resume(run.id)
            st.rerun()
        if st.button("Start over", key=f"over-{run.id}"):
            open_manager().start_over(run.id)
            st.rerun()


def seed_strip(runs: Sequence[RunRecord]) -> str:
    """Every run as one sign, arm by arm: waiting, at work, finished, diverged, without a result."""
    arms = sorted({run.arm for run in runs if not run.pilot})
    strips = []
    for arm in arms:
        own = sorted((run for run in runs if run.arm == arm and not run.pilot), key=lambda run: run.config.seed)
        strips.append(f"{chip(arm)} " + "".join(MARKS.get(Status(run.status), "?") for run in own))
    return "  ".join(strips)


def seeds_of(runs: Iterable[RunRecord]) -> list[int]:
    """The seeds of the runs proper."""
    return sorted({run.config.seed for run in runs if not run.pilot})


@st.cache_data(show_spinner="Measuring how fast a step is here", max_entries=64)
def seconds_per_run(config_json: str) -> float:
    """How long one run takes on one core of this machine, measured on a few of its steps."""
    from vit_lab.training.cost import estimate_seconds  # brings torch

    return estimate_seconds(RunConfig.model_validate_json(config_json))


def cost_words(plan: Plan) -> str:
    """How long a plan takes on this machine, before it is started."""
    configs = [run.config for run in plan.runs("estimate")]
    alike = [
        configure(config, seed=0, learning_rate=1e-3).model_copy(update={"init": RunConfig().init})
        for config in configs
    ]  # cost the same
    cores, seconds = usable_cores(), sum(seconds_per_run(config.model_dump_json()) for config in alike)
    return f"{len(configs)} runs, {about(seconds / cores)} on {cores} core{'' if cores == 1 else 's'}"


def downloads(store: Store, experiment: str) -> None:
    """Buttons for the report and for tables of an experiment."""
    from vit_lab.analysis.export import outcomes_csv, to_csv  # brings pandas

    def found() -> list[RunRecord]:
        return _readable(store, experiment)

    def as_report() -> str:
        from vit_lab.analysis.report import report  # brings the chart renderer

        return report(store, found())

    with st.container(horizontal=True):
        st.download_button("Report", as_report, "vit-lab-report.html", "text/html", icon=":material/description:",
                           on_click="ignore", key="report", help="One HTML file that opens without a network.")  # fmt: skip
        st.download_button("Results as CSV", lambda: outcomes_csv(found()), "vit-lab-results.csv", "text/csv",
                           icon=":material/download:", on_click="ignore", key="results")  # fmt: skip
        st.download_button("Curves as CSV", lambda: to_csv(store, found()), "vit-lab-curves.csv", "text/csv",
                           icon=":material/download:", on_click="ignore", key="curves")  # fmt: skip
