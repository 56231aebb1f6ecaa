"""Inside: two twins side by side, and what differs in them, at any step of their training."""

import streamlit as st

from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.model_config import TimesformerConfig, TransformerConfig
from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.ui.inside import looks, sheet, views
from vit_lab.ui.inside.choice import ALL, KNOWS, LOOKS, NEEDS, VIEWS
from vit_lab.ui.inside.pair import choose_pair
from vit_lab.ui.inside.shown import history, say_answers
from vit_lab.ui.inside.stage import arrive_once, remember_all, say_problems, set_stage
from vit_lab.ui.inside.steps import FILM_SECONDS, is_playing, moves, scrub, standing
from vit_lab.ui.poll import TICK_SECONDS, poll
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_store

WHICH = {"cross": "The decoder reads the source", "decoder": "The decoder reads itself", "": "The encoder"}


def draw(runs: Runs) -> None:
    """The page below its first boxes, of one or two runs."""
    step = scrub(runs.runs)
    left, right = st.columns([0.24, 0.76], gap="medium")
    stage = set_stage(runs.runs, pair.names, step, left)
    if stage is None:
        return
    shown, chosen = stage
    model = shown[0].run.config.model
    with right:
        say_answers(shown)
        history(shown, chosen.example, step)
        whose = "the class that is underlined" if shown[0].glance.label >= 0 else "its own answer"
        note(f"How likely {whose} was, by step. The dashed line is the step that is shown.")
        view = st.segmented_control(
            "View", list(VIEWS.values()), required=True, key="inside_view", label_visibility="collapsed"
        )
    with left:
        if view != ALL:
            views.choose_place(shown[0])
    with right:
        if view == LOOKS:
            which = ""
            if isinstance(model, TransformerConfig):
                which = st.segmented_control(
                    "Attention", list(WHICH), format_func=WHICH.__getitem__, required=True, key="inside_which"
                )
            views.attention_maps(shown, which)
            note("""
                A row a block, a column a head: how much the token that reads takes of each patch. The same dark green
                everywhere: the head looks everywhere, as at a tiny variance. One yellow patch: it stares at one, as at
                a huge one, and its softmax passes no gradient on (Vaswani et al. 2017, Sec. 3.2.1; Zhai et al. 2023).
            """)
            if isinstance(model, TimesformerConfig) and model.space_time == "divided":
                st.markdown("**Over time**")
                views.over_time(shown)
                note("""
                    Left to right the frames: how much of each the place takes in before it reads its own frame
                    (Bertasius et al. 2021, Sec. 3.2). Even at the start; who tells directions apart looks to one side.
                """)
            st.markdown("**Through all blocks: rollout**")
            views.rollout_map(shown)
            note("""
                How much of each patch arrives at the answer, as far as attention tells: the heads' mean and the
                identity, multiplied through the blocks (Abnar & Zuidema 2020, Sec. 3). White everywhere: nothing was
                chosen.
            """)
        elif view == KNOWS:
            views.lens_chart(shown)
            note("""
                Logit lens: what the classifier would say if the network ended after each block; the last row is its
                answer (nostalgebraist 2020). Rows that are alike: the blocks say nothing. One that brightens early:
                the answer was there, and later blocks only sharpen it.
            """)
            views.token_maps(shown)
            note(f"""
                The same of each patch alone, for the class {views.class_names(shown[0].run)[shown[0].glance.of]}: where
                is it written already?
            """)
        elif view == NEEDS:
            views.occlusion_map(shown, chosen.example)
            note("""
                What the class loses when a patch is blanked (Zeiler & Fergus 2014, Sec. 4.2). Red: the answer needs
                that patch. Blue: it was in the way. No colour at all: the model does not look at the digit.
            """)
        elif view == ALL:
            _all_digits(shown)
    remember_all(pair.address, shown, chosen)


def _all_digits(shown: list[views.Shown]) -> None:
    answers = [looks.answers(one.run, one.weights) for one in shown]
    sheet.confusion_matrices(shown, answers)
    note(f"""
        The first {len(answers[0].labels):,} of the test set, at this step. Rows are what it is, columns what the arm
        says: right answers on the diagonal, one bright column is a model that says the same of everything.
    """)
    if len(shown) < 2 or not sheet.can_be_shown(shown):
        return
    found = sheet.disagreements(answers)
    st.markdown(f"**They disagree about {len(found):,} of {len(answers[0].labels):,}**")
    if len(found):
        sheet.disagreement_sheet(shown, found, answers)
        note("Click one to look at it in both arms.")


store = open_store()
experiments = [one for one in Experiment.read_all(store) if one.proper]
if not experiments:
    st.info("No runs yet: train your first pair, and both can be looked into here, live.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
    st.stop()

pair = choose_pair(experiments)
for sentence in [*pair.wrong, *arrive_once(pair.runs)]:
    st.warning(sentence)
ids = [run.id for run in pair.runs]


def draw_or_say(runs: Runs) -> None:
    """What is too much for this machine is said in a sentence."""
    try:
        draw(runs)
    except (TooMuchError, CannotStartError) as error:
        say_problems(error)


poll(
    lambda: Runs(tuple(store.runs(ids))),
    draw_or_say,
    every=FILM_SECONDS if is_playing() else TICK_SECONDS,
    standing=standing,
    moves=moves,
)
