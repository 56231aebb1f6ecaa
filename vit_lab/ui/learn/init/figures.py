"""The figures of the lesson on weight initialisation, computed with the lab's own init, models and probes."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as compare_charts
from vit_lab.analysis.arms import LETTERS
from vit_lab.analysis.comparison import Comparison
from vit_lab.analysis.comparison_rows import difference_rows
from vit_lab.analysis.findings import claim_findings
from vit_lab.config import InitConfig
from vit_lab.init.schemes import ALONE, SCHEMES, expected_variance
from vit_lab.probes.gauge import HEAD_MEASURES, SMALLEST_ENTROPY
from vit_lab.refusals import one_of
from vit_lab.settings import configure
from vit_lab.spelling import arm_label, written_out
from vit_lab.ui.arms import chip
from vit_lab.ui.learn.init import charts
from vit_lab.ui.learn.models import computed
from vit_lab.ui.maps.starts import choose, draw_map
from vit_lab.ui.prose import prose
from vit_lab.ui.serving.caches import BY_CONFIG

BINS, PAIRED = 56, 300  # bars of a histogram; weights in the picture of one draw
DEPTH, WIDTH = 10, 64
QK_SCALES = tuple(float(f"{10 ** (power / 2):.3g}") for power in range(-4, 7))
SEED = 0
Row = dict[str, Any]


def one_layer(inits: Sequence[InitConfig], fan_in: int, fan_out: int) -> None:
    """Two arms' weights of one layer: histograms, variances against the formula, and that they come from one draw."""
    found = _one_layer(tuple(inits), fan_in, fan_out)
    left, right = st.columns(2)
    with left:
        st.markdown("**The weights that are drawn**")
        words = "Histograms of the weights under A and B"
        st.vega_lite_chart(found["histogram"], charts.HISTOGRAM(), key="layer-histogram", alt=words)
    with right:
        st.markdown("**One draw, two schemes**")
        words = "The same weights under A and under B, one point a weight"
        st.vega_lite_chart(found["pairs"], charts.SAME_DRAW(), key="layer-pairs", alt=words)
    st.table(found["variances"])


def through_depth(scheme: str, factor: float) -> str:
    """The signal's size through ten plain layers and through ten blocks of a real model, at three variances.

    Returns a sentence that says how much it grows in the model.
    """
    plain, model = _through_depth(scheme, factor)
    st.markdown("   ".join(chip(arm, name) for arm, name in enumerate(_three(factor))))
    left, right = st.columns(2)
    with left:
        st.markdown("**Ten plain linear layers**")
        st.vega_lite_chart(
            plain, charts.DEPTH(), key="depth-plain", alt="Activation RMS after each of ten linear layers"
        )
    with right:
        st.markdown("**Ten blocks of a Vision Transformer**")
        st.vega_lite_chart(model, charts.DEPTH(), key="depth-model", alt="Activation RMS after each of ten blocks")
    ends = model.groupby("name", sort=False)["value"].agg(["first", "last"])
    growth = [f"{row.last / row.first:.3g} ({row.Index})" for row in ends.itertuples()]
    return f"With `{scheme}` ten blocks multiply the signal by {one_of(growth, 'and')}."


def softmax(scheme: str) -> str:
    """Entropy and largest logit of attention against the variance of queries and keys.

    Returns a sentence that says where attention saturates.
    """
    entropy, logit = _softmax(scheme)
    left, right = st.columns(2)
    with left:
        st.markdown("**How widely a head looks**")
        st.vega_lite_chart(entropy, charts.ENTROPY(), key="softmax-entropy", alt="Attention entropy by variance scale")
    with right:
        st.markdown("**How large the logits are**")
        st.vega_lite_chart(logit, charts.LOGIT(), key="softmax-logit", alt="Largest attention logit by variance scale")
    means = entropy[entropy["kind"] == "mean"]
    saturated = means.loc[means["value"] < SMALLEST_ENTROPY, "scale"]
    mean = f"With `{scheme}` the mean entropy"
    if saturated.empty:
        return f"{mean} stays above {SMALLEST_ENTROPY:g} up to × {QK_SCALES[-1]:g}."
    return f"{mean} is below {SMALLEST_ENTROPY:g}, this lab's mark for saturation, from × {saturated.iloc[0]:g} on."


@st.cache_data(show_spinner=False)
def findings() -> dict[str, Comparison]:
    """What docs/findings/001-the-claim.md rests on."""
    return claim_findings()


