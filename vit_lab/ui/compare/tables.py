"""The tables of a comparison: every arm in numbers, and what the arms differ in."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from vit_lab.analysis.arms import letter
from vit_lab.analysis.colours import RED, TEAL
from vit_lab.analysis.comparison import ArmOutcome, Comparison
from vit_lab.analysis.comparison_rows import arm_table, steps_to
from vit_lab.analysis.pilots import pilot_rows
from vit_lab.analysis.statistics import accuracy_noise
from vit_lab.datasets import DATASETS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import Pick, picks
from vit_lab.spelling import setting_words, told_value
from vit_lab.ui.compare.scores import AT_STEP


def arms_table(
    experiment: Experiment,
    outcomes: Sequence[ArmOutcome],
    comparisons: Sequence[Comparison],
    accuracy_curves: Mapping[str, pd.DataFrame],
    names: Mapping[int, str],
) -> None:
    """Mean, interval, spread, number of runs, speed and learning rate of every arm."""
    steps: dict[int, list[int | None]] = {arm: [] for arm in experiment.arms}
    for run in experiment.proper:
        if run.config.data.validation_size != 0:  # else nothing was held out to see how soon it got there
            steps[run.arm].append(steps_to(accuracy_curves[run.id]))
    picked = picks(experiment)
    rates = {
        run.arm: f"{run.config.optim.learning_rate:g}{_edge(picked.get((run.arm, run.condition)))}"
        for run in experiment.proper
    }
    table = arm_table(outcomes, names, comparisons, steps, rates)
    st.dataframe(
        table.style.map(_signed_colour, subset=["vs baseline, points"]),
        hide_index=True,
        key="arm-table",
        alt="Every arm with mean, interval, spread and number of runs",
    )


def fine_print(experiment: Experiment, outcomes: Sequence[ArmOutcome], by: str) -> str:
    """What else the numbers carry: diverged runs, and the size of the test."""
    means = [one.summary.mean for one in outcomes if one.summary.mean is not None]
    words = []
    if means and by != AT_STEP:
        dataset = DATASETS[experiment.proper[0].config.data.dataset]
        count = dataset.sizes.test
        noise = 100 * accuracy_noise(min(means, key=lambda mean: abs(mean - 0.5)), count)
        words.append(f"On {count:,} test {dataset.examples} a single accuracy is itself sure to ±{noise:.1f} points.")
    if any(one.diverged for one in outcomes):
        words.append("A diverged run counts with the accuracy of guessing.")
    if any(one.missing for one in outcomes) and by != AT_STEP:
        words.append("Runs that stand still have no result and are in no mean.")
    return " ".join(words)


def settings_table(experiment: Experiment) -> None:
    """The settings in which the arms differ, one row a setting."""
    rows = [
        [setting_words(field), *(told_value(field, value) for value in values)]
        for field, values in experiment.differences.items()
    ]
    columns = ["Setting", *(f"{letter(arm)}  {name}" for arm, name in experiment.names.items())]
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, key="settings-table")


def pilots_fold(experiment: Experiment) -> None:
    """How the arms picked their rates: every pilot's score, and the pick."""
    if rows := pilot_rows(experiment):
        with st.expander("How each arm picked its learning rate", icon=":material/speed:", key="pilots"):
            st.dataframe(pd.DataFrame(rows), hide_index=True, key="pilot-table", alt="Scores of the pilots by rate")
            st.caption(
                "Validation accuracy of one pilot run at each rate. The arrow stands at the one that was picked."
            )


def _edge(pick: Pick | None) -> str:
    return " (edge of the grid)" if pick and pick.at_edge else ""


def _signed_colour(text: str) -> str:
    """A colour for what is decided; the rest stays grey."""
    return {"+": f"color: {TEAL}", "-": f"color: {RED}"}.get(text[:1], "") if text.endswith("*") else ""
