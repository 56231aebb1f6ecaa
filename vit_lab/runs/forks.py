"""Forks of stored runs: several ways to go on from one step, before they are queued."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vit_lab.config import FACTORS, GROUPS, RunConfig
from vit_lab.refusals import near_miss, one_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import Kind, NewRun, RunRecord, run_name
from vit_lab.settings import ConfigError, configure, parse


@dataclass(frozen=True)
class ForkPlan:
    """Forks of some runs of different seeds at one step: each way to go on is an arm, each run gives its seed.

    Args:
        parents: id and config of each run.
        ways: what changes, settings and factors by their names (see `vit_lab.config.ForkConfig`); in {}, nothing.
    """

    parents: Sequence[tuple[str, RunConfig]]
    step: int
    ways: Sequence[Mapping[str, Any]]
    kind: Kind = field(default="compare", init=False)

    @classmethod
    def of(cls, runs: Iterable[RunRecord], step: int, ways: Sequence[Mapping[str, Any]]) -> "ForkPlan":
        """Forks of stored runs."""
        return cls([(run.id, run.config) for run in runs], step, ways)

    def runs(self, experiment: str) -> list[NewRun]:
        """All runs in the order in which they should train: seed by seed with the arms side by side.

        Raises ConfigError if there is no such step, or a fork cannot change that.
        """
        new = []
        for run_id, parent in self.parents:
            for arm, way in enumerate(self.ways):
                config = fork(run_id, parent, self.step, way)
                new.append(NewRun(config, run_name(config), experiment, arm))
        return new

    def of_one_seed(self) -> list[tuple[RunConfig, int]]:
        """The config of each arm, with how many runs differ from it in the seed alone."""
        [first, *_] = self.parents
        return [(fork(*first, self.step, way), len(self.parents)) for way in self.ways]


def fork(run_id: str, parent: RunConfig, step: int, way: Mapping[str, Any]) -> RunConfig:
    """What a run's config becomes if it goes on from a step in another way. Raises ConfigError."""
    settings = {name: value for name, value in way.items() if name not in FACTORS}
    factors = {name: value for name, value in way.items() if name in FACTORS}
    changed = configure(parent.model_copy(update={"fork": None}), **settings)
    return parse(changed.model_dump() | {"fork": {"run": run_id, "step": step, "parent": parent} | factors})


def siblings(experiment: Experiment, run: RunRecord, step: int) -> list[RunRecord]:
    """The runs of all seeds that are otherwise as this one, and have come to that step, by seed; of a pilot, itself."""
    if run.pilot:
        return [run]
    alike = experiment.cells.get((run.arm, run.condition), ())
    return [one for one in alike if one.step >= step]


def forks_of(run_ids: Iterable[str], runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Those of some runs that go on from one of these."""
    parents = set(run_ids)
    return [run for run in runs if not run.unreadable and run.config.fork and run.config.fork.run in parents]


def parse_fork(spec: str) -> tuple[str, int]:
    """A run's id and a step, as a shell spells them: 'a1b2c3d4e5@100'. Raises ConfigError."""
    run_id, _, step = spec.strip().partition("@")
    try:
        return run_id, int(step)
    except ValueError:
        raise ConfigError("fork", f"{spec[:40]!r} does not work; write RUN@STEP, as `runs` lists runs") from None


def parse_factor(spec: str) -> tuple[str, float]:
    """A group and a factor on its weights, as a shell spells them: 'qk=2'. Raises ConfigError."""
    group, _, factor = spec.strip().partition("=")
    if group not in GROUPS:
        raise ConfigError(
            "factor", f"there is no group {group[:40]!r}; choose {one_of(GROUPS)}{near_miss(group, GROUPS)}"
        )
    try:
        return f"{group}_factor", float(factor)
    except ValueError:
        raise ConfigError("factor", f"{factor[:40]!r} is not a number; write for example {group}=2") from None
