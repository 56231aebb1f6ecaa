"""The figures of the lesson on self-attention, in the order in which a token's question is answered."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.ui.figures import matrix, patch_map
from vit_lab.ui.learn.attention.steps import Array, Shown, Steps
from vit_lab.ui.learn.digit import Digit
from vit_lab.ui.learn.lesson import look_for


def queries_keys_values(shown: Shown, found: Steps, head: int) -> None:
    """Step 1: three projections of every token."""
    st.subheader("1 · Every token asks, answers and tells", anchor=False)
    heads, count, width = found.q.shape
    st.markdown(f"Three linear layers turn each token x, after its LayerNorm, into a **query** q (what it looks for), a **key** k (what it can be found by) and a "
                f"**value** v (what it tells). `(B, N, D)` = `(1, {count}, {heads * width})` becomes three times `(B, H, N, K)` = "
                f"`(1, {heads}, {count}, {width})`. The numbers are those of {shown.words}.")  # fmt: skip
    st.latex(r"q = x W^Q \qquad k = x W^K \qquad v = x W^V")
    for column, name, values in zip(
        st.columns(3), ("Queries", "Keys", "Values"), (found.q, found.k, found.v), strict=True
    ):
        with column:
            st.markdown(f"**{name} of head {head + 1}**")
            matrix.matrix(values[head], matrix.FEATURES, name.lower(), f"{name} of all tokens", rows=shown.tokens)
    empty = (
        "are all alike, for this model has no positions"
        if shown.model.position == "none"
        else "differ by their place alone"
    )
    look_for(
        f"Rows that look alike belong to patches that ask, answer or tell the same; in block 1, empty patches {empty}."
    )


def scores(shown: Shown, chosen: Digit, found: Steps, head: int, query: int) -> None:
    """Step 2: the chosen query against all keys."""
    st.subheader("2 · How well does each key answer the query?", anchor=False)
    st.markdown("The score of a query and a key is their dot product, divided by the root of their length K "
                "(Vaswani et al. 2017, Eq. 1 and Sec. 3.2.1):")  # fmt: skip
    st.latex(r"s_{ij} = \frac{q_i \cdot k_j}{\sqrt{K}}")
    left, right = st.columns([0.42, 0.58], gap="large")
    row = found.scores[head, query]
    with left:
        st.markdown(f"**Scores of query {shown.tokens[query]}, where the keys are**")
        _over_image(shown, chosen, row, patch_map.SCORES, "score-map", query, "Scores of the chosen query")
        best = shown.tokens[int(row.argmax())]
        look_for(f"{_framed(shown, query)} Orange answers well, blue badly; the highest score, {row.max():.2f}, is of key {best}. "
                 + _class_words(shown, row, "score"))  # fmt: skip
    with right:
        st.markdown("**All queries against all keys**")
        matrix.matrix(found.scores[head], matrix.SCORES, "scores", "Scores of all queries and keys", rows=shown.tokens,
                      columns=shown.tokens)  # fmt: skip
        look_for(
            f"Row {shown.tokens[query]} holds the scores of the query that is shown over the image. A column of one colour is a key that everyone likes, or nobody."
        )


def weights(shown: Shown, chosen: Digit, found: Steps, head: int, query: int) -> None:
    """Steps 4 and 5: softmax, then the weighted sum of the values."""
    st.subheader("4 · Softmax: scores become shares", anchor=False)
    st.latex(r"a_{ij} = \frac{e^{s_{ij}}}{\sum_{j'} e^{s_{ij'}}}, \qquad \sum_j a_{ij} = 1")
    left, right = st.columns([0.42, 0.58], gap="large")
    row = found.weights[head, query]
    with left:
        st.markdown(f"**Where query {shown.tokens[query]} looks**")
        _over_image(shown, chosen, row, patch_map.WEIGHTS, "weight-map", query, "Attention map of the chosen query")
        look_for(f"Yellow is where it reads. An even look would be {1 / len(row):.3f} each; the largest here is {row.max():.3f}. "
                 + _class_words(shown, row, "weight"))  # fmt: skip
    with right:
        st.markdown("**Where all queries look**")
        matrix.matrix(
            found.weights[head], matrix.WEIGHTS, "weights", "Attention weights", rows=shown.tokens, columns=shown.tokens
        )
        look_for(
            "Every row sums to 1. The same colour everywhere means that the head takes a plain mean of all tokens."
        )

    st.subheader("5 · The weighted sum of the values", anchor=False)
    st.latex(r"z_i = \sum_j a_{ij}\, v_j")
    told = np.vstack([row[:, None] * found.v[head], found.heads[head, query]])
    matrix.matrix(told, matrix.FEATURES, "told", "Weighted values and their sum", rows=[*shown.tokens, "sum"])
    look_for(
        f"Each row is a value times its weight; the last is their sum, which is all that token {shown.tokens[query]} hears from this head."
    )


def all_heads(shown: Shown, chosen: Digit, found: Steps, query: int) -> None:
    """Step 6: the heads side by side, and the projection that joins them."""
    heads, count, width = found.q.shape
    st.subheader("6 · Several heads, several questions", anchor=False)
    st.markdown(f"{'The one head asks' if heads == 1 else f'All {heads} heads of the block ask at once, each'} with {width} features of its "
                "own (Vaswani et al. 2017, Sec. 3.2.2). This is where "
                f"query {shown.tokens[query]} looks in each:")  # fmt: skip
    grid = st.grid(min(heads, 8), min_column_width=140, gap="small")
    for head in range(heads):
        with grid.cell():
            st.caption(f"head {head + 1}, entropy {found.entropy[head]:.2f}")
            _over_image(shown, chosen, found.weights[head, query], patch_map.HEAD, f"head-map-{head}", query,
                        f"Attention map of head {head + 1}")  # fmt: skip
    look_for(
        "Do heads look at different places? At an init of small variance all look almost everywhere. Compare with a model after training."
    )
    st.latex(r"\mathrm{MultiHead}(x) = \mathrm{Concat}(z^1, \dots, z^H)\, W^O")
    st.markdown(f"The heads' answers stand side by side, `(B, H, N, K)` = `(1, {heads}, {count}, {width})` becomes `(B, N, H·K)` = "
                f"`(1, {count}, {heads * width})`, and one more linear layer mixes them into `(B, N, D)`. A residual connection adds the result "
                "to the token.")  # fmt: skip
    most = 64
    for column, title, values in zip(st.columns(2), ("Heads side by side", "After the output projection"),
                                     (found.joined, found.out), strict=True):  # fmt: skip
        with column:
            st.markdown(f"**{title}**")
            matrix.matrix(values[:, :most], matrix.TOKENS, title.split()[0].lower(), title, rows=shown.tokens)
    look_for("Side by side, each head has its own columns; after the projection every column hears all heads."
             + (f" The first {most} of {heads * width} columns are shown." if heads * width > most else ""))  # fmt: skip


def causal(shown: Shown, found: Steps, head: int) -> None:
    """Step 7: the mask of the decoder, on the same scores."""
    st.subheader("7 · Not looking ahead: the causal mask", anchor=False)
    st.markdown("A ViT reads all patches at once and needs no mask. A decoder that writes one symbol after another must not read what is not yet written: "
                "before the softmax, the scores of later keys are set to −∞ (Vaswani et al. 2017, Sec. 3.2.3; The Annotated Transformer calls "
                "it `subsequent_mask`). Here is what it would do to these very scores:")  # fmt: skip
    titles = ("The mask: who may read whom", "Weights without it", "Weights with it")
    specs = (matrix.MASK, matrix.WEIGHTS, matrix.WEIGHTS)
    values: tuple[NDArray[Any], ...] = (found.mask, found.weights[head], found.masked[head])
    for column, title, spec, one in zip(st.columns(3), titles, specs, values, strict=True):
        with column:
            st.markdown(f"**{title}**")
            matrix.matrix(one, spec, f"causal-{title}", title, rows=shown.tokens, columns=shown.tokens)
    look_for("The first token can only read itself, so its weight is 1; each later row shares its 1 among more tokens. Nothing stands above "
             "the diagonal.")  # fmt: skip


def _over_image(
    shown: Shown, chosen: Digit, row: Array, spec: dict[str, Any], key: str, query: int, words: str
) -> None:
    before = len(row) - shown.model.num_patches  # the class token
    patch_map.patch_map(row[before:], spec, key, words, chosen=query - before, image=chosen.image)


def _framed(shown: Shown, query: int) -> str:
    return (
        "The class token asks; it has no place." if shown.tokens[query] == "class" else "Framed: the patch that asks."
    )


def _class_words(shown: Shown, row: Array, what: str) -> str:
    return f"The class token, which has no place, has {what} {row[0]:.3f}." if shown.model.pool == "cls" else ""
