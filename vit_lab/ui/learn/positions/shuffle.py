"""The experiment of the lesson on positions: a pair with and without them is trained, then sees shuffled patches."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.arms import LETTERS
from vit_lab.analysis.chart_style import ARM_COLOUR, constant_spec, made_once
from vit_lab.analysis.colours import GREY
from vit_lab.analysis.statistics import accuracy_error
from vit_lab.config import RunConfig
from vit_lab.model_config import VitConfig
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.runs.trained import trained_runs
from vit_lab.settings import configure
from vit_lab.ui.arms import chip
from vit_lab.ui.figures.picture import apart, digit, places_of, show_picture
from vit_lab.ui.learn.findings.words import finding_link
from vit_lab.ui.learn.lesson import look_for
from vit_lab.ui.learn.models import can_be_read, computed, run_words, weights_of
from vit_lab.ui.prose import note
from vit_lab.ui.serving.beside import patient
from vit_lab.ui.serving.lab import open_store

STEPS = 200  # of the classroom preset's 300
KEY = "train_positions"
NAMES = ("with positions", "without positions")
PAIR = {
    name: configure(steps=STEPS, position=position)
    for name, position in zip(NAMES, ("sinusoidal", "none"), strict=True)
}
MODEL = VitConfig()  # of the preset
SHOWN = (5, 2)  # the digits that are shown in each order


def _shuffled_chart() -> dict[str, Any]:
    x = alt.X("order:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelLimit=200))
    y = alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    tooltip = [
        alt.Tooltip("model:N"),
        alt.Tooltip("order:N"),
        alt.Tooltip("accuracy:Q", format=".2%"),
        alt.Tooltip("error:Q", format=".2%", title="standard error"),
    ]
    base = alt.Chart().encode(x=x, xOffset=alt.XOffset("arm:N"), color=ARM_COLOUR, tooltip=tooltip)
    bars = base.mark_bar().encode(y=y)
    error = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q", color=alt.value(GREY))
    numbers = base.mark_text(dy=-12, fontWeight=600).encode(y=y, text=alt.Text("accuracy:Q", format=".1%"))
    chance = alt.Chart().mark_rule(strokeDash=[5, 4], color=GREY).encode(y=alt.datum(0.1))
    return constant_spec(alt.layer(bars, error, numbers, chance), 320)


ACCURACIES = made_once(_shuffled_chart)


def pictures() -> None:
    """Two digits in every order of patches that the models will see."""
    images = np.stack([digit(places_of(label)[0]) for label in SHOWN])
    columns = st.columns(3)
    for column, (order, shuffled) in zip(columns, _orders(images).items(), strict=True):
        with column:
            st.markdown(f"**{order.capitalize()}**")
            with st.container(horizontal=True, gap="small"):
                for label, image in zip(SHOWN, shuffled, strict=True):
                    show_picture(apart(image, MODEL.patch_size), width=130, alt=f"A {label}, patches {order}")


def readable_pair() -> tuple[RunRecord, RunRecord] | None:
    """The pair to be looked at, if its models can be read back; a run that cannot be is told of on the page."""
    found = finished_pair(open_store())
    return found if found and all(can_be_read(run) for run in found) else None


def _is_of_digits(config: RunConfig) -> bool:
    return config.model.kind == "vit" and config.data.dataset == "mnist-10k" and not config.fork


def finished_pair(store: Store) -> tuple[RunRecord, RunRecord] | None:
    """The latest finished runs on the bundled digits that differ in positions alone: one with them, one without."""
    latest: dict[RunConfig, RunRecord] = {}
    for run in trained_runs(store, _is_of_digits):
        latest.setdefault(run.config, run)
    for config, plain in latest.items():
        assert isinstance(config.model, VitConfig)
        if config.model.position == "none" and (placed := latest.get(configure(config, position="sinusoidal"))):
            return placed, plain
    return None


def outcome(pair: tuple[RunRecord, RunRecord]) -> None:
    """How accurate both models are in every order: chart, words and table."""
    placed, plain = pair
    rows = results(placed.id, plain.id)
    images = int(rows["images"].iloc[0])
    st.markdown(f"{chip(0)} with positions: {run_words(placed)}. {chip(1)} without: {run_words(plain)}.")
    st.vega_lite_chart(rows, ACCURACIES(), key="shuffled", alt="Accuracy on images as they are and shuffled")
    a, b = (rows[rows["arm"] == letter].set_index("order")["accuracy"] for letter in LETTERS[:2])
    lost, lost_without = (100 * (one.iloc[0] - one.iloc[1]) for one in (a, b))
    look_for(f"""
        With positions, one order for all images costs {lost:.1f} points; without, {lost_without:.1f}. Grey lines are ±
        one standard error; the dashed line is guessing. Knowing places was worth {100 * (a.iloc[0] - b.iloc[0]):.1f}
        points on images as they are.
    """)
    rows["cell"] = [f"{row.accuracy:.2%} ± {row.error:.2%}" for row in rows.itertuples()]
    table = rows.pivot(index="order", columns="model", values="cell").loc[list(a.index), list(NAMES)]
    st.table(table.rename_axis(index=None, columns=None))
    note(f"""
        Accuracy on the {images:,} bundled test digits ± its binomial standard error, √(p(1 − p)/n), for n =
        {images:,}; one seed. Three seeds, and learned positions too, were measured once.
    """)
    finding_link("003")


@st.cache_data(show_spinner="Showing both models the test digits, shuffled", max_entries=8)
def results(placed_id: str, plain_id: str) -> pd.DataFrame:
    """Both models on the test digits in every order of patches.

    Columns arm, model, order, accuracy, error, low, high, images.
    """
    rows = []
    for letter, name, run in zip(LETTERS, NAMES, open_store().runs([placed_id, plain_id]), strict=False):
        accuracies, images = computed("images:accuracies", run.config, weights_of(run.id), companion=patient)
        for order, accuracy in accuracies.items():
            error = accuracy_error(accuracy, images)
            seen = {"arm": letter, "model": name, "order": order, "images": images}
            numbers = {"accuracy": accuracy, "error": error, "low": accuracy - error, "high": accuracy + error}
            rows.append(seen | numbers)
    return pd.DataFrame(rows)


@st.cache_data(show_spinner=False)
def _orders(images: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    size, patches = MODEL.patch_size, MODEL.num_patches
    shuffled: dict[str, NDArray[np.uint8]] = computed("images:in_every_order", images, size, patches)
    return shuffled