def findings_chart(found: dict[str, Comparison]) -> None:
    """The paired differences of every task."""
    rows = difference_rows(list(found.values()), list(found))
    st.vega_lite_chart(rows, compare_charts.DIFFERENCES(), key="findings", alt="Paired differences by task and size")


def map_of_starts() -> str:
    """The map around the classroom model, in a fold that is computed only when open.

    Returns a sentence that says what to look for.
    """
    fold = st.expander("The map", key="lesson_map", icon=":material/map:", bind="query-params")
    if not fold.open:
        return "Open the map: some two hundred models are looked at, in a few seconds."
    with fold:
        one, *columns = st.columns(4)
        scheme = one.selectbox("Scheme", list(SCHEMES), key="map_scheme", bind="query-params")
        config = configure(scheme=scheme, seed=SEED)
        found = draw_map(config, choose(config, columns, "map"), "lesson-start-map", [config])
    healthy = [cell for cell in found.cells if not cell.findings] if found else []
    count = f"{len(healthy)} of {len(found.cells)} cells are healthy. " if found else ""
    return prose(f"""
        {count}Queries and keys decide, almost alone, how evenly attention looks; values and MLP, how much a block says.
        So the map falls into bands, and healthy starts lie where two of them cross. Then lay depth up and the variance
        of all weights across: the deeper the model, the smaller the variance at which its signal explodes.
    """)


def _three(factor: float) -> list[str]:
    return [f"small, × {written_out(1 / factor)}", "medium, × 1", f"large, × {written_out(factor)}"]


@st.cache_data(show_spinner="Drawing weights", max_entries=200, hash_funcs=BY_CONFIG)
def _one_layer(inits: tuple[InitConfig, ...], fan_in: int, fan_out: int) -> dict[str, pd.DataFrame]:
    edges, layers, draws = computed("inits:layer", inits, fan_in, fan_out, SEED, BINS, PAIRED)
    middles = (edges[:-1] + edges[1:]) / 2
    histogram, table = [], {}
    for letter, init, drawn in zip(LETTERS, inits, layers, strict=False):
        share = drawn.counts / (fan_in * fan_out)
        histogram.append(pd.DataFrame({"weight": middles, "share": share, "arm": letter}))
        promised = expected_variance(init, ALONE, fan_in, fan_out)
        table[f"{letter}: {arm_label(init)}"] = {
            "σ² by the formula": written_out(promised, 4),
            "σ² drawn": written_out(drawn.variance, 4),
            "fan_in · σ²": written_out(fan_in * promised, 4),
            "output variance, measured": written_out(drawn.output_variance, 4),
        }
    a, b = (drawn.first for drawn in layers)
    return {
        "histogram": pd.concat(histogram, ignore_index=True),
        "pairs": pd.DataFrame({"u": draws, "a": a, "b": b}),
        "variances": pd.DataFrame(table).T,
    }


@st.cache_data(show_spinner="Sending a signal through ten layers", max_entries=50)
def _through_depth(scheme: str, factor: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    plain: list[Row] = []
    model: list[Row] = []
    configs = [
        configure(scheme=scheme, variance_scale=scale, depth=DEPTH, dim=WIDTH, seed=SEED)
        for scale in (1 / factor, 1.0, factor)
    ]
    found = computed("inits:through_depth", configs)
    for letter, name, config, (layers, blocks) in zip(LETTERS, _three(factor), configs, found, strict=False):
        gain = WIDTH * expected_variance(config.init, ALONE, WIDTH, WIDTH)
        arm = {"arm": letter, "name": name}
        for depth, value in enumerate(layers):
            plain.append(arm | {"depth": depth, "kind": "measured", "value": value})
            plain.append(arm | {"depth": depth, "kind": "formula", "value": gain ** (depth / 2)})
        model += [arm | {"depth": depth, "kind": "measured", "value": value} for depth, value in enumerate(blocks)]
    return pd.DataFrame(plain), pd.DataFrame(model)


@st.cache_data(show_spinner="Looking at attention", max_entries=20)
def _softmax(scheme: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    config = configure(scheme=scheme, seed=SEED)
    measured = computed("inits:attention", config, QK_SCALES)
    rows = pd.DataFrame(measured, columns=["scale", "measure", "head", "value"]).astype({"head": str})
    means = rows.groupby(["measure", "scale"], as_index=False)["value"].mean().assign(kind="mean", head="mean")
    both = pd.concat([rows.assign(kind="head"), means], ignore_index=True)
    entropy, logit = (both[both["measure"] == measure] for measure in HEAD_MEASURES)
    return entropy, logit
