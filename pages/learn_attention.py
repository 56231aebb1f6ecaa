"""Learn: Self-attention."""

import streamlit as st

from vit_lab.ui.figures.picture import apart, show_picture
from vit_lab.ui.learn.attention import figures
from vit_lab.ui.learn.attention.scaling import scaling
from vit_lab.ui.learn.attention.steps import choose_model, choose_place, steps
from vit_lab.ui.learn.digit import choose_digit
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for

lesson("learn_attention")
st.markdown("Attention lets every token read every other, and learn from which to take how much. Here is one digit on its way through one attention, "
            "with the numbers that the model itself computes (Vaswani et al. 2017, Sec. 3.2):")  # fmt: skip
st.latex(r"\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V")

one, two, three, four = st.columns([0.24, 0.28, 0.26, 0.22], gap="medium")
with one:
    chosen = choose_digit("attention")
with two:
    shown = choose_model()
with three:
    block, head, query = choose_place(shown)
size = shown.model.patch_size
with four:
    show_picture(apart(chosen.image, size), width=210, alt=f"{chosen.words} in patches of {size} pixels")
found = steps(shown, chosen, block)
look_for(
    f"The paper's d_k, the width of a head, is K = {found.q.shape[-1]} here; patches are counted line by line from the top left."
)

figures.queries_keys_values(shown, found, head)
figures.scores(shown, chosen, found, head, query)
scaling(shown, chosen, block, head, query)
figures.weights(shown, chosen, found, head, query)
figures.all_heads(shown, chosen, found, query)
figures.causal(shown, found, head)
end_of_lesson("learn_attention", "Train this model", shown.config)
