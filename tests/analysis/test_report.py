"""A report says in words what it is about."""

from tiny import record, tiny

from vit_lab.analysis.report import _about
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.states import Status


def test_runs_still_at_work_are_counted_among_those_that_it_tells_of():
    proper = [record(tiny(seed=seed), status) for seed, status in enumerate((Status.WAITING, Status.FINISHED))]
    pilot = record(tiny(seed=9), Status.RUNNING, pilot=1)
    lost = record(tiny(seed=8), Status.QUEUED, config_json="{}x")
    words = _about(Experiment.of([*proper, pilot, lost]))
    assert words.startswith("2 runs over 2 seeds") and " 1 of them are still at work" in words
    assert words.endswith(" 1 more cannot be read here, and are in no number.")
