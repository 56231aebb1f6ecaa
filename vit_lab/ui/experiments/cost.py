"""What an experiment will take on this machine, told before it is started."""

import math

import streamlit as st

from vit_lab.config import InitConfig, RunConfig
from vit_lab.forkserver.calls import TooMuchError
from vit_lab.runs.forks import ForkPlan
from vit_lab.runs.limits import data_bytes
from vit_lab.runs.plans import Plan
from vit_lab.settings import configure
from vit_lab.spelling import counted
from vit_lab.ui.serving.apart import apart
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.serving.lately import Lately
from vit_lab.ui.words import about

RETRY_SECONDS = 60.0  # or each look at the page would try again what is too much here


def cost_words(plan: Plan | ForkPlan, cores: int) -> str:
    """How many runs a plan has, and how long they take on so many cores, a run on each."""
    runs = plan.of_one_seed()
    many = f"{sum(count for _, count in runs):,} runs"
    seconds = sum(count * seconds_per_run(_as_costly(config)) for config, count in runs)
    if math.isinf(seconds):
        return f"{many}; how long they take cannot be told, for a step takes too much here to be measured"
    return f"{many}, {about(seconds / cores)} on {counted(cores, 'core')}"


def _as_costly(config: RunConfig) -> RunConfig:
    """One config for all that cost the same: what neither seed, rate nor init changes need not be measured again."""
    return configure(config, seed=0, learning_rate=1e-3).model_copy(update={"init": InitConfig()})


@st.cache_data(show_spinner="Measuring how fast a step is here", max_entries=64, hash_funcs=BY_CONFIG)
def _measured(config: RunConfig) -> float:
    return float(apart("vit_lab.training.cost:estimate_seconds", config, beside=data_bytes(config)))


def _seconds_per_run(config: RunConfig) -> float:
    """How long one run takes on one core of this machine, measured on a few of its steps; inf if they take too much."""
    try:
        return _measured(config)
    except TooMuchError:  # also if only while much else is at work
        return math.inf


seconds_per_run = Lately(_seconds_per_run, RETRY_SECONDS)
