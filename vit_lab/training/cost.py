"""How long a run will take, from a few steps of it."""

import time
from itertools import islice

from vit_lab.config import RunConfig, configure
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.training.evaluate import evaluate
from vit_lab.training.trainer import EVALUATIONS, train

WARM_UP, MEASURED = 9, 6  # steps; none of those measured is probed


def estimate_seconds(config: RunConfig) -> float:
    """Seconds of one run on one core as busy as now: its steps, its evaluations and the test. Raises DatasetError."""
    data = load_run_data(config)
    total = config.optim.total_steps(len(data.train))
    quiet = configure(config, steps=100_000)  # measures itself too seldom to disturb
    training = train(quiet, data)
    steps = (event for event in training if isinstance(event, Stepped))
    list(islice(steps, WARM_UP))
    start = time.perf_counter()
    list(islice(steps, MEASURED))
    step_seconds = (time.perf_counter() - start) / MEASURED
    start = time.perf_counter()
    evaluate(training.model, data.validation)
    evaluation_seconds = time.perf_counter() - start
    tests = 2 * evaluation_seconds * len(data.test) / len(data.validation)
    return total * step_seconds + (min(EVALUATIONS, total) + 1) * evaluation_seconds + tests
