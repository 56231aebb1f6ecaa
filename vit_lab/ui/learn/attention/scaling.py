"""Why scores are divided by the root of K: the third step of the lesson on self-attention, on the model's own scores."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.analysis.chart_style import constant_spec
from vit_lab.ui.learn.attention.steps import Array, Shown, steps
from vit_lab.ui.learn.digit import Digit
from vit_lab.ui.learn.lesson import look_for

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
        x=alt.X("key:N", sort=alt.EncodingSortField("i", op="min"), title="key", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("kind:N", sort=[RAW, SCALED]),
        y=alt.Y("weight:Q", title="weight", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=2)), color=KIND,
        tooltip=["kind:N", "key:N", alt.Tooltip("weight:Q", format=".4f")],
    )  # fmt: skip
    return constant_spec(alt.layer(bars), 240)


SPREAD, SOFTMAX = _spread(), _softmax()


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


def spread_rows(raw: Array, scaled: Array) -> pd.DataFrame:
    """Histograms of two sets of scores over the same bins: columns kind, low, high, count."""
    edges = np.histogram_bin_edges(np.concatenate([raw.ravel(), scaled.ravel()]), BINS)
    frames = [
        pd.DataFrame({"kind": kind, "low": edges[:-1], "high": edges[1:], "count": np.histogram(values, edges)[0]})
        for kind, values in ((RAW, raw), (SCALED, scaled))
    ]
    return pd.concat(frames, ignore_index=True)


def softmax_rows(raw: Array, scaled: Array, names: list[str]) -> pd.DataFrame:
    """The weights of one query, without and with the division: columns kind, i, key, weight."""
    frames = [pd.DataFrame({"kind": kind, "i": range(len(names)), "key": names, "weight": values.astype(float)})
              for kind, values in ((RAW, raw), (SCALED, scaled))]  # fmt: skip
    return pd.concat(frames, ignore_index=True)
