"""Learn: Self-attention."""

import streamlit as st

from vit_lab.ui.figures.picture import apart, show_picture
from vit_lab.ui.learn.attention import figures
from vit_lab.ui.learn.attention.scaling import scaling
from vit_lab.ui.learn.attention.steps import Look, choose_model, choose_place, steps
from vit_lab.ui.learn.image import choose_image
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.prose import say

lesson("learn_attention")
say("""
    Attention lets every token read every other, and learn from which to take how much. Here is one image on its way
    through one attention, with the numbers that the model itself computes (Vaswani et al. 2017, Sec. 3.2):
""")
st.latex(r"\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V")

one, two, three, four = st.columns([0.28, 0.25, 0.27, 0.2], gap="medium")
with one:
    chosen = choose_image("attention")
with two:
    shown = choose_model(chosen)
with three:
    block, head, query = choose_place(shown)
size = shown.model.patch_size
with four:
    show_picture(apart(chosen.image, size), width=210, alt=f"{chosen.words} in patches of {size} pixels")
found = steps(shown, chosen, block)
look = Look(shown, chosen, found, block, head, query)
heads, count, width = found.q.shape
asking = shown.tokens[query]
look_for(f"""
    The paper's d_k, the width of a head, is K = {width} here; patches are counted line by line from the top left.
""")

st.subheader("1 · Every token asks, answers and tells", anchor=False)
say(f"""
    Three linear layers turn each token x, after its LayerNorm, into a **query** q (what it looks for), a **key** k
    (what it can be found by) and a **value** v (what it tells). `(B, N, D)` = `(1, {count}, {heads * width})` becomes
    three times `(B, H, N, K)` = `(1, {heads}, {count}, {width})`. The numbers are those of {shown.words}.
""")
st.latex(r"q = x W^Q \qquad k = x W^K \qquad v = x W^V")
figures.queries_keys_values(look)
no_positions = shown.model.position == "none"
empty = "are all alike, for this model has no positions" if no_positions else "differ by their place alone"
look_for(
    f"Rows that look alike belong to patches that ask, answer or tell the same; in block 1, empty patches {empty}."
)

st.subheader("2 · How well does each key answer the query?", anchor=False)
say("""
    The score of a query and a key is their dot product, divided by the root of their length K (Vaswani et al. 2017, Eq.
    1 and Sec. 3.2.1):
""")
st.latex(r"s_{ij} = \frac{q_i \cdot k_j}{\sqrt{K}}")
left, right = st.columns([0.42, 0.58], gap="large")
framed = "The class token asks; it has no place." if asking == "class" else "Framed: the patch that asks."
row = found.scores[head, query]
with left:
    st.markdown(f"**Scores of query {asking}, where the keys are**")
    figures.scores_over_image(look)
    look_for(f"""
        {framed} Teal answers well, brown badly; the highest score, {row.max():.2f}, is of key
        {shown.tokens[int(row.argmax())]}. {look.class_words(row, "score")}
    """)
with right:
    st.markdown("**All queries against all keys**")
    figures.all_scores(look)
    look_for(f"""
        Row {asking} holds the scores of the query that is shown over the image. A column of one colour is a key that
        everyone likes, or nobody.
    """)

st.subheader("3 · Why divide by √K?", anchor=False)
say("""
    If the components of q and k are independent with mean 0 and variance 1, then q·k has mean 0 and **variance K**
    (Vaswani et al. 2017, Sec. 3.2.1, footnote 4). Large scores push the softmax to where one weight is 1, the others 0,
    and its gradient vanishes.
""")
scaling(look)

st.subheader("4 · Softmax: scores become shares", anchor=False)
st.latex(r"a_{ij} = \frac{e^{s_{ij}}}{\sum_{j'} e^{s_{ij'}}}, \qquad \sum_j a_{ij} = 1")
left, right = st.columns([0.42, 0.58], gap="large")
row = found.weights[head, query]
with left:
    st.markdown(f"**Where query {asking} looks**")
    figures.weights_over_image(look)
    look_for(f"""
        Yellow is where it reads. An even look would be {1 / len(row):.3f} each; the largest here is {row.max():.3f}.
        {look.class_words(row, "weight")}
    """)
with right:
    st.markdown("**Where all queries look**")
    figures.all_weights(look)
    look_for("Every row sums to 1. The same colour everywhere means that the head takes a plain mean of all tokens.")

st.subheader("5 · The weighted sum of the values", anchor=False)
st.latex(r"z_i = \sum_j a_{ij}\, v_j")
figures.weighted_values(look)
look_for(f"""
    Each row is a value times its weight; the last is their sum, which is all that token {asking} hears from this head.
""")

st.subheader("6 · Several heads, several questions", anchor=False)
who = "The one head asks" if heads == 1 else f"All {heads} heads of the block ask at once, each"
say(f"""
    {who} with {width} features of its own (Vaswani et al. 2017, Sec. 3.2.2). This is where query {asking} looks in
    each:
""")
figures.every_head_over_image(look)
look_for("""
    Do heads look at different places? At an init of small variance all look almost everywhere. Compare with a model
    after training.
""")
st.latex(r"\mathrm{MultiHead}(x) = \mathrm{Concat}(z^1, \dots, z^H)\, W^O")
say(f"""
    The heads' answers stand side by side, `(B, H, N, K)` = `(1, {heads}, {count}, {width})` becomes `(B, N, H·K)` =
    `(1, {count}, {heads * width})`, and one more linear layer mixes them into `(B, N, D)`. A residual connection adds
    the result to the token.
""")
figures.joined_and_projected(look)
most, columns = figures.MOST_COLUMNS, heads * width
part = f"The first {most} of {columns} columns are shown." if columns > most else ""
look_for(f"Side by side, each head has its own columns; after the projection every column hears all heads. {part}")

st.subheader("7 · Not looking ahead: the causal mask", anchor=False)
say("""
    A ViT reads all patches at once and needs no mask. A decoder that writes one symbol after another must not read what
    is not yet written: before the softmax, the scores of later keys are set to −∞ (Vaswani et al. 2017, Sec. 3.2.3; The
    Annotated Transformer calls it `subsequent_mask`). Here is what it would do to these very scores:
""")
figures.causal(look)
look_for("""
    The first token can only read itself, so its weight is 1; each later row shares its 1 among more tokens. Nothing
    stands above the diagonal.
""")
end_of_lesson("learn_attention", "Train this model", shown.config)
