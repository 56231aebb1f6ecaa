"""Launching experiments: the fold with a form for a new one, and what its button does."""

from collections.abc import Callable, Sequence

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import is_available
from vit_lab.forkserver.calls import CannotStartError
from vit_lab.presets import PRESETS, preset
from vit_lab.refusals import one_of
from vit_lab.runs.designs import CLAIM_ARMS, FEWEST_FOR_EVIDENCE, MOST_ARMS
from vit_lab.runs.experiments import Runs
from vit_lab.runs.forks import ForkPlan
from vit_lab.runs.plans import Plan, new_experiment
from vit_lab.runs.records import Kind
from vit_lab.settings import ConfigError
from vit_lab.spelling import arm_specs
from vit_lab.ui.experiments.choose import LOOKED_AT
from vit_lab.ui.experiments.cost import cost_words
from vit_lab.ui.prose import prose
from vit_lab.ui.serving.lab import open_manager, open_store, problems_told

EVIDENCE = f"From {FEWEST_FOR_EVIDENCE} pairs on a result counts as evidence."
ARMS_OFFERED = ("linear-default", "xavier", "kaiming", "vit", "normal:0.05", "xavier:3")
NOT_NOW = "How long this takes cannot be told just now: this machine starts no more processes."
ARMS_HELP = prose("""
    A scheme, or scheme:variance scale, such as xavier:3; other settings may follow, as in xavier,norm=post. Type one
    that is not in the list.
""")
VARIED_OFFERED = ("train_size=200,1000,all", "depth=2,4,8", "learning_rate=0.001,0.004,0.016", "norm=pre,post,none")
VARY_HELP = "A setting and its values: every arm is trained under each, and several of them make a grid. Type your own."
TRAIN_FORM, OF_TRAIN = "train_form", "the form of Train"
LAUNCHED, MOST_NUMBERS = "launched", 4  # in the session: the plan that was launched last, and its experiment
START_HELP = "A preset, or whatever the page Train was last filled in with."


def launcher(label: str, kind: Kind, page: str, form: Callable[[], Plan], *, is_open: bool) -> Callable[[], None]:
    """A fold with a form for a new experiment and its button.

    Returns what tells how long it will take; call it at the end of the page, for the first time it loads torch.
    """
    fold = st.expander(label, icon=":material/science:", expanded=is_open, key=f"{kind}_fold", on_change="rerun")
    with fold:
        try:
            plan = form()
            needed = dict.fromkeys(config.data.dataset for config, _ in plan.of_one_seed())
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
                slot.caption(cost_words(plan, open_manager().workers))
            except DatasetError as error:
                slot.error(str(error))
            except CannotStartError:
                slot.info(NOT_NOW)

    return tell_cost


def arms_input(default: Sequence[str], key: str, most: int = MOST_ARMS) -> list[str]:
    """A field for several arms, spelled as on the command line: scheme, scheme:variance scale, and other settings."""
    return st.multiselect(
        "Arms",
        list(dict.fromkeys([*default, *ARMS_OFFERED])),
        list(default),
        max_selections=most,
        accept_new_options=True,
        key=key,
        help=ARMS_HELP,
    )


def variations_input(key: str) -> list[str]:
    """A field for the settings that conditions vary, spelled as on the command line."""
    return st.multiselect(
        "Vary as well", VARIED_OFFERED, [], accept_new_options=True, key=key, placeholder="nothing", help=VARY_HELP
    )


def start_from() -> tuple[RunConfig, list[str]]:
    """Where a new comparison starts: a preset, or what the form of Train holds; and the arms that go with it."""
    held: list[RunConfig] = st.session_state.get(TRAIN_FORM, [])
    options = [*([OF_TRAIN] if held else []), *PRESETS]
    index = options.index(next(iter(PRESETS)))
    start = st.selectbox(
        "Start from", options, index=index, key="compare_preset", help=START_HELP, on_change=_forget_arms
    )
    if start != OF_TRAIN:
        return preset(start), list(CLAIM_ARMS)
    return held[0], arm_specs(held) if len(held) > 1 else list(CLAIM_ARMS)


def _forget_arms() -> None:
    """Another start brings other arms."""
    st.session_state.pop("compare_arms", None)


def launch(plan: Plan | ForkPlan, page: str | None = None) -> None:
    """Queue all runs of a plan and show them on a page, or on the present one.

    While they are at work, the same plan is not launched once more: whoever taps twice wants one pair.
    """
    before, known = st.session_state.get(LAUNCHED, (None, ""))
    if plan == before and (active := Runs(tuple(open_store().runs(experiment=known))).active):
        numbers = one_of([f"#{run.number}" for run in sorted(active, key=lambda run: run.number)[:MOST_NUMBERS]], "and")
        st.info(f"This is training already: {numbers}. Change a setting, or the seed, to train something else.")
        return
    experiment = new_experiment()
    with problems_told():
        open_manager().submit(plan.runs(experiment), plan.kind)
        st.session_state[LAUNCHED] = plan, experiment
        st.session_state[LOOKED_AT] = experiment
        if page:
            st.switch_page(page, query_params={"experiment": experiment})
        st.query_params["experiment"] = experiment
        st.rerun()
