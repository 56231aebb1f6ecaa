"""Claim: does a larger variance help on smaller or harder data?"""

import streamlit as st

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.comparison import compare, verdict
from vit_lab.analysis.comparison_rows import difference_rows
from vit_lab.analysis.interaction import interaction_words, interactions
from vit_lab.analysis.scores import scores_of
from vit_lab.analysis.summary import rate_words
from vit_lab.datasets import is_available
from vit_lab.model_config import datasets_for
from vit_lab.runs.designs import CLAIM_ARMS, CLAIM_NOISE, MOST_SEEDS, claim, claim_tasks
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.spelling import size_words
from vit_lab.ui.claim.grid import answer, of_one_pair, result_grid
from vit_lab.ui.compare.tables import pilots_fold
from vit_lab.ui.experiments.extend import extend, extended_note
from vit_lab.ui.experiments.launch import EVIDENCE, arms_input, variations_input
from vit_lab.ui.experiments.progress import progress
from vit_lab.ui.experiments.skeleton import experiment_page
from vit_lab.ui.prose import note, prose, say

SIZES = {"200": 200, "1,000": 1_000, "all": None}
TASKS = prose(f"""
    A data set; :{CLAIM_NOISE} replaces that share of its training labels at random. The page Train downloads data sets.
""")
FAIR = "Each arm first chooses its own rate, on validation."
EMPTY = "No check yet. Launch one: what it will cost is said above."


def form() -> Plan:
    """Two inits on tasks of several sizes and difficulties."""
    here = [dataset for dataset in datasets_for("vit") if is_available(dataset)]
    noisy = [f"{dataset}:{CLAIM_NOISE}" for dataset in here]
    one, two, three = st.columns([0.5, 0.25, 0.25])
    with one:
        picked = st.multiselect("Tasks", here + noisy, claim_tasks(here[0]), key="claim_tasks", help=TASKS)
        arms = arms_input(CLAIM_ARMS, "claim_arms")
        variations = variations_input("claim_vary")
    sizes = two.multiselect("Training images", list(SIZES), list(SIZES), key="claim_sizes")
    steps = two.number_input("Steps", 10, 10_000, 300, 50, key="claim_steps")
    seeds = three.number_input("Seeds", 1, MOST_SEEDS, 6, key="claim_seeds", help=EVIDENCE)
    fair = three.toggle("Fair learning rate", key="claim_fair", help=FAIR)
    base = configure(steps=int(steps))
    chosen = [SIZES[size] for size in sizes]
    return claim(base, picked, chosen, int(seeds), arms=arms, variations=variations, fair_rate=fair)


def outcome(store: Store, experiment: Experiment) -> None:
    """The answer, the result grid, the differences and the verdicts of one check."""
    progress(experiment)
    scores = scores_of(experiment)
    family = compare(experiment, scores)
    if not family:
        st.info("This experiment has one arm only.")
        return
    names, conditions = experiment.names, experiment.conditions
    comparisons = of_one_pair(family, names)
    a, b = names[comparisons[0].a], names[comparisons[0].b]
    st.markdown(f"#### {answer(comparisons, conditions, names)}")
    note(f"""
        Of {len(family)} comparisons, Holm-corrected together: where no init is better than the other, a check names a
        winner, anywhere in it, in at most 5 % of cases. {rate_words(experiment)}
    """)
    extended_note(experiment)
    pilots_fold(experiment)
    st.markdown(f"**{b} minus {a}, points of test accuracy**")
    result_grid(experiment, comparisons)
    labels = [conditions[c.condition] or size_words(experiment.data[c.condition]) for c in comparisons]
    st.markdown(f"**← {a} is better · {b} is better →**")
    rows, words = difference_rows(comparisons, labels), "Paired differences by task and training-set size"
    st.vega_lite_chart(rows, charts.DIFFERENCES(), key="claim-differences", alt=words)
    note("""
        A small dot is a pair of runs with one seed; the diamond is the mean on its 95 % interval; green is decided. The
        intervals are not widened for the number of comparisons, the verdicts are.
    """)
    for one in interactions(experiment, scores):
        if (one.a, one.b) == (comparisons[0].a, comparisons[0].b):
            st.markdown((f"**{one.where}**: " if one.where else "") + interaction_words(one, a, b))
    with st.expander("Every verdict in a sentence", icon=":material/gavel:"):
        for c, label in zip(comparisons, labels, strict=True):
            st.markdown(f"**{label}**: {verdict(c, a, b)}")
    extend(experiment, arms=False)


say("""
    ViT-Notes says: the default of `nn.Linear` is a small-variance init that is good on large data, and **on smaller or
    harder data a larger variance helps**. Here the claim meets paired seeds.
""")
experiment_page("claim", "New check", form, outcome, EMPTY)
