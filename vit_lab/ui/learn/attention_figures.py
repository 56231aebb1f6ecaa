"""The figures of the lesson on self-attention, in the order in which a token's question is answered."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.ui.charts import constant_spec
from vit_lab.ui.learn import matrix, patch_map
from vit_lab.ui.learn.attention import Array, Shown, Steps, steps
from vit_lab.ui.learn.digit import Digit
from vit_lab.ui.learn.frame import look_for

RAW, SCALED = "q·k", "q·k / √K"
KIND = alt.Color("kind:N", sort=None, title=None, scale=alt.Scale(domain=[RAW, SCALED], range=["#a855f7", "#10b981"]),
                 legend=alt.Legend(orient="top"))  # fmt: skip
VARIANCES = ["0.01", "0.1", "0.3", "1", "3", "10", "30", "100", "300", "1000"]
BINS = 40


def _spread() -> dict[str, Any]:
    bars = alt.Chart().mark_bar(opacity=0.65).encode(
        x=alt.X("low:Q", title="score", axis=alt.Axis(grid=False, format=".3~g")), x2="high:Q",
        y=alt.Y("count:Q", title="pairs of tokens", stack=None, axis=alt.Axis(tickCount=4)), y2=alt.datum(0), color=KIND,
        tooltip=["kind:N", alt.Tooltip("low:Q", format=".3~g", title="from"), alt.Tooltip("high:Q", format=".3~g", title="to"), "count:Q"],
    )  # fmt: skip
    return constant_spec(alt.layer(bars), 240)


def _softmax() -> dict[str, Any]:
    bars = alt.Chart().mark_bar().encode(
        x=alt.X("key:N", sort=None, title="key", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("kind:N", sort=[RAW, SCALED]),
        y=alt.Y("weight:Q", title="weight", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=2)), color=KIND,
        tooltip=["kind:N", "key:N", alt.Tooltip("weight:Q", format=".4f")],
    )  # fmt: skip
    return constant_spec(alt.layer(bars), 240)


SPREAD, SOFTMAX = _spread(), _softmax()


def queries_keys_values(shown: Shown, found: Steps, head: int) -> None:
    """Step 1: three projections of every token."""
    st.subheader("1 · Every token asks, answers and tells", anchor=False)
    heads, count, width = found.q.shape
    st.markdown(f"Three linear layers turn each token into a **query** q (what it looks for), a **key** k (what it can be found by) and a "
                f"**value** v (what it tells). `(B, N, D)` = `(1, {count}, {heads * width})` becomes three times `(B, H, N, K)` = "
                f"`(1, {heads}, {count}, {width})`. The numbers are those of {shown.words}.")  # fmt: skip
    st.latex(r"q = x W^Q \qquad k = x W^K \qquad v = x W^V")
    for column, name, values in zip(
        st.columns(3), ("Queries", "Keys", "Values"), (found.q, found.k, found.v), strict=True
    ):
        with column:
            st.markdown(f"**{name} of head {head + 1}**")
            matrix.matrix(values[head], matrix.FEATURES, name.lower(), f"{name} of all tokens", rows=shown.tokens)
    look_for(
        "Rows that look alike belong to patches that ask, answer or tell the same; empty patches differ by their place alone."
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
        look_for(f"Framed: the patch that asks. Orange answers well, blue badly; the highest score, {row.max():.2f}, is of key {best}. "
                 + _class_words(shown, row, "score"))  # fmt: skip
    with right:
        st.markdown("**All queries against all keys**")
        matrix.matrix(found.scores[head], matrix.SCORES, "scores", "Scores of all queries and keys", rows=shown.tokens,
                      columns=shown.tokens)  # fmt: skip
        look_for(
            f"Row {shown.tokens[query]} is the picture on the left. A column of one colour is a key that everyone likes, or nobody."
        )


def scaling(shown: Shown, chosen: Digit, block: int, head: int, query: int) -> None:
    """Step 3: why the scores are divided by sqrt(K), on the real scores."""
    st.subheader("3 · Why divide by √K?", anchor=False)
    st.markdown("If the components of q and k are independent with mean 0 and variance 1, then q·k has mean 0 and **variance K** (Vaswani et al. "
                "2017, Sec. 3.2.1, footnote 4). Large scores push the softmax to where one weight is 1, the others 0, and its gradient "
                "vanishes.")  # fmt: skip
    picked = st.select_slider("Variance of the weights of queries and keys ×", VARIANCES, value="1", key="qk_variance",
                              help="What would happen to these very scores if they were that much larger.")  # fmt: skip
    found = steps(shown, chosen, block, float(picked))
    width = found.q.shape[-1]
    raw, scaled = found.products[head], found.scores[head]
    expected = width * float(found.q[head].var() * found.k[head].var())
    grid = st.grid(4, min_column_width=150, gap="small")
    for label, number in (
        ("Variance of q·k", f"{raw.var():.3g}"),
        (f"Variance of q·k / √{width}", f"{scaled.var():.3g}"),
        ("Entropy of softmax(q·k)", f"{found.unscaled_entropy[head]:.3f}"),
        (f"Entropy of softmax(q·k / √{width})", f"{found.entropy[head]:.3f}"),
    ):
        with grid.cell():
            st.metric(label, number)
    left, right = st.columns(2, gap="large")
    with left:
        st.vega_lite_chart(
            spread_rows(raw, scaled), SPREAD, key="spread", alt="Distribution of the scores, raw and divided"
        )
        look_for(f"Dividing by √K = {width**0.5:.3g} makes the scores' spread {width**0.5:.3g} times narrower and their variance K = {width} times "
                 f"smaller. The footnote's rule, K · var(q) · var(k), would give {expected:.3g} for q·k; it is {raw.var():.3g}, "
                 f"for real queries and keys are neither independent nor of mean 0.")  # fmt: skip
    with right:
        rows = softmax_rows(found.unscaled[head, query], found.weights[head, query], shown.tokens)
        st.vega_lite_chart(
            rows, SOFTMAX, key="softmax", alt="Weights of the chosen query, without and with the division"
        )
        look_for("The softmax of the chosen query's scores. Entropy is over all queries of the head, divided by log N: 1 is an even look at "
                 "everything, 0 is one token alone. Move the slider up and watch both fall; the undivided one falls first.")  # fmt: skip


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
    st.markdown(f"All {heads} heads of the block ask at once, each with {width} features of its own (Vaswani et al. 2017, Sec. 3.2.2). This is where "
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
    look_for("On the left each head has its own columns; on the right every column hears all heads."
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


def spread_rows(raw: Array, scaled: Array) -> pd.DataFrame:
    """Histograms of two sets of scores over the same bins: columns kind, low, high, count."""
    edges = np.histogram_bin_edges(np.concatenate([raw.ravel(), scaled.ravel()]), BINS)
    frames = [
        pd.DataFrame({"kind": kind, "low": edges[:-1], "high": edges[1:], "count": np.histogram(values, edges)[0]})
        for kind, values in ((RAW, raw), (SCALED, scaled))
    ]
    return pd.concat(frames, ignore_index=True)


def softmax_rows(raw: Array, scaled: Array, names: list[str]) -> pd.DataFrame:
    """The weights of one query, without and with the division: columns kind, key, weight."""
    frames = [pd.DataFrame({"kind": kind, "key": names, "weight": values.astype(float)})
              for kind, values in ((RAW, raw), (SCALED, scaled))]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _over_image(
    shown: Shown, chosen: Digit, row: Array, spec: dict[str, Any], key: str, query: int, words: str
) -> None:
    before = len(row) - shown.model.num_patches  # the class token
    patch_map.patch_map(row[before:], spec, key, words, chosen=query - before, image=chosen.image)


def _class_words(shown: Shown, row: Array, what: str) -> str:
    return f"The class token, which has no place, has {what} {row[0]:.3f}." if shown.model.pool == "cls" else ""
