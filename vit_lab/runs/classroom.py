"""What a class may do together: the host opens rounds, a student joins one, guesses, and trains the pair of their seed.

A round is an experiment of two arms whose seeds are given out to students. With a guess its pair is stored, standing
still, and belongs to the student, who can start it and no other. So the number of pairs is settled by the guesses,
which nobody can take back, and not by what came out (docs/decisions/039).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from vit_lab.config import RunConfig
from vit_lab.runs.errors import StoreError
from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.runs.limits import HOST, check_size
from vit_lab.runs.manager import RunManager
from vit_lab.runs.rates import PILOT_SEED
from vit_lab.runs.records import NewRun, RunRecord, run_name
from vit_lab.runs.rounds import MOST_PLAYERS, Guess, Moment, Player, Round
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure, flat

ARMS = 2
FREE = (
    "depth",
    "heads",
    "dim",
    "patch_size",
    "train_size",
    "batch_size",
    "learning_rate",
)  # what may be left to students


@dataclass(frozen=True)
class Board(Runs):
    """A round at one moment, as everybody may see it: without guesses until it is closed. `stored` are its runs.

    `seeds` are those of the visitors who have guessed.
    """

    round: Round | None = None
    players: tuple[Player, ...] = ()
    seeds: Mapping[str, int] | None = None
    guesses: tuple[Guess, ...] = ()
    experiment: Experiment = field(default_factory=Experiment)

    @classmethod
    def read(cls, store: Store, round_id: str) -> Self:
        """A round as the store has it now. Raises StoreError if it is not there."""
        with store.snapshot():
            experiment, rounds = Experiment.read(store, round_id), store.rounds
            return cls(
                experiment.stored,
                rounds.round(round_id),
                tuple(rounds.players(round_id)),
                rounds.seeds(round_id),
                tuple(rounds.guesses(round_id)),
                experiment.readable,
            )


@dataclass(frozen=True)
class Seat(Runs):
    """A round at one moment, as one visitor takes part in it. `stored` are the runs of their own pair, arm by arm."""

    round: Round | None = None
    player: Player | None = None
    guess: Guess | None = None

    @classmethod
    def read(cls, store: Store, round_id: str, visitor: str) -> Self:
        """A visitor's part as the store has it now. Raises StoreError if there is no such round."""
        with store.snapshot():
            guess = store.rounds.guess(round_id, visitor)
            runs = store.runs_of(visitor, round_id) if guess else []
            return cls(tuple(runs), store.rounds.round(round_id), store.rounds.player(round_id, visitor), guess)

    @cached_property
    def is_trained(self) -> bool:
        """Whether both of their runs have a result."""
        return len(self.ended) == ARMS


