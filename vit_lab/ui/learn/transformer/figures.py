"""The figures of the lesson on the Transformer, from the lab's own model, loss and learning rate."""

import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.model_config import TransformerConfig
from vit_lab.presets import preset
from vit_lab.settings import configure
from vit_lab.training.schedule import learning_rate
from vit_lab.ui.learn.models import computed
from vit_lab.ui.learn.transformer import charts
from vit_lab.ui.learn.transformer.drawing import drawing
from vit_lab.ui.serving.caches import BY_CONFIG

TRAIN_SEQUENCES = 10_000
RATE_STEPS = range(0, 2_000, 10)


def task(dataset: str) -> RunConfig:
    """The preset `copy`, or its sibling."""
    return configure(preset("copy"), dataset=dataset)


def figure_one(config: RunConfig) -> int:
    """Encoder and decoder as boxes, with the shapes and parameters of the model that a config builds.

    Returns how many parameters it has.
    """
    rows, total = _figure_one(config)
    st.vega_lite_chart(rows, charts.DRAWING(), key="drawing", alt="Encoder and decoder of the Transformer, box by box")
    return total


def mask_and_positions(config: RunConfig) -> None:
    """Which place may read which, and the sines and cosines that are added to the embeddings."""
    mask, positions = _mask_and_positions(config)
    left, right = st.columns(2)
    with left:
        st.markdown("**The causal mask**")
        st.vega_lite_chart(mask, charts.MASK(), key="mask", alt="The causal mask: a lower triangle")
    with right:
        st.markdown("**Positions**")
        st.vega_lite_chart(positions, charts.POSITIONS(), key="positions", alt="Sines and cosines by place and feature")


def smoothing(epsilon: float) -> None:
    """The loss against confidence, without smoothing and with it."""
    words = "Loss against the probability of the right symbol"
    st.vega_lite_chart(_smoothing(epsilon), charts.SMOOTHED(), key="smoothing", alt=words)


def rates(warmup: int) -> None:
    """The learning rate of the preset by step, with that warm-up: as in the paper, and with a cosine."""
    found = []
    for arm, schedule in (("A", "noam"), ("B", "cosine")):
        optim = configure(preset("copy"), schedule=schedule, warmup_steps=warmup, steps=RATE_STEPS.stop).optim
        for step in RATE_STEPS:
            found.append({"arm": arm, "step": step, "value": learning_rate(optim, step, TRAIN_SEQUENCES)})
    st.vega_lite_chart(pd.DataFrame(found), charts.RATES(), key="rates", alt="Learning rate by step")


@st.cache_data(show_spinner="Building the model", max_entries=20, hash_funcs=BY_CONFIG)
def _figure_one(config: RunConfig) -> tuple[pd.DataFrame, int]:
    assert isinstance(config.model, TransformerConfig)
    pieces, total = computed("sequences:pieces", config)
    return drawing(pieces, config.model), total


@st.cache_data(show_spinner=False, max_entries=20, hash_funcs=BY_CONFIG)
def _mask_and_positions(config: RunConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    c = config.model
    assert isinstance(c, TransformerConfig)
    found = []
    for table in computed("sequences:mask_and_positions", c.sequence_length, c.dim):
        cells = pd.DataFrame(
            [(i, j, float(value)) for (i, j), value in np.ndenumerate(table)], columns=["i", "j", "value"]
        )
        names = {"x": (cells["j"] + 1).astype(str), "y": (cells["i"] + 1).astype(str)}
        found.append(cells.assign(chosen=False, **names))
    return found[0], found[1]


@st.cache_data(show_spinner=False, max_entries=50)
def _smoothing(epsilon: float) -> pd.DataFrame:
    """The loss of one symbol, its right one given probability x and the rest shared evenly by the others."""
    config = preset("copy")
    shares = np.concatenate([np.linspace(0.02, 0.98, 97), 1 - np.geomspace(0.018, 1e-4, 40)])
    rows = []
    for arm, share in (("A", 0.0), ("B", epsilon)):
        optim = configure(config, label_smoothing=share).optim
        losses = computed("sequences:losses", optim, config.model.num_classes, shares)
        rows += [{"kind": "loss", "arm": arm, "x": p, "value": loss} for p, loss in zip(shares, losses, strict=True)]
        least = int(np.argmin(losses))
        rows.append({"kind": "least", "arm": arm, "x": shares[least], "value": losses[least]})
    return pd.DataFrame(rows)
