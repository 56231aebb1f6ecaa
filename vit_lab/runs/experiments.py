"""Stored runs as one value: `Runs`, sorted by what can be done with them, and `Experiment`, the runs of arms and seeds.

Both are built for a draw from what the store has then, work out what is asked of them once, and never change. See
docs/decisions/025.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from vit_lab.config import OF_AN_ARM, DataConfig, InitConfig, RunConfig
from vit_lab.datasets import DECIDED
from vit_lab.runs.records import ExperimentRecord, Kind, RunRecord
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import PART_OF, compared, difference
from vit_lab.spelling import arm_label, arm_spec, noise_words, size_words, value_words

Cell = tuple[int, int]  # an arm and a condition


@dataclass(frozen=True)
class Runs:
    """Some stored runs, in the order of the store. What they are doing is known of all of them.

    What is in their settings is known of the readable ones alone: another version of the lab may have left others.
    """

    stored: tuple[RunRecord, ...] = ()

    @cached_property
    def runs(self) -> tuple[RunRecord, ...]:
        """Those whose settings can be read here."""
        return tuple(run for run in self.stored if not run.unreadable)

    @cached_property
    def unreadable(self) -> tuple[RunRecord, ...]:
        """Those whose settings cannot be read here; `run.unreadable` tells why."""
        return tuple(run for run in self.stored if run.unreadable)

    @cached_property
    def readable(self) -> Self:
        """The same without those that cannot be read."""
        return replace(self, stored=self.runs) if self.unreadable else self

    @cached_property
    def active(self) -> tuple[RunRecord, ...]:
        """Those that wait, are queued or train."""
        return tuple(run for run in self.stored if run.is_active)

    @cached_property
    def resumable(self) -> tuple[RunRecord, ...]:
        """Those that stand still without a result and can go on."""
        return tuple(run for run in self.stored if run.is_resumable)

    @cached_property
    def ended(self) -> tuple[RunRecord, ...]:
        """Those that have a result, finished or diverged."""
        return tuple(run for run in self.stored if run.has_ended)


@dataclass(frozen=True)
class Experiment(Runs):
    """The runs of one experiment: arms x conditions x seeds, and the pilots that chose the learning rates.

    Arms and conditions count from 0; where runs were deleted, numbers are missing. What is told of arms, conditions and
    seeds is that of the runs proper which can be read.
    """

    id: str = ""
    kind: Kind = "compare"
    extended: bool = False  # seeds were added after the launch
    created_at: str = ""
    is_open: bool = False  # a round of a class that still takes guesses, each of which adds a pair

    @classmethod
    def of(cls, runs: Iterable[RunRecord], record: ExperimentRecord | None = None, *, is_open: bool = False) -> Self:
        """The experiment of some runs, which should be all there are, and what the store knows of it beside them."""
        stored = tuple(runs)
        if record is None:
            return cls(stored, stored[0].experiment if stored else "")
        return cls(stored, record.id, record.kind, bool(record.extended), record.created_at, is_open)

    @classmethod
    def read(cls, store: Store, experiment: str) -> Self:
        """An experiment as the store has it now; without runs if it is not there (any more)."""
        with store.snapshot():
            runs = store.runs(experiment=experiment)
            if not runs:
                return cls(id=experiment)
            return cls.of(runs, store.experiment(experiment), is_open=experiment in store.rounds.open_ones())

    @classmethod
    def read_all(cls, store: Store) -> list[Self]:
        """All experiments, the one launched last first."""
        members: dict[str, list[RunRecord]] = {}
        with store.snapshot():
            runs, records, open_ones = store.runs(), store.experiments(), store.rounds.open_ones()
        for run in reversed(runs):
            members.setdefault(run.experiment, []).append(run)
        found = [(members.get(record.id, []), record) for record in records]
        return [
            cls.of(sorted(runs, key=lambda run: (run.arm, run.number)), record, is_open=record.id in open_ones)
            for runs, record in found
            if runs
        ]

    @classmethod
    def read_newest(cls, store: Store, **of: Any) -> tuple[list[Self], int]:
        """Those that a box lists, and how many others there are; see `vit_lab.runs.listing.Listing.experiments`."""
        with store.snapshot():
            (found, others), open_ones = store.listing.experiments(**of), store.rounds.open_ones()
        return [cls.of(runs, record, is_open=record.id in open_ones) for record, runs in found], others

    @cached_property
    def proper(self) -> tuple[RunRecord, ...]:
        """The runs that are compared."""
        return tuple(run for run in self.runs if not run.pilot)

    @cached_property
    def pilots(self) -> tuple[RunRecord, ...]:
        """The runs that try learning rates."""
        return tuple(run for run in self.runs if run.pilot)

    @property
    def is_fair(self) -> bool:
        """Whether arms chose their learning rates by pilots."""
        return bool(self.pilots)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(sorted({run.config.seed for run in self.proper}))

    @cached_property
    def cells(self) -> dict[Cell, tuple[RunRecord, ...]]:
        """The runs proper of each (arm, condition), by seed; the cells by condition, then arm."""
        return _by_cell(self.proper)

    @cached_property
    def pilots_by_cell(self) -> dict[Cell, tuple[RunRecord, ...]]:
        """The same of the pilots."""
        return _by_cell(self.pilots)

    @cached_property
    def arms(self) -> dict[int, RunConfig]:
        """By arm, in order: the config of its first run, which tells the init."""
        return {arm: run.config for arm, run in _first_by(self.proper, lambda run: run.arm).items()}

    @cached_property
    def names(self) -> dict[int, str]:
        """By arm: what people call it, its init and what else is its own."""
        return self.named(arm_label)

    @cached_property
    def title(self) -> str:
        """What its arms are called; of a single run, the name that somebody gave it."""
        if len(self.runs) == 1:
            return self.runs[0].name
        arms = list(self.names.values())
        return " against ".join(arms) if len(arms) <= 3 else f"{arms[0]} to {arms[-1]}, {len(arms)} arms"

    def named(self, spell: Callable[[InitConfig], str]) -> dict[int, str]:
        """What each arm is called where inits are spelled like that."""
        standard = {field: info.default for field, info in InitConfig.model_fields.items() if field in self.varied}
        labels = {arm: spell(config.init.model_copy(update=standard)) for arm, config in self.arms.items()}
        names = {
            arm: ", ".join([label, *(value_words(field, value) for field, value in self.own_settings[arm].items())])
            for arm, label in labels.items()
        }
        alike = list(names.values())
        return {arm: name if alike.count(name) == 1 else f"{name}, arm {arm + 1}" for arm, name in names.items()}

    @cached_property
    def differences(self) -> dict[str, tuple[Any, ...]]:
        """The settings in which the arms are not all alike, each with one value an arm, in the order of the arms."""
        by_arm = self.arms | {
            arm: runs[0].config for (arm, place), runs in self.cells.items() if place == min(self.data)
        }
        return difference(*[config.seedless for config in by_arm.values()])

    @cached_property
    def own_settings(self) -> dict[int, dict[str, Any]]:
        """By arm: the settings beside its init, and beside a rate that it picked, in which it is unlike other arms.

        Those that its conditions change are none of its own.
        """
        picked = {"learning_rate"} if self.is_fair else set()
        told = {field for field in self.differences if PART_OF.get(field) != "init"} - picked - {*DECIDED}
        found: dict[int, dict[str, Any]] = {arm: {} for arm in self.arms}
        for place, arm in enumerate(self.arms if told else ()):
            mine = [compared(runs[0].config.seedless) for (of, _), runs in self.cells.items() if of == arm]
            for field in (field for field in self.differences if field in told):
                if all(one.get(field) == self.differences[field][place] for one in mine):
                    found[arm][field] = self.differences[field][place]
        return found

    @cached_property
    def specs(self) -> dict[int, str]:
        """By arm: how a shell and a link spell it."""
        of_init = [field for field in self.differences if PART_OF.get(field) == "init" and field not in OF_AN_ARM]
        return {
            arm: arm_spec(
                config.init,
                {field: getattr(config.init, field) for field in of_init}
                | {field: value for field, value in self.own_settings[arm].items() if field in PART_OF},
            )
            for arm, config in self.arms.items()
        }

    @cached_property
    def data(self) -> dict[int, DataConfig]:
        """By condition, in order: what its runs learn from."""
        return {condition: config.data for condition, config in self._by_condition.items()}

    @cached_property
    def varied(self) -> dict[str, dict[int, Any]]:
        """The settings that the conditions vary, each with its value by condition: what differs alike within every arm.

        A rate that an arm picked does not count, nor does what a data set says of itself.
        """
        by_arm: dict[int, dict[int, RunConfig]] = {}
        for (arm, condition), runs in self.cells.items():
            by_arm.setdefault(arm, {})[condition] = runs[0].config.seedless
        whole = [places for places in by_arm.values() if len(places) == len(self.data)]  # of others, runs were deleted
        found = [difference(*places.values()) for places in whole or [self._by_condition]]
        chosen = {"seed", *DECIDED, *(["learning_rate"] if self.is_fair else [])}
        return {
            field: dict(zip(self.data, values, strict=True))
            for field, values in found[0].items()
            if field not in chosen and all(others.get(field) == values for others in found)
        }

    @cached_property
    def conditions(self) -> dict[int, str]:
        """By condition: what sets it apart from the others, in words; of a single one, an empty text."""
        words = {condition: self.told(condition) for condition in self.data}
        alike = list(words.values())
        return {place: told if alike.count(told) == 1 else f"{told} ({place + 1})" for place, told in words.items()}

    def told(self, condition: int, *but: str) -> str:
        """What sets a condition apart, in words, some settings left out."""
        varied = {field: values[condition] for field, values in self.varied.items() if field not in but}
        return ", ".join(_setting(field, value, self.data[condition]) for field, value in varied.items())

    @cached_property
    def shared(self) -> dict[str, Any]:
        """The settings that all runs share and that are not those of the classroom preset."""
        configs = [run.config.model_copy(update={"fork": run.config.seedless.fork}) for run in self.proper]
        if not configs:
            return {}
        varied, changed = difference(*configs), difference(RunConfig(), configs[0])
        return {field: value for field, (_, value) in changed.items() if field not in varied}

    @property
    def shared_words(self) -> str:
        """The same as people read it, from the data on: 'fashion-10k, 500 images, depth 8'. Empty for the preset's."""
        data = self.proper[0].config.data
        return ", ".join(_setting(field, value, data) for field, value in self.shared.items() if field not in DECIDED)

    def under(self, condition: int) -> Self:
        """The runs of one condition alone."""
        return replace(self, stored=tuple(run for run in self.stored if run.condition == condition))

    @property
    def is_settled(self) -> bool:
        """Whether nothing will happen any more by itself: runs whose pilots stand still would wait for ever."""
        stuck = {run.condition for run in self.resumable if run.pilot}
        return all(run.status == Status.WAITING and run.condition in stuck for run in self.active)

    @cached_property
    def _by_condition(self) -> dict[int, RunConfig]:
        """The config of each condition's first run, in order."""
        return {place: run.config for place, run in _first_by(self.proper, lambda run: run.condition).items()}


def _first_by(runs: Iterable[RunRecord], key: Callable[[RunRecord], int]) -> dict[int, RunRecord]:
    """The first run of each arm, or condition, in their order."""
    found: dict[int, RunRecord] = {}
    for run in runs:
        found.setdefault(key(run), run)
    return dict(sorted(found.items()))


def _by_cell(runs: Iterable[RunRecord]) -> dict[Cell, tuple[RunRecord, ...]]:
    cells: dict[Cell, list[RunRecord]] = {}
    for run in sorted(runs, key=lambda run: (run.condition, run.arm, run.config.seed)):
        cells.setdefault((run.arm, run.condition), []).append(run)
    return {cell: tuple(own) for cell, own in cells.items()}


def _setting(field: str, value: object, data: DataConfig) -> str:
    if field == "train_size":
        return size_words(data)
    if field == "label_noise":
        return noise_words(data.label_noise)
    return str(value) if field == "dataset" else value_words(field, value)
