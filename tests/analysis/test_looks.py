"""How often a winner is named although there is none, if seeds are added after "not decided" (docs/decisions/007).

Two equal arms: a seed's luck, sd 2 points, is shared by its runs, and each run has its own, sd 1 point. Scores go
through the code that draws the pages. Run it with: pytest -m long tests/analysis/test_looks.py
"""

import numpy as np
import pytest
from tiny import record, tiny

from vit_lab.analysis.comparison import compare
from vit_lab.runs.experiments import Experiment

EXPERIMENTS = 10_000
FIRST = 6


def looked_at(seeds):
    """An experiment of two arms with so many seeds."""
    pairs = ((arm, seed) for arm in (0, 1) for seed in range(seeds))
    return Experiment.of(record(tiny(seed=seed), id=f"{arm}/{seed}", arm=arm) for arm, seed in pairs)


def false_winners(added, additions, experiments=EXPERIMENTS):
    """The share of experiments without an effect that name a winner at their start or after one of the additions."""
    looks = [looked_at(FIRST + added * addition) for addition in range(additions + 1)]
    rng = np.random.default_rng(7)
    named = 0
    for _ in range(experiments):
        seeds = FIRST + added * additions
        drawn = 0.9 + rng.normal(0, 0.02, seeds) + rng.normal(0, 0.01, (2, seeds))
        scores = {run.id: float(drawn[run.arm, run.config.seed]) for run in looks[-1].runs}
        named += any(compare(look, scores)[0].winner is not None for look in looks)
    return named / experiments


@pytest.mark.long
@pytest.mark.parametrize(
    ("added", "additions", "share"),
    [(3, 0, 0.053), (3, 1, 0.085), (6, 1, 0.089), (3, 2, 0.103), (3, 4, 0.132), (3, 10, 0.196)],
)
def test_seeds_that_are_added_after_not_decided_raise_false_winners(added, additions, share):
    assert false_winners(added, additions) == pytest.approx(share, abs=0.001)
