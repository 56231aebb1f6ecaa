"""What is shown to a class: the accuracy of each arm in large figures, two curves, the verdict, and nothing else."""

from collections.abc import Mapping
from statistics import fmean

import streamlit as st

from vit_lab.analysis.arms import COLOURS, letter
from vit_lab.analysis.scores import scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.spelling import percent
from vit_lab.ui.arms import chip
from vit_lab.ui.poll import TICK_SECONDS

PAGE, HELP = "pages/present.py", "Two curves, large figures and the verdict alone, to be read from the last row."
LOOK = """
[data-testid="stHeader"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 1rem 1.5rem 0; }
"""
CSS = """
:host { display: block; font-family: var(--st-font); color: var(--st-text-color); }
.arms { display: flex; gap: 1rem 2.5rem; flex-wrap: wrap; }
.arms div { border-left: 0.6rem solid; padding-left: 0.9rem; flex: 1 1 10rem; min-width: 0; }
b, span, i { color: var(--st-text-color); }
b { display: block; font-size: clamp(1.1rem, 2.1vw, 1.7rem); line-height: 1.2; overflow-wrap: anywhere; }
span { font-size: clamp(2.2rem, 5.5vw, 4.4rem); font-weight: 750; line-height: 1.05; }
i { font-style: normal; font-size: 1.15rem; opacity: 0.75; margin-left: 0.6rem; }
"""
JS = """
export default function ({ data, parentElement }) {
  const arms = data.arms.map(arm => {
    const box = document.createElement("div")
    box.style.borderColor = arm.colour
    for (const [part, words] of [["b", arm.name], ["span", arm.accuracy], ["i", arm.on]]) {
      const one = document.createElement(part)
      one.textContent = words
      box.append(one)
    }
    return box
  })
  parentElement.querySelector(".arms").replaceChildren(...arms)
}
"""
_FIGURES = st.components.v2.component("vit_lab_figures", html='<div class="arms"></div>', css=CSS, js=JS)


def present_button(experiment: Experiment) -> None:
    """A button that opens the presenter's view of an experiment."""
    if st.button("Present", icon=":material/present_to_all:", type="tertiary", key="present", help=HELP):
        st.switch_page(PAGE, query_params={"experiment": experiment.id})


def large_figures(store: Store, experiment: Experiment) -> None:
    """By arm: its name and its mean accuracy, of what `_accuracies` finds."""
    found, on = _accuracies(store, experiment)
    told = []
    for arm, name in experiment.names.items():
        planned, mine = sum(run.arm == arm for run in experiment.proper), found.get(arm, [])
        many = "" if planned < 2 else f", mean of {len(mine)} of {planned} runs"
        words = {"name": f"{letter(arm)}  {name}", "accuracy": percent(fmean(mine) if mine else None), "on": on + many}
        told.append({"colour": COLOURS[arm % len(COLOURS)], **words})
    _FIGURES(key="large_figures", data={"arms": told})


def large_curves(store: Store, experiment: Experiment, names: Mapping[int, str]) -> None:
    """Loss and accuracy of every run, in letters to be read from afar."""
    from vit_lab.ui.figures import charts  # with the rows: pandas and Altair, which a page can begin without
    from vit_lab.ui.figures.rows import live_tables

    tables = live_tables(store, "curves", experiment.proper, names, TICK_SECONDS)
    with st.grid(2, min_column_width=320):
        for key, spec in charts.PRESENTED.items():
            words = f"{key.capitalize()} of each arm by step, large"
            st.vega_lite_chart(tables[key], spec(), key=f"presented-{key}", alt=words)


def verdict_words(experiment: Experiment) -> str:
    """What may be said, in Markdown: how one seed ended, or each pair's verdict over several; before, how far it is."""
    from vit_lab.analysis.comparison import compare, verdict  # brings scipy, which a page can begin without
    from vit_lab.analysis.outcome import outcome_words

    names = {arm: f"{chip(arm)} {name}" for arm, name in experiment.names.items()}
    if len(experiment.proper) > len(names):
        found = compare(experiment, scores_of(experiment))
        condition = experiment.conditions
        told = [
            (f"{condition[c.condition]}: " * bool(condition[c.condition]), verdict(c, names[c.a], names[c.b]))
            for c in found
        ]
        return "\n\n### ".join("".join(words) for words in told[:MOST_VERDICTS])
    if words := outcome_words(experiment, names):
        return words
    step = min(run.step for run in experiment.proper)
    total = max(run.planned_steps for run in experiment.proper)
    return f"Step {step:,} of {total:,}: no verdict yet."


MOST_VERDICTS = 3  # what fits on a screen


def _accuracies(store: Store, experiment: Experiment) -> tuple[dict[int, list[float]], str]:
    """By arm: what its runs came to on the test set once all runs of all arms have, a diverged one as guessing.

    Before, what they say on validation, twins at the last step that both have reached.
    """
    scores, on = scores_of(experiment), "on the test set"
    if len(scores) < len(experiment.proper):
        scores, on = _on_validation(store, experiment, scores)
    found: dict[int, list[float]] = {}
    for run in experiment.proper:
        if run.id in scores:
            found.setdefault(run.arm, []).append(scores[run.id])
    return found, on


def _on_validation(store: Store, experiment: Experiment, scores: Mapping[str, float]) -> tuple[dict[str, float], str]:
    from vit_lab.ui.figures.rows import run_curves

    curves = run_curves(store, experiment.proper, "accuracy", "validation")
    twins: dict[tuple[int, int], dict[str, dict[int, float]]] = {}
    found: dict[str, float] = {}
    for run in experiment.proper:
        if run.status == Status.DIVERGED:
            found[run.id] = scores[run.id]
        else:
            by_step = dict(zip(curves[run.id]["step"], curves[run.id]["value"], strict=True))
            twins.setdefault((run.condition, run.config.seed), {})[run.id] = by_step
    shared = [max(set.intersection(*map(set, runs.values())), default=None) for runs in twins.values()]
    for step, runs in zip(shared, twins.values(), strict=True):
        found |= {run_id: by_step[step] for run_id, by_step in runs.items() if step is not None}
    step = shared[0] if len(shared) == 1 else None
    return found, "on validation" if step is None else f"on validation at step {step:,}"