class Classroom:
    """The rounds of a lab home as one person may handle them, whose runs `manager` handles.

    What is asked raises StoreError, in a sentence, if this person may not, or if it cannot be.
    """

    def __init__(self, manager: RunManager):
        self._manager, self._store, self._visitor = manager, manager.store, manager.visitor

    # What the host does

    def open(self, question: str, arms: Sequence[RunConfig], free: Sequence[str] = ()) -> str:
        """Ask a class a question about two arms; returns the round's id. Raises ConfigError."""
        self._refuse_guests("open a round")
        if len(arms) != ARMS:
            raise ConfigError("arm", f"a round compares two arms, and these are {len(arms)}; choose two")
        arms = [configure(arm, seed=arms[0].seed) for arm in arms]
        if arms[0] == arms[1]:
            raise ConfigError("arm", "both arms are the same; they must differ")
        if arms[0].seed + MOST_PLAYERS > PILOT_SEED:
            raise ConfigError("seed", f"{arms[0].seed} leaves too few for a class; choose a lower one")
        choices = may_be_free(arms)
        if unknown := [name for name in free if name not in choices]:
            among = f"choose among {', '.join(choices)}" if choices else "leave nothing to them"
            raise ConfigError(unknown[0], f"this cannot be left to students of this pair; {among}")
        check_size("a student", arms)  # whoever it will be
        return self._store.rounds.add(question, arms, free)

    def close(self, round_id: str) -> None:
        """Take no more guesses, and show those that there are."""
        self._mark(round_id, "closed_at")

    def reveal(self, round_id: str) -> None:
        """Show the guesses against what came out; whoever has not guessed by then, cannot any more."""
        with self._store.transaction():
            self._mark(round_id, "closed_at")
            self._mark(round_id, "revealed_at")

    def archive(self, round_id: str) -> None:
        """Put a round away: its code leads nowhere, and all that is in it stays."""
        with self._store.transaction():
            self._mark(round_id, "closed_at")
            self._mark(round_id, "archived_at")

    def train_the_rest(self, round_id: str) -> list[str]:
        """Queue every run of a round that stands still, be it that nobody started it or that the server ended.

        Returns why some cannot be queued, in a sentence each; the others are, whatever these are refused for.
        """
        self._refuse_guests("train the pairs of others")
        refused = []
        for run in sorted(Experiment.read(self._store, round_id).resumable, key=lambda run: run.number):
            try:
                self._manager.resume(run.id)
            except StoreError as error:
                refused.append(str(error))
        return list(dict.fromkeys(refused))

    def remove_runs(self, runs: Sequence[RunRecord]) -> None:
        """Delete runs with all that is kept of them; guesses stay."""
        self._refuse_guests("remove the runs of others")
        self._manager.delete([run.id for run in runs])

    # What a student does

    def join(self, round_id: str, nickname: str) -> None:
        """Take part under a nickname."""
        self._store.rounds.join(round_id, self._visitor, nickname)

    def commit(self, round_id: str, arm: int, points: float, settings: Mapping[str, Any] | None = None) -> None:
        """Commit a guess for good. The pair of its seed is stored with it, and stands still until it is started.

        `settings` are what the student changes of both arms. Raises ConfigError.
        """
        asked = self._store.rounds.round(round_id)
        as_set = flat(asked.arms[0])
        told = {name: value for name, value in (settings or {}).items() if as_set.get(name) != value}
        if fixed := [name for name in told if name not in asked.free]:
            raise ConfigError(fixed[0], "this is the same for all in this round; leave it as it is")
        arms = [configure(arm, **told) for arm in asked.arms]  # at once: heads divide the dim that goes with them
        changed = {name: value for name in told if (value := flat(arms[0])[name]) != as_set[name]}
        check_size(self._visitor or "a student", arms)
        with self._store.transaction():
            guess = self._store.rounds.commit(round_id, self._visitor, arm, points, changed, arms[0].seed)
            seeded = [configure(config, seed=guess.seed) for config in arms]
            self._store.add(
                [
                    NewRun(config, run_name(config), round_id, place, guess.condition, status=Status.PAUSED)
                    for place, config in enumerate(seeded)
                ],
                owner=self._visitor,
            )

    def train(self, round_id: str) -> None:
        """Queue the pair of this person's seed, or let it go on; a pair at work or done is left alone."""
        seat = Seat.read(self._store, round_id, self._visitor)
        if seat.guess is None:
            raise StoreError("a pair trains once its guess is committed; guess first")
        if not seat.stored:
            raise StoreError("the runs of this pair have been removed; a pair is not trained twice")
        for run in seat.resumable:
            self._manager.resume(run.id)

    def _mark(self, round_id: str, moment: Moment) -> None:
        self._refuse_guests("close, reveal or archive a round")
        self._store.rounds.round(round_id)
        self._store.rounds.mark(round_id, moment)

    def _refuse_guests(self, what: str) -> None:
        if self._visitor != HOST:
            raise StoreError(f"only the host may {what}")


def may_be_free(arms: Sequence[RunConfig]) -> list[str]:
    """What of a pair may be left to students: what both twins have, and have alike, so that it changes alike."""
    settings = [flat(arm) for arm in arms]
    return [name for name in FREE if all(name in one and one[name] == settings[0][name] for one in settings)]
