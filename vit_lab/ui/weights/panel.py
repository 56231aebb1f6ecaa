"""The Weights page's charts: what the probes saw in the runs of one experiment, at one step or over all of them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.places import read_place
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import ACTIVE
from vit_lab.ui.arms import chip
from vit_lab.ui.figures import charts
from vit_lab.ui.figures.rows import histogram_rows, placed, probe_table
from vit_lab.ui.serving.lab import open_store, problems_told
from vit_lab.ui.words import GLOSSARY

LATEST = "latest"
RIDGE_OVERLAP = 3.0  # how many ridges tall the tallest ridge is


def weights_panel(run_ids: Sequence[str]) -> None:
    """All charts of some runs; polls while one of them is at work."""
    active = any(run.status in ACTIVE for run in open_store().runs(run_ids))
    st.fragment(_panel, run_every=2.0 if active else None)(tuple(run_ids), active)


def _panel(run_ids: tuple[str, ...], was_active: bool) -> None:
    with problems_told():
        _draw(run_ids, was_active)


def _draw(run_ids: tuple[str, ...], was_active: bool) -> None:
    store = open_store()
    runs = store.runs(run_ids)
    if was_active and not any(run.status in ACTIVE for run in runs):
        st.rerun()
    table = probe_table(store, runs)
    if table.empty:
        st.info("Nothing measured yet: the first probes come with step 0.")
        return
    steps = sorted(table["step"].unique().tolist())
    scrubber, layers = st.columns([0.6, 0.4], gap="large")
    middle = min(steps, key=lambda step: abs(step - steps[-1] / 2))  # at the end of a schedule nothing moves any more
    picked = scrubber.select_slider(
        "Step", [*steps, LATEST], value=LATEST if was_active else middle, key="step", help=STEP_HELP
    )
    names = table.loc[table["measure"] == "weight_std", "layer"].dropna().unique().tolist()
    layer = layers.selectbox(
        "Layer of the histograms", names, format_func=lambda name: read_place(name).words, key="layer"
    )
    step = steps[-1] if picked == LATEST else int(picked)
    st.caption(f"Showing step {step:,}. " + " ".join(f"{chip(run.arm)} {run.name}" for run in runs))

    with st.expander("Words on this page", icon=":material/menu_book:"):
        st.markdown(GLOSSARY)

    st.subheader("Histograms of the weights")
    with st.container(horizontal=True, vertical_alignment="center"):
        widths = table.loc[(table["measure"] == "weight_std") & (table["place"] == layer), "value"]
        symlog = st.toggle(
            "Logarithmic on both sides of 0",
            value=bool(widths.max() > 8 * widths.min()),  # on a linear axis the narrow arm would be one bin wide
            key="symlog",
            help="Makes room for very different variances.",
        )
        overlay = st.toggle("Lay the arms over one another", key="overlay", disabled=len(runs) < 2)
    rows = histogram_rows(store, runs, layer, symlog=symlog)
    _ridgelines(rows, runs, step, charts.RIDGELINE_SYMLOG if symlog else charts.RIDGELINE, overlay or len(runs) < 2)
    _words("Each ridge is one moment, the first at the bottom. A wide ridge is a large variance. Ridges that keep their "
           "shape mean that training hardly moved this layer. Bins and heights are the same for all arms."
           + (" On this axis a bell shows two humps with a dip at 0, where the bins are narrow." if symlog else ""))  # fmt: skip

    now = table[table["step"] == step]
    st.subheader("Layer by layer")
    left, right = st.columns(2)
    with left:
        _chart("weight_std", now, charts.LAYER_STD, "Spread of the weights",
               "The std of all weights of a layer. At step 0 it is what the init promised.")  # fmt: skip
        _chart("weight_distance", now, charts.LAYER_DISTANCE, "Distance from the init",
               "How far the weights have moved, relative to their size at step 0. Near 0 the network learns lazily (Chizat et al. 2019). AdamW's steps do not grow with the weights, so "
               "a larger init moves less in this measure.")  # fmt: skip
    with right:
        _chart("weight_norm", now, charts.LAYER_NORM, "Norm of the weights",
               "Frobenius norm: the size of all weights of a layer together.")  # fmt: skip
        _chart("update_ratio", now, charts.LAYER_UPDATE, "Update ratio",
               "Size of one step relative to the weights, log10. Around -3 (the "
               "line) learning is steady; far above it the rate is high for this layer, far below low (Karpathy). At the end of a schedule the rate, and with "
               "it this ratio, goes to zero: look at a step in the middle of the run.")  # fmt: skip

    st.subheader("Signal and gradient through depth")
    for measure, spec, title, words in HEATMAPS:
        st.markdown(f"**{title}**")
        rows = placed(table[table["measure"] == measure])
        smallest = rows.loc[rows["value"] > 0, "value"].min()
        rows = rows.assign(shade=rows["value"].clip(lower=smallest))
        for run, column in zip(runs, st.columns(len(runs)), strict=True):
            with column:
                shown = rows["run"] == run.id
                marked = rows.assign(shown=shown, chosen=shown & (rows["step"] == step))
                st.markdown(chip(run.arm))
                st.vega_lite_chart(marked.sort_values("shown", kind="stable"), spec, key=f"{measure}-map-{run.arm}",
                                   alt=f"{title} of arm {letter(run.arm)}")  # fmt: skip
        _words(words)

    st.subheader("Attention")
    left, right = st.columns(2)
    with left:
        _chart("attention_entropy", now, charts.HEAD_ENTROPY, "How widely a head looks", "One point a head. 1: it looks at all tokens alike; 0: at one. "
               "A fall to 0 comes before training breaks (Zhai et al. 2023).")  # fmt: skip
    with right:
        _chart("max_attention_logit", now, charts.HEAD_LOGIT, "How large the logits are", "Largest |q·k|/√d of each head. The larger, the harder the "
               "softmax; growth without end comes before divergence (Dehghani et al. 2023).")  # fmt: skip

    st.subheader("Diversity of the tokens")
    left, right = st.columns(2)
    with left:
        _chart("token_similarity", now, charts.DEPTH_SIMILARITY, "Token similarity", "Mean cosine between the tokens of an image. Towards 1 the "
               "tokens become alike: rank collapse (Dong et al. 2021, Noci et al. 2022).")  # fmt: skip
    with right:
        _chart("effective_rank", now, charts.DEPTH_RANK, "Effective rank", "How many directions the differences between images use: "
               "\"diversity of representations\", made a number (Roy & Vetterli 2007).")  # fmt: skip


STEP_HELP = "All charts show this step. Probes are taken at steps 0, 1, 2, 4, 8, ... and then evenly."
HEATMAPS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "activation_rms",
        charts.RMS_MAP,
        "Activation RMS",
        "Size of the tokens after each block, by step. Colours are logarithmic; a ladder of colours from left to right is "
        "a signal that grows with training, from top to bottom one that grows with depth (He et al. 2015).",
    ),
    (
        "gradient_norm",
        charts.GRADIENT_MAP,
        "Gradient norm",
        "Norm of the loss gradient of each layer at the step. Dark rows learn slowly; if they are the early blocks, the "
        "gradient vanishes with depth (Glorot & Bengio 2010). A gradient of exactly 0 has the darkest colour.",
    ),
]


def _chart(measure: str, now: pd.DataFrame, spec: dict[str, Any], title: str, words: str) -> None:
    st.markdown(f"**{title}**")
    st.vega_lite_chart(placed(now[now["measure"] == measure]), spec, key=f"by-place-{measure}", alt=words)
    _words(words)


def _ridgelines(rows: pd.DataFrame, runs: Sequence[RunRecord], step: int, spec: dict[str, Any], overlay: bool) -> None:
    if rows.empty:
        return
    order = {value: place for place, value in enumerate(sorted(rows["step"].unique()))}
    height = RIDGE_OVERLAP / max(rows["share"].max(), 1e-9)
    base = rows["step"].map(order)
    rows = rows.assign(base=base, top=base + rows["share"] * height, chosen=rows["step"] == step)
    first = rows["weight"] == rows["weight"].min()
    rows["label"] = rows["step"].astype(str).where(first & ((base % 3 == 0) | rows["chosen"]), "")
    if overlay:
        st.vega_lite_chart(rows, spec, key="ridges", alt="Weight histograms of all arms, early steps below late")
        return
    for run, column in zip(runs, st.columns(len(runs)), strict=True):
        mark = letter(run.arm)
        with column:
            st.markdown(chip(run.arm))
            st.vega_lite_chart(rows[rows["arm"] == mark], spec, key=f"ridges-{mark}",
                               alt=f"Weight histograms of arm {mark}, early steps below late")  # fmt: skip


def _words(text: str) -> None:
    st.caption(text)
