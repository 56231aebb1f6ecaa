"""What the host of a class has on the page: a form for a new round, and the buttons of the one that is shown."""

from collections.abc import Callable

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import is_available
from vit_lab.forkserver.calls import CannotStartError
from vit_lab.runs.classroom import ARMS, Board, Classroom, may_be_free
from vit_lab.runs.plans import Plan
from vit_lab.runs.ready_rounds import READY, measured
from vit_lab.runs.rounds import LONGEST_QUESTION, MOST_PLAYERS
from vit_lab.spelling import arm_names, setting_words
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.cost import cost_words
from vit_lab.ui.experiments.launch import NOT_NOW, OF_TRAIN, TRAIN_FORM
from vit_lab.ui.prose import literal, prose
from vit_lab.ui.serving.lab import open_manager, problems_told

SHOWN, START = "round", "start"  # where the address says which round is shown, and which the form begins with
USUAL_CLASS = 30  # students
REFUSED, MOST_TOLD = "round_refused", 3  # in the session: why runs could not be queued; how many reasons are told
FREE_HELP = prose("""
    None is the usual: then all pairs are repetitions of one another, and one verdict is about them all. What a student
    changes holds for both of their twins.
""")
OWN_QUESTION = "Which twin is ahead at the end, and by how many points?"


def classroom() -> Classroom:
    """The rounds of this server, as this person may handle them."""
    return Classroom(open_manager())


def new_round(*, is_open: bool) -> Callable[[], None]:
    """A fold with a form for a new round.

    Returns what tells how long it will take; call it at the end of the page, for the first time it loads torch.
    """
    asked_for = st.query_params.get(START)
    is_open = is_open or asked_for is not None
    with st.expander("New round", icon=":material/add:", expanded=is_open, key="round_fold", on_change="rerun") as fold:
        held: list[RunConfig] = st.session_state.get(TRAIN_FORM, [])
        offered = {name: ready.title for name, ready in READY.items()}
        offered |= {OF_TRAIN: "The first two arms of the page Train"} if len(held) >= ARMS else {}
        names = list(offered)
        first = names.index(asked_for) if asked_for in names else 0
        start = st.selectbox("Start from", names, first, format_func=lambda one: offered[one], key="round_start")
        arms = held[:ARMS] if start == OF_TRAIN else list(READY[start].configs)
        asked = OWN_QUESTION if start == OF_TRAIN else READY[start].question
        question = st.text_area("Question", asked, max_chars=LONGEST_QUESTION, key=f"round_question_{start}", height=80)
        st.markdown("  against  ".join(f"{chip(arm)} {literal(name)}" for arm, name in enumerate(arm_names(arms))))
        left, right = st.columns(2)
        free = left.multiselect(
            "Students may change",
            may_be_free(arms),
            format_func=setting_words,
            key=f"round_free_{start}",
            placeholder="nothing",
            help=FREE_HELP,
        )
        students = int(right.number_input("Students expected", 1, MOST_PLAYERS, USUAL_CLASS, key="round_students"))
        slot = st.empty()
        dataset = arms[0].data.dataset
        if not is_available(dataset):
            st.warning(f"{dataset} is not on this machine; the page Train downloads it.")
        elif st.button("Open the round", type="primary", icon=":material/campaign:", key="round_open"):
            with problems_told():
                st.query_params[SHOWN] = classroom().open(question, arms, free)
                st.query_params.pop(START, None)
                st.rerun()
        _tell_measured(start)

    def tell_cost() -> None:
        if fold.open:
            try:
                plan = Plan(arms, range(arms[0].seed, arms[0].seed + students))
                slot.caption(f"For {students} students: {cost_words(plan, open_manager().workers)}.")
            except DatasetError as error:
                slot.error(str(error))
            except CannotStartError:
                slot.info(NOT_NOW)

    return tell_cost


def controls(board: Board) -> None:
    """What comes next in a round: one main button, and what may be needed beside it."""
    assert board.round is not None
    asked, rounds = board.round, classroom()
    with st.container(horizontal=True, vertical_alignment="center"), problems_told():
        if asked.is_open:
            help_text = "Nobody can guess after this, and the guesses are shown."
            if st.button("Close guesses", type="primary", icon=":material/lock:", key="round_close", help=help_text):
                rounds.close(asked.id)
                st.rerun()
        elif not asked.revealed_at:
            help_text = "Shows the guesses against what came out, and who came closest."
            if st.button("Reveal", type="primary", icon=":material/emoji_events:", key="round_reveal", help=help_text):
                rounds.reveal(asked.id)
                st.rerun()
        if board.resumable:
            help_text = "Queues the pairs that nobody has started, or that the end of a server has interrupted."
            icon = ":material/play_arrow:"  # no count beside it: this part is not drawn again with each guess
            if st.button("Train what stands still", icon=icon, key="round_rest", help=help_text):
                st.session_state[REFUSED] = asked.id, rounds.train_the_rest(asked.id)
                st.rerun()
        if board.stored and not asked.is_open:  # before, whoever can still guess would see what comes out
            here = {"experiment": asked.id}
            st.page_link("pages/compare.py", label="See it on Compare", icon=":material/balance:", query_params=here)
    of, refused = st.session_state.get(REFUSED, ("", []))
    if board.resumable and of == asked.id and refused:
        more = f" And {len(refused) - MOST_TOLD} more." if len(refused) > MOST_TOLD else ""
        st.warning(f"Not all could be queued: {'; '.join(map(literal, refused[:MOST_TOLD]))}.{more}")


def _tell_measured(start: str) -> None:
    """What a ready round came to where it was measured; of one that was not, nothing."""
    if outcome := measured().get(start):
        with st.popover("What was measured", icon=":material/visibility:"):
            st.markdown(
                f"B minus A over {outcome.pairs} pairs: **{outcome.mean:+.1f} points**, "
                f"95 % interval {outcome.low:+.1f} to {outcome.high:+.1f}."
            )
