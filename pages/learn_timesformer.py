"""Learn: TimeSformer."""

import streamlit as st

from vit_lab.data.bundled import SIDE
from vit_lab.ui.arms import chip
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.timesformer.figures import START, TRAINED, costs_table, step_cost, step_zero, who_reads_what
from vit_lab.ui.learn.timesformer.models import CLIPS, clip_config
from vit_lab.ui.learn.timesformer.reversal import TWINS, clip_and_reverse, latest_twins, reversal_words
from vit_lab.ui.learn.training import start, started, watch
from vit_lab.ui.prose import say
from vit_lab.ui.serving.lab import warm_up

KEY = "train_clips"
PAIR = {way: clip_config(way) for way in TWINS}

lesson("learn_timesformer")
say("""
    A film is a stack of images. TimeSformer (Bertasius et al. 2021) cuts every frame into patches, as a Vision
    Transformer does, and asks: **which patches should a patch read?** Those of its own frame, all of them, or first
    its own place over time and then its frame?
""")

st.subheader("Who reads what", anchor=False)
one, two, three, four = st.columns(4)
index = one.number_input("Clip", 1, CLIPS, 3, key="film_clip") - 1
frames = two.select_slider("Frames T", [2, 4, 8, 16], 8, key="film_frames")
patch_size = three.select_slider("Patch size", [4, 7, 14], 7, key="film_patch_size")
latest = "After training: of the latest run that suits, where there is one."
weights = four.segmented_control(
    "Weights", [START, TRAINED], default=START, required=True, key="film_weights", help=latest
)
side = SIDE // patch_size
one, two, three, four = st.columns(4)
frame = one.slider("The reading patch: frame", 1, frames, (frames + 1) // 2, key=f"film_frame_{frames}") - 1
row = two.slider("row", 1, side, (side + 1) // 2, key=f"film_row_{side}") - 1
column = three.slider("column", 1, side, (side + 1) // 2, key=f"film_column_{side}") - 1
block = four.segmented_control("Block", [1, 2], default=1, required=True, key="film_block") - 1
who_reads_what(index, frames, patch_size, (frame, row * side + column), block, weights)
look_for("""
    After Fig. 2 of the paper, with the weights of a real model. Framed in blue: the patch that reads. :green[Teal]:
    what it reads in space, or jointly. :orange[Orange]: what it reads over time. The stronger the colour, the larger
    the weight (mean of the heads); grey is out of reach. With divided attention other frames are reached in two
    steps.
""")
costs_table(frames, side * side)
look_for("""
    With more frames the scores of joint attention grow with the square of T; those of divided attention about in step
    with T, as long as T is small beside N (Sec. 3).
""")

st.subheader("What a step costs", anchor=False)
step_cost()
look_for("""
    Below the dashed line joint attention is the cheaper one. The count of scores alone would have divided attention
    win from two frames on; in a model this narrow its second attention and projection cost more than that, until the
    clips are long.
""")

st.subheader("Step 0", anchor=False)
say("""
    In the authors' release, the projection after attention over time starts at **0**. So a divided block starts as a
    block of space alone, and time is learned on top. An init scheme sets all other matrices, and that one too if the
    switch is off.
""")
zero = st.toggle("The projection after time starts at 0", True, key="film_zero_temporal")
step_zero(zero)
look_for("""
    The same tokens go through a divided model and a space-only one of the same seed; what they share has the same
    draw. With the switch on they are equal to the last bit. The table: the matrices outside the blocks and those of
    block 1 (block 2 is alike), by group; the scales of an init go by these groups. A scheme sets them all, but for
    the projection after time while the switch is on.
""")

st.subheader("A clip and its reverse", anchor=False)
say("""
    In which direction does the digit move? No single frame tells. Space-only attention averages over frames that
    never see one another, so **it must give a clip and its reverse the same answer**. Attention over time can tell
    them apart.
""")
st.markdown(f"{chip(0)} space   {chip(1)} divided")
length = "300 steps of 32 clips each: about half a minute on two cores."
if st.button("Train both", type="primary", icon=":material/play_arrow:", key="train_here", help=length):
    start(KEY, PAIR)
if runs := started(KEY, PAIR):
    watch(runs, TWINS)
shown = st.number_input("Clip", 1, CLIPS, 3, key="film_shown_clip", width=160) - 1
twins = latest_twins()
clip_and_reverse(shown, twins)
look_for("""
    Try other clips. :blue-badge[A] says the same of both, trained or not, and is at best right by luck.
    :orange-badge[B] once trained, turns its answer round with the film.
""")
reversal_words(twins)

end_of_lesson("learn_timesformer", "Open this in Train", clip_config("divided"))
warm_up()
