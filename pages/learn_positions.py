"""Learn: Positions."""

import streamlit as st

from vit_lab.settings import configure
from vit_lab.ui.arms import chip
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.models import latest_vit, run_words
from vit_lab.ui.learn.positions import figures, shuffle
from vit_lab.ui.learn.training import start, started, watch
from vit_lab.ui.prose import prose, say
from vit_lab.ui.train.widgets import train_link

lesson("learn_positions")
say("""
    To attention, tokens are a set: nothing says which patch was where. So each token is told its place, by adding to it
    a vector that only depends on the place. The vector is either fixed, made of sines and cosines (Vaswani et al. 2017,
    Sec. 3.5), or learned like any weight (Dosovitskiy et al. 2021, Sec. 3.1).
""")
left, right = st.columns(2)
kind = left.segmented_control("Positions", figures.KINDS, default="sinusoidal", required=True, key="kind")
patch_size = right.segmented_control(
    "Patch size",
    figures.SIZES,
    default=7,
    required=True,
    key="positions_patch",
    format_func=lambda size: f"{size} px",
)
run = None
if kind == "learned":
    run = latest_vit(lambda model: (model.position, model.patch_size) == ("learned", patch_size))
config = run.config if run else configure(patch_size=patch_size, position=kind)
values = figures.encodings(config, run.id if run else None)
if run:
    st.markdown(f"Learned by {run_words(run)}.")
elif kind == "learned":
    with st.container(horizontal=True, vertical_alignment="center"):
        say(f"""
            No run with learned positions and patch size {patch_size} has finished here yet, so this is their **init**:
            small random numbers (std 0.02, cut at two std).
        """)
        label, link = "Train with learned positions", train_link([config])
        st.page_link("pages/train.py", label=label, icon=":material/play_circle:", query_params=link)
else:
    st.latex(r"PE_{(pos,\,2i)} = \sin\left(pos / 10000^{2i/D}\right)")
    st.latex(r"PE_{(pos,\,2i+1)} = \cos\left(pos / 10000^{2i/D}\right)")

FAST_AND_SLOW = prose("""
    In the first columns the numbers change with every step, in the last hardly at all: fast and slow clocks (Vaswani et
    al. 2017, Sec. 3.5).
""")
ALONG_THE_LINE = prose("""
    Sines count along the line in which patches are read: the neighbour to the right is near, the one below a whole row
    of steps away.
""")
IN_A_LARGE_MODEL = prose("""
    In a large model that has learned for long, near patches are alike, and so are those of one row or column
    (Dosovitskiy et al. 2021, Fig. 7 centre). Is it so here?
""")
sines = kind == "sinusoidal"
count, dim = values.shape
left, right = st.columns(2, gap="large")
with left:
    st.markdown(f"**All {count} positions, {dim} numbers each**")
    figures.all_encodings(values, kind)
    look_for(f"""
        One row is what a patch is told about its place. Positions count from 0, as pos in the formula: position 0 is
        the first patch.
        {FAST_AND_SLOW if sines else "If training found places useful, rows of neighbours resemble one another."}
    """)
with right:
    st.markdown("**A few dimensions as curves**")
    figures.curves(values)
    same = "2i and 2i + 1 are a sine and a cosine of the same frequency."
    none = "No formula made these: they are weights like all others."
    look_for(f"Each curve is one column of the picture of all positions. {same if sines else none}")

st.subheader("Which places are alike?", anchor=False)
say("""
    The measure is **cosine similarity**: 1 for vectors of one direction, 0 for unrelated ones, −1 for opposite ones.
""")
left, right = st.columns([0.42, 0.58], gap="large")
with left:
    figures.one_against_all(values)
    look_for(f"The framed patch is the chosen one. {ALONG_THE_LINE if sines else IN_A_LARGE_MODEL}")
with right:
    st.markdown("**All against all**")
    figures.all_against_all(values)
    everywhere = "For sines it is the same everywhere, since similarity depends on the distance alone."
    bare = "A bare diagonal means that every place only resembles itself."
    look_for(f"A diagonal band means that near places are alike. {everywhere if sines else bare}")

st.subheader("Does it need to know? Shuffle the patches", anchor=False)
say("""
    Attention takes its tokens as a set, and so does the mean over tokens: swap two tokens, and the answer stays. So a
    model without positions cannot tell an image from the same patches in another order. **What do you expect of a model
    that has learned with positions?**
""")
shuffle.pictures()
look_for("""
    One order for all: the same patches change places in every image. An order for each: even that is different from
    image to image.
""")
runs, found = started(shuffle.KEY, shuffle.PAIR), shuffle.readable_pair()
if runs:
    watch(runs, shuffle.NAMES)
    look_for(f"{chip(0)} with positions, {chip(1)} without: both learn, on images as they are.")
if not found and not any(run.is_active for run in runs):
    say(f"""
        Two runs of {shuffle.STEPS} steps settle it: the classroom preset {chip(0)} with positions and {chip(1)}
        without, from the same random draw. It takes about half a minute on two idle cores, and the runs stay in Runs.
    """)
    if st.button("Train the pair", type="primary", icon=":material/play_arrow:", key="train_pair"):
        start(shuffle.KEY, shuffle.PAIR)
if found:
    shuffle.outcome(found)
end_of_lesson("learn_positions", "Train without positions", configure(position="none"))
