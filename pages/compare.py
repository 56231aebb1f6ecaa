"""Compare: several inits over several seeds, and how sure one may be."""

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import arm_outcomes, compare
from vit_lab.analysis.comparison_rows import difference_rows, final_rows
from vit_lab.analysis.summary import rate_words
from vit_lab.runs.designs import MOST_SEEDS, comparison
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.store import Store
from vit_lab.ui.compare.curves import curves_of_every_seed
from vit_lab.ui.compare.grid import overview, pick_condition
from vit_lab.ui.compare.scores import JUDGED_BY, LAST, judged
from vit_lab.ui.compare.tables import arms_table, fine_print, pilots_fold, settings_table
from vit_lab.ui.compare.verdicts import against, verdict_cards
from vit_lab.ui.experiments.extend import extend, extended_note
from vit_lab.ui.experiments.launch import EVIDENCE, arms_input, start_from, variations_input
from vit_lab.ui.experiments.progress import progress, seed_strip
from vit_lab.ui.experiments.skeleton import experiment_page
from vit_lab.ui.figures.rows import run_curves
from vit_lab.ui.prose import note

FAIR = "Each arm first chooses its rate on validation, from one small grid."
EMPTY = "No comparison yet. Launch one here, or on the page Train, and watch the verdict form seed by seed."


def form() -> Plan:
    """A comparison on a preset, or on what the form of Train holds."""
    left, middle, right = st.columns([0.25, 0.5, 0.25])
    with left:
        base, default = start_from()
    with middle:
        arms = arms_input(default, "compare_arms")
        variations = variations_input("compare_vary")
    seeds = right.number_input("Seeds", 1, MOST_SEEDS, 6, key="compare_seeds", help=EVIDENCE)
    fair = right.toggle("Fair learning rate", key="compare_fair", help=FAIR)
    return comparison(base, arms, int(seeds), variations=variations, fair_rate=fair)


def outcome(store: Store, experiment: Experiment) -> None:
    """The verdict first, then what it rests on."""
    progress(experiment)
    names = experiment.names
    labels = {arm: f"{letter(arm)}  {name}" for arm, name in names.items()}
    left, middle, right = st.columns([0.3, 0.4, 0.3])
    key = f"baseline-{experiment.id}"  # or a browser goes on showing the arms of the experiment before
    baseline = left.selectbox("Baseline", list(labels), format_func=lambda arm: labels[arm], key=key)
    by = middle.selectbox("Judged by accuracy on", JUDGED_BY, key="score")
    accuracy_curves = run_curves(store, experiment.proper, "accuracy", "validation")
    with right:
        scores = judged(experiment, by, accuracy_curves)
    compared = against(baseline, compare(experiment, scores, exploratory=by != LAST))
    every_outcome = arm_outcomes(experiment, scores)
    if len(experiment.conditions) > 1:
        overview(experiment, every_outcome, scores)
    condition = pick_condition(experiment)
    here = experiment.under(condition)
    comparisons = [c for c in compared if c.condition == condition]
    outcomes = [one for one in every_outcome if one.condition == condition]
    verdict_cards(comparisons, names)
    extended_note(experiment)
    st.markdown(seed_strip(here))
    st.caption("One sign a seed: · to come, ▶ at work, ✓ finished, ✗ diverged, ? without a result.")

    arms_table(here, outcomes, comparisons, accuracy_curves, names)
    st.caption(f"{fine_print(here, outcomes, by)} {rate_words(experiment)}")
    pilots_fold(experiment)

    left, right = st.columns(2)
    with left:
        st.markdown("**Every run, pairs joined**")
        rows = final_rows(outcomes, here.proper)
        st.vega_lite_chart(rows, charts.FINAL_DOTS(), key="dots", alt="Accuracy of every run by arm")
        st.caption("A dot is a run, a grey line joins the runs of one seed, the bar is the 95 % interval of the mean.")
    with right:
        st.markdown("**Differences, pair by pair**")
        rows = difference_rows(comparisons, [f"{letter(c.b)} − {letter(c.a)}" for c in comparisons])
        words = "Paired differences with their intervals"
        st.vega_lite_chart(rows, charts.DIFFERENCES(), key="differences", alt=words)
        note("""
            A dot is one pair; the diamond is the mean on its 95 % interval. If the bar touches the dashed 0, no
            difference at all is still possible. Green: decided.
        """)

    curves_of_every_seed(store, here, accuracy_curves, names)
    st.markdown("**What the arms differ in, and nothing else**")
    settings_table(here)
    extend(experiment)


experiment_page("compare", "New experiment", form, outcome, EMPTY)
