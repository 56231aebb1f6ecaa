"""Inside: two twins side by side, and what differs in them, at any step of their training."""

import streamlit as st

from vit_lab.model_config import TimesformerConfig, TransformerConfig
from vit_lab.runs.experiments import Runs
from vit_lab.runs.records import RunRecord
from vit_lab.ui.experiments.choose import listed
from vit_lab.ui.experiments.fork import fork_button
from vit_lab.ui.inside import looks, news, sheet, views
from vit_lab.ui.inside.choice import ALL, KNOWS, LOOKS, NEEDS, VIEWS
from vit_lab.ui.inside.pair import choose_pair
from vit_lab.ui.inside.shown import Shown, history, say_answers
from vit_lab.ui.inside.stage import arrive_once, remember_all, set_stage
from vit_lab.ui.inside.steps import FILM_SECONDS, film, is_moving, scrub
from vit_lab.ui.poll import poll
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_store

SIDE_BY_SIDE = (0.24, 0.76)


def draw(runs: list[RunRecord]) -> None:
    """The page below its first boxes, of one or two runs."""
    step = scrub(runs)
    offers = st.container()
    controls, says = st.columns(SIDE_BY_SIDE, gap="medium")
    stage = set_stage(runs, pair.names, step, controls, offers)
    if stage is None:
        return
    shown, chosen = stage
    with says:
        say_answers(shown)
    left, right = st.columns(SIDE_BY_SIDE, gap="medium")
    with left:
        views.choose_place(shown[0])
        views.follow(shown[0])
        fork_button(runs, step)
    with right:
        view = st.segmented_control(
            "View", list(VIEWS.values()), required=True, key="inside_view", label_visibility="collapsed"
        )
        if view == LOOKS:
            _where_it_looks(shown)
        elif view == KNOWS:
            views.lens_chart(shown)
            note("""
                Logit lens: what the classifier would say if the network ended after each block; the last row is its
                answer (nostalgebraist 2020). Rows that are alike: the blocks say nothing. One that brightens early:
                the answer was there, and later blocks only sharpen it.
            """)
            views.token_maps(shown)
            note(f"""
                The same of each patch alone, for {views.followed(shown)}: in which patches is it written already, and
                from which block on?
            """)
        elif view == NEEDS:
            views.occlusion_map(shown, chosen.example)
            note(f"""
                What {views.followed(shown)} loses when a patch is blanked (Zeiler & Fergus 2014, Sec. 4.2). Red: the
                answer needs that patch. Blue: it was in the way. No colour at all: the model does not look at the
                digit.
            """)
        elif view == ALL:
            _all_digits(shown)
        if view != ALL:
            st.markdown("**How it got there**")
            history(shown, chosen.example, step)
            note(f"""
                How likely {views.followed(shown)} was, at each step that is kept; the dashed line is the step that is
                shown. A flat line is an arm that does not learn this one; jumps up and down, steps that are too large.
            """)
    remember_all(pair.address, shown, chosen)


def _where_it_looks(shown: list[Shown]) -> None:
    model = shown[0].run.config.model
    which = views.choose_attention(model)
    views.attention_maps(shown, which)
    whole = "In each, a row is a place that reads: a diagonal reads its own place, an anti-diagonal reads backwards."
    note(f"""
        A row a block, a column a head: how much the token that reads takes of each. One colour everywhere: the head
        looks everywhere alike, as at a tiny variance. One yellow place: it stares at one, as at a huge variance, where
        the softmax passes no gradient on (Vaswani et al. 2017, Sec. 3.2.1; Zhai et al. 2023, Sec. 3).
        {whole if isinstance(model, TransformerConfig) else ""}
    """)
    if isinstance(model, TimesformerConfig) and model.space_time == "divided":
        st.markdown("**Over time**")
        views.over_time(shown)
        note("""
            From left to right the frames: how much of each the place takes in before it reads its own frame (Bertasius
            et al. 2021, Sec. 3). Even at the start; who tells directions apart learns to look to one side.
        """)
    st.markdown("**Through all blocks: rollout**")
    views.rollout_map(shown)
    note("""
        How much of each patch arrives at the answer, as far as attention tells: the mean of the heads and the identity,
        multiplied through the blocks (Abnar & Zuidema 2020, Sec. 3). White everywhere: nothing was chosen.
    """)


def _all_digits(shown: list[Shown]) -> None:
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
newest, others = listed()
experiments = [one for one in newest if one.proper]
if not experiments:
    st.info("No runs yet: train your first pair, and both can be looked into here, live.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
    st.stop()

pair = choose_pair(experiments, others)
for sentence in [*pair.wrong, *arrive_once(pair.runs)]:
    st.warning(sentence)
ids = [run.id for run in pair.runs]


def draw_or_say(runs: Runs) -> None:
    """The same, or why there is nothing to see."""
    by_id = {run.id: run for run in runs.runs}
    shown = [by_id[one] for one in ids if one in by_id]
    if len(shown) < len(ids):
        st.info("These runs are gone. The page Runs lists what there is.")
        return
    with looks.refusals_told():
        draw(shown)


def read() -> Runs:
    """The runs as they are now."""
    return Runs(tuple(store.runs(ids)))


poll(read, draw_or_say, every=FILM_SECONDS, standing=film, moves=is_moving)
news.watch(Runs(tuple(pair.runs)))
