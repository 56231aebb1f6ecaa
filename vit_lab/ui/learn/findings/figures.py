"""What a finding came to, drawn from the runs in its table as the lab draws any experiment."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import arm_outcomes, compare
from vit_lab.analysis.comparison_rows import arch_rows, difference_rows, over_rows
from vit_lab.analysis.findings import Finding
from vit_lab.analysis.interaction import alike_but_for, numbers
from vit_lab.analysis.scores import scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import setting_words
from vit_lab.ui.arms import chip
from vit_lab.ui.prose import note

ACROSS = 2  # charts in a row
LETTER = 30  # pixels at their right


def figures(finding: Finding) -> None:
    """The charts of a finding, if its table holds runs."""
    experiment = _experiment(finding.number, finding)
    if experiment is None:
        return
    if list(experiment.differences) == ["variance_scale"]:
        _arches(experiment)
    elif len(experiment.arms) == 2:
        _differences(experiment)
    else:
        _lines(experiment)


@st.cache_resource(show_spinner=False)
def _experiment(number: str, _finding: Finding) -> Experiment | None:
    """Hundreds of settings to read, once for all visitors."""
    return _finding.experiment


def _differences(experiment: Experiment) -> None:
    smaller, larger = experiment.names.values()
    found = compare(experiment, scores_of(experiment))
    rows = difference_rows(found, [experiment.conditions[c.condition] for c in found])
    st.markdown(f"**← {smaller} is better · {larger} is better →**")
    st.vega_lite_chart(rows, charts.DIFFERENCES(), key="findings", alt=f"Differences of {larger} and {smaller}")
    note("A small dot is a pair of runs of one seed, the diamond their mean on its 95 % interval, green is decided.")


def _arches(experiment: Experiment) -> None:
    outcomes, spec = arm_outcomes(experiment, scores_of(experiment)), charts.ARCH()
    panels = {}
    for title, where in alike_but_for(experiment, _along(experiment)).items():
        others = [field for field in experiment.varied if len({experiment.varied[field][c] for c in where}) == 1]
        words = {condition: experiment.told(condition, *others) for condition in where}
        inside = [one for one in outcomes if one.condition in words]
        panels[title] = arch_rows(inside, experiment.arms, words)
    _beside_one_another(panels, spec)
    note("Accuracy against the factor on the variance of all weights. Bars are 95 % intervals of the mean.")


def _lines(experiment: Experiment) -> None:
    field = _along(experiment)
    values, outcomes = numbers(experiment, field), arm_outcomes(experiment, scores_of(experiment))
    spec = charts.over(setting_words(field), log=min(values.values()) > 0, whole=True)
    st.markdown("  ".join(f"{chip(arm)} {name}" for arm, name in experiment.names.items()))
    panels = {
        title: over_rows(experiment, outcomes, values, where).assign(name="")  # letters are told above all charts
        for title, where in alike_but_for(experiment, field).items()
    }
    _beside_one_another(panels, spec | {"padding": spec["padding"] | {"right": LETTER}})
    note("Dots are runs, lines join the means, bars are 95 % intervals.")


def _along(experiment: Experiment) -> str:
    """The setting of most values that are numbers, for the horizontal axis."""
    counted = {field: len(set(numbers(experiment, field).values())) for field in experiment.varied}
    return max(counted, key=lambda field: counted[field])


def _beside_one_another(panels: Mapping[str, pd.DataFrame], spec: dict[str, Any]) -> None:
    titles: Sequence[str] = list(panels)
    spec = _on_one_scale(spec, panels)
    for first in range(0, len(titles), ACROSS):
        for column, title in zip(st.columns(ACROSS), titles[first : first + ACROSS], strict=False):
            with column:
                st.markdown(f"**{title}**")
                alt = f"Test accuracy: {title}"
                st.vega_lite_chart(panels[title], spec, key=f"finding-{title}", alt=alt)


def _on_one_scale(spec: dict[str, Any], panels: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The same chart with an axis that holds the accuracies of all panels, so that they can be compared."""
    scores = pd.concat([rows.loc[rows["kind"] == "run", "score"] for rows in panels.values()])
    domain = [math.floor(10 * scores.min()) / 10, math.ceil(10 * scores.max()) / 10]
    found = copy.deepcopy(spec)
    for layer in found["layer"]:
        axis = layer.get("encoding", {}).get("y", {})
        if axis.get("scale"):
            axis["scale"] = axis["scale"] | {"domain": domain, "zero": False}
    return found
