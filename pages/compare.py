"""Compare: several inits over several seeds, and how sure one may be."""

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import arm_outcomes, compare
from vit_lab.analysis.comparison_rows import difference_rows, final_rows
from vit_lab.analysis.summary import rate_words
from vit_lab.presets import PRESETS, preset
from vit_lab.runs.designs import CLAIM_ARMS, MOST_SEEDS, comparison
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.store import Store
from vit_lab.ui.compare.curves import curves_of_every_seed
from vit_lab.ui.compare.scores import JUDGED_BY, LAST, judged
from vit_lab.ui.compare.tables import arms_table, fine_print, settings_table
from vit_lab.ui.compare.verdicts import against, verdict_cards
from vit_lab.ui.experiments.extend import extend, extended_note
from vit_lab.ui.experiments.launch import EVIDENCE, arms_input
from vit_lab.ui.experiments.progress import progress, seed_strip
from vit_lab.ui.experiments.skeleton import experiment_page
from vit_lab.ui.figures.rows import run_curves
from vit_lab.ui.prose import note

FAIR = "Each arm first chooses its rate on validation, from one small grid."
EMPTY = "No comparison yet. Launch one here, or on the page Train, and watch the verdict form seed by seed."


def form() -> Plan:
    """A comparison on a preset; whatever else may be set, the page Train sets."""
    left, middle, right = st.columns([0.25, 0.5, 0.25])
    start = left.selectbox("Start from", list(PRESETS), key="compare_preset", help="The page Train sets all the rest.")
    with middle:
        arms = arms_input(CLAIM_ARMS, "compare_arms")
    seeds = right.number_input("Seeds", 1, MOST_SEEDS, 6, key="compare_seeds", help=EVIDENCE)
    fair = right.toggle("Fair learning rate", key="compare_fair", help=FAIR)
    return comparison(preset(start), arms, int(seeds), fair_rate=fair)


def outcome(store: Store, experiment: Experiment) -> None:
    """The verdict first, then what it rests on."""
    progress(experiment)
    names = experiment.names
    labels = {arm: f"{letter(arm)}  {name}" for arm, name in names.items()}
    left, middle, right = st.columns([0.3, 0.4, 0.3])
    baseline = left.selectbox("Baseline", list(labels), format_func=lambda arm: labels[arm], key="baseline")
    by = middle.selectbox("Judged by accuracy on", JUDGED_BY, key="score")
    accuracy_curves = run_curves(store, experiment.proper, "accuracy", "validation")
    with right:
        scores = judged(experiment, by, accuracy_curves)
    comparisons = against(baseline, compare(experiment, scores, exploratory=by != LAST))
    outcomes = arm_outcomes(experiment, scores)
    verdict_cards(comparisons, names)
    extended_note(experiment)
    st.markdown(seed_strip(experiment))
    st.caption("One sign a seed: · to come, ▶ at work, ✓ finished, ✗ diverged, ? without a result.")

    arms_table(experiment, outcomes, comparisons, accuracy_curves)
    st.caption(f"{fine_print(experiment, outcomes, by)} {rate_words(experiment)}")

    left, right = st.columns(2)
    with left:
        st.markdown("**Every run, pairs joined**")
        rows = final_rows(outcomes, experiment.proper)
        st.vega_lite_chart(rows, charts.FINAL_DOTS, key="dots", alt="Accuracy of every run by arm")
        st.caption("A dot is a run, a grey line joins the runs of one seed, the bar is the 95 % interval of the mean.")
    with right:
        st.markdown("**Differences, pair by pair**")
        rows = difference_rows(comparisons, [f"{letter(c.b)} − {letter(c.a)}" for c in comparisons])
        words = "Paired differences with their intervals"
        st.vega_lite_chart(rows, charts.DIFFERENCES, key="differences", alt=words)
        note("""
            A dot is one pair; the diamond is the mean on its 95 % interval. If the bar touches the dashed 0, no
            difference at all is still possible. Green: decided.
        """)

    curves_of_every_seed(store, experiment, accuracy_curves)
    st.markdown("**What the arms differ in, and nothing else**")
    settings_table(experiment)
    extend(experiment)


experiment_page("compare", "New experiment", form, outcome, EMPTY)
