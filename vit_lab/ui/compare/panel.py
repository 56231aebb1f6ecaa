"""The arms of one experiment over all its seeds: the verdict first, then what it rests on."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import (
    ArmOutcome,
    Comparison,
    Score,
    arm_outcomes,
    compare,
    scores_of,
    swapped,
    verdict,
)
from vit_lab.analysis.comparison_rows import BANDS, arm_table, difference_rows, final_rows, seed_curves, steps_to
from vit_lab.analysis.statistics import accuracy_noise
from vit_lab.analysis.summary import arm_differences, arm_names, rate_words
from vit_lab.datasets import DATASETS
from vit_lab.runs.experiments import Pick, picks
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.ui.arms import chip
from vit_lab.ui.experiments.page import extend, extended_note, progress, seed_strip, seeds_of
from vit_lab.ui.figures.rows import run_curves

LAST, BEST, AT_STEP = "test, last step", "test, best on validation", "validation, at a step"
SCORES: dict[str, Score] = {LAST: "last", BEST: "best"}
STATE_COLOURS = {
    "decided": "green",
    "not decided": "gray",
    "demo": "orange",
    "not yet": "blue",
    "too few": "gray",
    "exploratory": "gray",
}
MEASURES = {
    "validation accuracy": ("accuracy", "validation"),
    "validation loss": ("loss", "validation"),
    "training loss": ("loss", "training"),
}


def compare_panel(store: Store, all_runs: list[RunRecord]) -> None:
    """Verdicts, table and charts of one experiment."""
    progress(all_runs)
    runs = [run for run in all_runs if not run.pilot]
    names = arm_names(runs)
    arms = sorted({run.arm for run in runs})

    left, middle, right = st.columns([0.3, 0.4, 0.3])
    baseline = left.selectbox("Baseline", arms, format_func=lambda arm: f"{letter(arm)}  {names[arm]}", key="baseline")
    picked = middle.selectbox("Judged by accuracy on", [*SCORES, AT_STEP], key="score")
    accuracy_curves = run_curves(store, runs, "accuracy", "validation")
    with right:
        scores = _scores(runs, picked, accuracy_curves)
    comparisons = _against(baseline, compare(runs, scores, exploratory=picked != LAST))
    outcomes = arm_outcomes(runs, scores)
    _verdicts(comparisons, names)
    extended_note(store, runs)
    st.markdown(seed_strip(runs))
    st.caption("One sign a seed: · to come, ▶ at work, ✓ finished, ✗ diverged, ? without a result.")

    judged = [run for run in runs if run.config.data.validation_size != 0]  # on validation
    steps = {arm: [steps_to(accuracy_curves[run.id]) for run in judged if run.arm == arm] for arm in arms}
    picked_rates = picks(run for run in all_runs if run.condition == runs[0].condition)
    rates = {
        run.arm: f"{run.config.optim.learning_rate:g}" + _edge(picked_rates.get((run.arm, run.condition)))
        for run in runs
    }
    table = arm_table(outcomes, names, comparisons, steps, rates)
    st.dataframe(
        table.style.map(_signed_colour, subset=["vs baseline, points"]),
        hide_index=True,
        key="arm-table",
        alt="Every arm with mean, interval, spread and number of runs",
    )
    st.caption(_fine_print(outcomes, runs, picked) + " " + rate_words(all_runs))

    left, right = st.columns(2)
    with left:
        st.markdown("**Every run, pairs joined**")
        st.vega_lite_chart(
            final_rows(outcomes, runs), charts.FINAL_DOTS, key="dots", alt="Accuracy of every run by arm"
        )
        st.caption("A dot is a run, a grey line joins the runs of one seed, the bar is the 95 % interval of the mean.")
    with right:
        st.markdown("**Differences, pair by pair**")
        labels = [f"{letter(c.b)} − {letter(c.a)}" for c in comparisons]
        st.vega_lite_chart(difference_rows(comparisons, labels), charts.DIFFERENCES, key="differences",
                           alt="Paired differences with their intervals")  # fmt: skip
        st.caption("A dot is one pair; the diamond is the mean on its 95 % interval. If the bar touches the dashed 0, no "
                   "difference at all is still possible. Green: decided.")  # fmt: skip

    _curves(store, runs, names, accuracy_curves)
    _settings(runs, names)
    extend(all_runs)


def _scores(runs: Sequence[RunRecord], picked: str, curves: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    if picked in SCORES:
        return scores_of(runs, SCORES[picked])
    steps = sorted({int(step) for curve in curves.values() for step in curve["step"]})
    if not steps:
        return {}
    step = st.select_slider("Step", steps, value=steps[-1], key="at_step")
    found = {}
    for run in runs:
        at = curves[run.id].loc[curves[run.id]["step"] == step, "value"]
        if len(at):
            found[run.id] = float(at.iloc[0])
        elif run.status == Status.DIVERGED:
            found[run.id] = 1 / run.config.model.num_classes
    return found


def _against(baseline: int, comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with the baseline, each as the other arm minus it."""
    return [c if c.a == baseline else swapped(c) for c in comparisons if baseline in (c.a, c.b)]


