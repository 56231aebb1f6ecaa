"""Claim: does a larger variance help on smaller or harder data?"""

import streamlit as st

from vit_lab.config import datasets_for
from vit_lab.datasets import is_available
from vit_lab.runs.designs import CLAIM_ARMS, CLAIM_NOISE, MOST_SEEDS, claim
from vit_lab.runs.experiments import Plan
from vit_lab.settings import configure
from vit_lab.ui.claim.panel import claim_panel
from vit_lab.ui.experiments.page import EVIDENCE, arms_input, experiment_page

SIZES = {"200": 200, "1,000": 1_000, "all": None}


def form() -> Plan:
    """Two inits on tasks of several sizes and difficulties."""
    here = [dataset for dataset in datasets_for("vit") if is_available(dataset)]
    tasks = here + [f"{dataset}:{CLAIM_NOISE}" for dataset in here]
    one, two, three = st.columns([0.5, 0.25, 0.25])
    with one:
        picked = st.multiselect("Tasks", tasks, [here[0], f"{here[0]}:{CLAIM_NOISE}"], key="claim_tasks",
                                help=f"A data set; :{CLAIM_NOISE} replaces that share of its training labels at random. "
                                     "The page Train downloads data sets.")  # fmt: skip
        arms = arms_input(CLAIM_ARMS, "claim_arms", most=2)
    sizes = two.multiselect("Training images", list(SIZES), list(SIZES), key="claim_sizes")
    steps = two.number_input("Steps", 10, 10_000, 300, 50, key="claim_steps")
    seeds = three.number_input("Seeds", 1, MOST_SEEDS, 6, key="claim_seeds", help=EVIDENCE)
    fair = three.toggle(
        "Fair learning rate", key="claim_fair", help="Each arm first chooses its own rate, on validation."
    )
    base = configure(steps=int(steps))
    return claim(base, picked, [SIZES[size] for size in sizes], int(seeds), arms=arms, fair_rate=fair)


st.markdown("ViT-Notes says: the default of `nn.Linear` is a small-variance init that is good on large data, and **on smaller "
            "or harder data a larger variance helps**. Here the claim meets paired seeds.")  # fmt: skip
experiment_page("claim", "New check", form, claim_panel, "No check yet. Launch one: what it will cost is said above.")
