"""Learn: Transformer."""

import streamlit as st

from vit_lab.model_config import TransformerConfig
from vit_lab.ui.arms import chip
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.training import start, started, watch
from vit_lab.ui.learn.transformer.figures import figure_one, mask_and_positions, rates, smoothing, task
from vit_lab.ui.learn.transformer.writing import writing
from vit_lab.ui.prose import say
from vit_lab.ui.serving.lab import warm_up

lesson("learn_transformer")
say("""
    The first Transformer read one sentence and wrote another (Vaswani et al. 2017). An *encoder* reads the source; a
    *decoder* writes, one symbol after another, and looks back at the source each time. A Vision Transformer is the
    encoder alone. Here both learn to **copy** a sequence, or to **reverse** it.
""")
dataset = st.segmented_control("Task", ["copy", "reverse"], default="copy", required=True, key="writing_task")
config = task(dataset)
c = config.model
assert isinstance(c, TransformerConfig)

st.subheader("Encoder and decoder", anchor=False)
left, right = st.columns([0.62, 0.38], gap="large", vertical_alignment="center")
with left:
    parameters = figure_one(config)
with right:
    st.markdown(f"""
        - At the bottom, symbols become **{c.dim} numbers** each, and positions are added.
        - The encoder's {c.depth} blocks let the {c.sequence_length} symbols of the source read one another:
          **self-attention**.
        - The decoder reads what is already written, by self-attention behind a mask; then the source, by
          **cross-attention**: queries from the decoder, keys and values from the encoder's memory (Sec. 3.2.3).
        - At the top, a linear layer and a softmax name the next symbol.

        **{parameters:,} parameters** in all.
    """)
    look_for("""
        After Fig. 1 of the paper, drawn from the model that trains below. In each box: the shape that leaves it, and
        its parameters. Follow the lines around the boxes: a block only ever *adds* to them. The LayerNorms stand
        before the boxes (pre-norm), as in The Annotated Transformer (Rush 2018); the paper puts them after each
        addition.
    """)

st.subheader("Order, and no look ahead", anchor=False)
mask_and_positions(config)
look_for("""
    The causal mask: a place of the decoder may read itself and what stands before it (green), never what it has yet
    to write (Sec. 3.2.3); so all places can be trained at once. Positions: attention knows no order, so each place
    gets its own row of sines and cosines, from fast ones in the first columns to slow ones in the last; orange is 1,
    blue −1 (Sec. 3.5).
""")

st.subheader("How it is trained", anchor=False)
left, right = st.columns(2)
with left:
    epsilon = st.slider("Label smoothing ε", 0.0, 0.5, 0.1, 0.05, key="writing_epsilon")
    st.markdown(f"{chip(0)} no smoothing   {chip(1)} ε = {epsilon:g}")
    smoothing(epsilon)
    look_for("""
        The dot is the least loss. Without smoothing it lies at certainty, which the weights chase forever; with a
        share ε of the target spread over all symbols it lies below (Sec. 5.4).
    """)
with right:
    warmup = st.select_slider("Warm-up steps", [10, 50, 100, 200, 400, 800], 200, key="writing_warmup")
    st.markdown(f"{chip(0)} as in the paper   {chip(1)} a cosine")
    rates(warmup)
    look_for(r"""
        $d^{-0.5}\cdot\min(s^{-0.5},\; s\cdot w^{-1.5})$ at step $s$ with $w$ warm-up steps (Sec. 5.3, Eq. 3): up in a
        line, then down as one over the root of the step; the cosine goes down to 0 at the last step. The lab states
        the peak instead of the factor $d^{-0.5}w^{-0.5}$.
    """)

st.subheader("Train it", anchor=False)
key, arms = f"train_{dataset}", {dataset: config}
length = f"{config.optim.steps} steps of {config.optim.batch_size} sequences: 10 to 30 seconds on one core."
label = f"Train a model to {dataset}"
if st.button(label, type="primary", icon=":material/play_arrow:", key="train_here", help=length):
    start(key, arms)
if runs := started(key, arms):
    watch(runs, [dataset])
    look_for("""
        Slow at first, then the accuracy leaps: the model has found where to look. With label smoothing 0.1 the thin
        line, what training minimises, cannot reach 0.
    """)

st.subheader("Let it write", anchor=False)
if writing(dataset):
    if dataset == "copy":
        where = "place 1 reads symbol 1, place 2 symbol 2, a **diagonal** from top left to bottom right"
    else:
        where = (
            "place 1 reads the last symbol, place 2 the one before, an **anti-diagonal** from top right to bottom left"
        )
    look_for(f"""
        Cross-attention of a trained model: {where}. The greener, the more it reads. Heads share the work; try each. An
        untrained model looks everywhere alike.
    """)

end_of_lesson("learn_transformer", "Open this in Train", config)
warm_up()
