"""Why scores are divided by the root of K: the third step of the lesson on self-attention, on real scores."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.analysis.chart_style import constant_spec, made_once
from vit_lab.analysis.colours import OTHERS
from vit_lab.lessons.seen import Array
from vit_lab.spelling import written_out
from vit_lab.ui.learn.attention.steps import Look, steps
from vit_lab.ui.learn.lesson import look_for

RAW, SCALED = "q·k", "q·k / √K"
KINDS = alt.Scale(domain=[RAW, SCALED], range=list(OTHERS[:2]))
KIND = alt.Color("kind:N", sort=None, title=None, scale=KINDS, legend=alt.Legend(orient="top"))
VARIANCES = ["0.01", "0.1", "0.3", "1", "3", "10", "30", "100", "300", "1000"]
VARIANCES_HELP = "What would happen to these very scores if they were that much larger."
BINS = 40


def _spread() -> dict[str, Any]:
    x = alt.X("low:Q", title="score", axis=alt.Axis(grid=False, format=".3~g"))
    y = alt.Y("count:Q", title="pairs of tokens", stack=None, axis=alt.Axis(tickCount=4))
    ends = (alt.Tooltip(f"{end}:Q", format=".3~g", title=word) for end, word in (("low", "from"), ("high", "to")))
    tooltip = ["kind:N", *ends, "count:Q"]
    bars = alt.Chart().mark_bar(opacity=0.65)
    spec = bars.encode(x=x, x2="high:Q", y=y, y2=alt.datum(0), color=KIND, tooltip=tooltip)
    return constant_spec(alt.layer(spec), 240)


def _softmax() -> dict[str, Any]:
    axis = alt.Axis(labelAngle=0, labelOverlap=True)
    x = alt.X("key:N", sort=alt.EncodingSortField("i", op="min"), title="key", axis=axis)
    y = alt.Y("weight:Q", title="weight", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=2))
    beside = alt.XOffset("kind:N", sort=[RAW, SCALED])
    tooltip = ["kind:N", "key:N", alt.Tooltip("weight:Q", format=".4f")]
    bars = alt.Chart().mark_bar().encode(x=x, xOffset=beside, y=y, color=KIND, tooltip=tooltip)
    return constant_spec(alt.layer(bars), 240)


SPREAD, SOFTMAX = made_once(_spread), made_once(_softmax)


def scaling(look: Look) -> None:
    """A slider for the variance of queries and keys, and what it does to scores and softmax, divided and undivided."""
    label = "Variance of the weights of queries and keys ×"
    picked = st.select_slider(label, VARIANCES, value="1", key="qk_variance", help=VARIANCES_HELP)
    found = steps(look.shown, look.chosen, look.block, float(picked))
    head, query, width = look.head, look.query, found.q.shape[-1]
    raw, scaled = found.products[head], found.scores[head]
    root = f"{width**0.5:.3g}"
    expected = width * float(found.q[head].var() * found.k[head].var())
    grid = st.grid(4, min_column_width=150, gap="small")
    for label, number in (
        ("Variance of q·k", written_out(raw.var())),
        (f"Variance of q·k / √{width}", written_out(scaled.var())),
        ("Entropy of softmax(q·k)", f"{found.unscaled_entropy[head]:.3f}"),
        (f"Entropy of softmax(q·k / √{width})", f"{found.entropy[head]:.3f}"),
    ):
        with grid.cell():
            st.metric(label, number)
    left, right = st.columns(2, gap="large")
    with left:
        rows, words = spread_rows(raw, scaled), "Distribution of the scores, raw and divided"
        st.vega_lite_chart(rows, SPREAD(), key="spread", alt=words)
        look_for(f"""
            Dividing by √K = {root} makes the scores' spread {root} times narrower and their variance K = {width} times
            smaller. The footnote's rule, K · var(q) · var(k), would give {written_out(expected)} for q·k; it is
            {written_out(raw.var())}, for real queries and keys are neither independent nor of mean 0.
        """)
    with right:
        rows = softmax_rows(found.unscaled[head, query], found.weights[head, query], look.shown.tokens)
        words = "Weights of the chosen query, without and with the division"
        st.vega_lite_chart(rows, SOFTMAX(), key="softmax", alt=words)
        look_for("""
            The softmax of the chosen query's scores. Entropy is over all queries of the head, divided by log N: 1 is
            an even look at everything, 0 is one token alone. Move the slider up and watch both fall; the undivided
            one falls first.
        """)


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
    keys = pd.DataFrame({"i": range(len(names)), "key": names})
    frames = [keys.assign(kind=kind, weight=values.astype(float)) for kind, values in ((RAW, raw), (SCALED, scaled))]
    return pd.concat(frames, ignore_index=True)