def _verdicts(comparisons: Sequence[Comparison], names: Mapping[int, str]) -> None:
    for c in comparisons:
        with st.container(border=True):
            st.markdown(f"#### {verdict(c, names[c.a], names[c.b])}")
            st.markdown(f"{chip(c.b)} against {chip(c.a)} :{STATE_COLOURS[c.state]}-badge[{c.state}]")


def _fine_print(outcomes: Sequence[ArmOutcome], runs: Sequence[RunRecord], picked: str) -> str:
    """What else the numbers carry: diverged runs, and the size of the test."""
    means = [one.summary.mean for one in outcomes if one.summary.mean is not None]
    words = []
    if means and picked != AT_STEP:
        dataset = DATASETS[runs[0].config.data.dataset]
        count = dataset.sizes.test
        noise = accuracy_noise(min(means, key=lambda mean: abs(mean - 0.5)), count)
        words.append(
            f"On {count:,} test {dataset.examples} a single accuracy is itself sure to ±{noise * 100:.1f} points."
        )
    if any(one.diverged for one in outcomes):
        words.append("A diverged run counts with the accuracy of guessing.")
    if any(one.missing for one in outcomes) and picked != AT_STEP:
        words.append("Runs that stand still have no result and are in no mean.")
    return " ".join(words)


def _edge(pick: Pick | None) -> str:
    return " (edge of the grid)" if pick and pick.at_edge else ""


def _signed_colour(text: str) -> str:
    """A colour for what is decided; the rest stays grey."""
    return {"+": "color: #0f8f83", "-": "color: #d1495b"}.get(text[:1], "") if text.endswith("*") else ""


def _curves(
    store: Store, runs: Sequence[RunRecord], names: Mapping[int, str], accuracy: Mapping[str, pd.DataFrame]
) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure = st.selectbox("Curve", list(MEASURES), key="measure", width=220)
        band = st.selectbox("Band", BANDS, key="band", width=260)
        smoothing = st.slider("Smoothing, points", 1, 15, 1, key="smoothing", width=180,
                              help="Averages neighbouring points of the curves for the eye. No number on this page changes.")  # fmt: skip
        hidden = st.multiselect("Hide seeds", seeds_of(runs), key="hidden", width=200,
                                help="Takes thin lines away. Means and bands stay those of all finished runs.")  # fmt: skip
        log = st.toggle("Logarithmic", key="log")
        by_time = st.toggle("By training time", key="by_time")
    what, split = MEASURES[measure]
    curves = accuracy if (what, split) == ("accuracy", "validation") else run_curves(store, runs, what, split)
    rows = seed_curves(curves, runs, names, by_time=by_time, band=band, smoothing=smoothing, hidden=hidden)
    specs = charts.ACCURACY_CURVES if what == "accuracy" else charts.LOSS_CURVES
    st.markdown(f"**{measure.capitalize()} by {'seconds of training' if by_time else 'step'}**")
    st.vega_lite_chart(rows, specs[log], key="seed-curves", alt=f"{measure} of every seed, and the mean of each arm")
    smoothed = f" Smoothed over {smoothing} points, for display only." if smoothing > 1 else ""
    st.caption(f"Thin: every seed. Bold: the mean of each arm's finished runs. Band: {band}, from 3 runs on "
               f"for the interval and from 2 for the deviation.{smoothed}")  # fmt: skip


def _settings(runs: Sequence[RunRecord], names: Mapping[int, str]) -> None:
    told = arm_differences(runs)
    st.markdown("**What the arms differ in, and nothing else**")
    columns = [f"{letter(arm)}  {names[arm]}" for arm in sorted(names)]
    st.dataframe(
        pd.DataFrame(
            [[field.replace("_", " "), *map(str, values)] for field, values in told.items()],
            columns=["Setting", *columns],
        ),
        hide_index=True,
        key="settings-table",
    )
