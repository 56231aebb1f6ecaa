"""Weights: what the init does to weights, signal and attention, from the first step to the last."""

import streamlit as st

from vit_lab.runs.experiments import Runs
from vit_lab.ui.arms import chip
from vit_lab.ui.compare.grid import pick_condition
from vit_lab.ui.experiments.choose import ANOTHER, box_of_experiments, listed, not_here
from vit_lab.ui.experiments.fork import look_or_fork
from vit_lab.ui.figures import charts
from vit_lab.ui.figures.rows import probe_table
from vit_lab.ui.poll import at_work, poll
from vit_lab.ui.prose import note
from vit_lab.ui.serving.lab import open_store
from vit_lab.ui.weights.measures import by_place, layer_words, map_of_steps
from vit_lab.ui.weights.ridgelines import ridgelines
from vit_lab.ui.weights.sticky import sticky_bar
from vit_lab.ui.words import GLOSSARY

PROBE_SECONDS = 2.0
LATEST = "latest"
STEP_HELP = "All charts show this step. Probes are taken at steps 0, 1, 2, 4, 8, ... and then evenly."


def draw(runs: Runs) -> None:
    """All charts of some runs, which share an experiment and a seed."""
    table = probe_table(store, runs.runs)
    if table.empty:
        st.info("Nothing measured yet: the first probes come with step 0.")
        return
    steps = sorted(table["step"].unique().tolist())
    scrubber, arms = sticky_bar()
    middle = min(steps, key=lambda step: abs(step - steps[-1] / 2))  # at the end of a schedule nothing moves any more
    first = LATEST if at_work(runs) else middle
    picked = scrubber.select_slider("Step", [*steps, LATEST], value=first, key="step", help=STEP_HELP)
    step = steps[-1] if picked == LATEST else int(picked)
    arms.caption(
        f"Showing step {step:,}.  \n" + "  \n".join(f"{chip(run.arm)} {run.name} (#{run.number})" for run in runs.runs)
    )
    look_or_fork(runs.runs, step)
    with st.expander("Words on this page", icon=":material/menu_book:"):
        st.markdown(GLOSSARY)

    st.subheader("Histograms of the weights")
    names = table.loc[table["measure"] == "weight_std", "layer"].dropna().unique().tolist()
    layer = st.selectbox("Layer of the histograms", names, format_func=layer_words, key="layer")
    with st.container(horizontal=True, vertical_alignment="center"):
        widths = table.loc[(table["measure"] == "weight_std") & (table["place"] == layer), "value"]
        symlog = st.toggle(
            "Logarithmic on both sides of 0",
            value=bool(widths.max() > 8 * widths.min()),  # on a linear axis the narrow arm would be one bin wide
            key="symlog",
            help="Makes room for very different variances.",
        )
        overlay = st.toggle("Lay the arms over one another", key="overlay", disabled=len(runs.runs) < 2)
    ridgelines(store, runs.runs, layer, step, symlog=symlog, overlay=overlay)
    humps = "On this axis a bell shows two humps with a dip at 0, where the bins are narrow."
    note(f"""
        Each ridge is one moment, the first at the bottom. A wide ridge is a large variance. Ridges that keep their
        shape mean that training hardly moved this layer. Bins and heights are the same for all arms.
        {humps if symlog else ""}
    """)

    now = table[table["step"] == step]
    st.subheader("Layer by layer")
    left, right = st.columns(2)
    with left:
        promised = "The std of all weights of a layer. At step 0 it is what the init promised."
        by_place("weight_std", now, charts.LAYER_STD, "Spread of the weights", promised, charts.LAYER_STD_FAR)
        lazy = """
            How far the weights have moved, relative to their size at step 0. Near 0 the network learns lazily (Chizat
            et al. 2019). AdamW's steps do not grow with the weights, so a larger init moves less in this measure.
        """
        by_place("weight_distance", now, charts.LAYER_DISTANCE, "Distance from the init", lazy)
    with right:
        together = "Frobenius norm: the size of all weights of a layer together."
        by_place("weight_norm", now, charts.LAYER_NORM, "Norm of the weights", together)
        steady = """
            Size of one step relative to the weights, log10. Around -3 (the line) learning is steady; far above it the
            rate is high for this layer, far below low (Karpathy). At the end of a schedule the rate, and with it this
            ratio, goes to zero: look at a step in the middle of the run.
        """
        by_place("update_ratio", now, charts.LAYER_UPDATE, "Update ratio", steady)

    st.subheader("Signal and gradient through depth")
    ladder = """
        Size of the tokens after each block, by step. Colours are logarithmic; a ladder of colours from left to right is
        a signal that grows with training, from top to bottom one that grows with depth (He et al. 2015).
    """
    map_of_steps("activation_rms", table, charts.RMS_MAP, "Activation RMS", ladder, runs=runs.runs, step=step)
    dark = """
        Norm of the loss gradient of each layer at the step. Dark rows learn slowly; if they are the early blocks, the
        gradient vanishes with depth (Glorot & Bengio 2010). A gradient of exactly 0 has the darkest colour.
    """
    map_of_steps("gradient_norm", table, charts.GRADIENT_MAP, "Gradient norm", dark, runs=runs.runs, step=step)

    st.subheader("Attention")
    left, right = st.columns(2)
    with left:
        widely = """
            One point a head. 1: it looks at all tokens alike; 0: at one. A fall to 0 comes before training breaks (Zhai
            et al. 2023).
        """
        by_place("attention_entropy", now, charts.HEAD_ENTROPY, "How widely a head looks", widely)
    with right:
        large = """
            Largest |q·k|/√d of each head. The larger, the harder the softmax; growth without end comes before
            divergence (Dehghani et al. 2023).
        """
        by_place("max_attention_logit", now, charts.HEAD_LOGIT, "How large the logits are", large)

    st.subheader("Diversity of the tokens")
    left, right = st.columns(2)
    with left:
        alike = """
            Mean cosine between the tokens of an image. Towards 1 the tokens become alike: rank collapse (Dong et al.
            2021, Noci et al. 2022).
        """
        by_place("token_similarity", now, charts.DEPTH_SIMILARITY, "Token similarity", alike)
    with right:
        directions = """
            How many directions the differences between images use: "diversity of representations", made a number (Roy &
            Vetterli 2007).
        """
        by_place("effective_rank", now, charts.DEPTH_RANK, "Effective rank", directions)


store = open_store()
newest, others = listed()
if not (experiments := [one for one in newest if one.runs]):
    st.info("No runs yet: train your first pair, and its weights can be looked at here, live.")
    st.page_link("pages/train.py", label="Open Train", icon=":material/play_circle:")
    st.stop()

by_id = {one.id: one for one in experiments}
labels = {one.id: f"#{min(run.number for run in one.runs)}: {one.title}" for one in experiments}  # names repeat
if (linked := st.query_params.get("experiment")) and linked not in labels:
    st.warning(f"{not_here(linked)} {ANOTHER}")
left, right = st.columns([0.7, 0.3], gap="large")
with left:
    chosen = box_of_experiments("Runs", labels, "weights", others)
found = by_id[chosen]
with right:
    condition = pick_condition(found) if found.conditions else 0
members = found.under(condition).runs
seeds = list(dict.fromkeys(run.config.seed for run in members))
seed = right.selectbox("Seed", seeds, key="weights_seed") if len(seeds) > 1 else seeds[0]
shown = [run.id for run in members if run.config.seed == seed]
poll(lambda: Runs(tuple(store.runs(shown))), draw, every=PROBE_SECONDS)
