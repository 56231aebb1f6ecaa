"""The machines of a cluster: which of them will do, and which run has a place on which.

A machine has as many places as cores. On the device `cuda` a run takes a share of a GPU as well, and on `auto` while
there is one.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

RUNS_A_GPU = 4


@dataclass
class Machine:
    """One machine. It will do once its `check` is over, unless there is a `refusal`."""

    name: str
    cores: int
    gpus: int
    check: Any = None
    is_checked: bool = False
    refusal: str = ""
    runs: int = 0
    runs_on_gpus: int = 0

    @property
    def will_do(self) -> bool:
        """Whether runs may be placed there."""
        return self.is_checked and not self.refusal

    def places(self, device: str) -> int:
        """How many runs it can train at once."""
        return min(self.cores, RUNS_A_GPU * self.gpus) if device == "cuda" else self.cores

    @property
    def has_free_share(self) -> bool:
        """Whether another run may use a GPU of it."""
        return self.runs_on_gpus < RUNS_A_GPU * self.gpus


@dataclass(frozen=True)
class Place:
    """Where a run trains: a machine, by its key in the cluster, and whether on a GPU of it."""

    key: str
    name: str
    on_gpu: bool


@dataclass
class Machines:
    """Those of a cluster, by key. Safe to share between threads."""

    device: str
    of: dict[str, Machine] = field(default_factory=dict)
    _changing: threading.RLock = field(default_factory=threading.RLock)

    def update(self, there: dict[str, tuple[str, dict[str, float]]]) -> None:
        """The machines that are there now, with their names and what they have, as Ray counts it."""
        with self._changing:
            self.of = {key: self.of[key] for key in self.of if key in there}
            for key, (name, has) in there.items():
                if key not in self.of and (cores := int(has.get("CPU", 0))):
                    self.of[key] = Machine(name, cores, int(has.get("GPU", 0)))

    def count(self) -> int:
        """How many runs they can train at once."""
        with self._changing:
            return sum(machine.places(self.device) for machine in self.of.values() if machine.will_do)

    def take(self) -> Place | None:
        """A place for a run, on the machine with most of them free; None if all are taken."""
        with self._changing:
            free = {key: one.places(self.device) - one.runs for key, one in self.of.items() if one.will_do}
            if not free or max(free.values()) <= 0:
                return None
            shares = {key: left for key, left in free.items() if left > 0 and self.of[key].has_free_share}
            on_gpu = self.device in ("cuda", "auto") and bool(shares)
            key = max(shares if on_gpu else free, key=free.__getitem__)
            machine = self.of[key]
            machine.runs += 1
            machine.runs_on_gpus += on_gpu
            return Place(key, machine.name, on_gpu)

    def give_back(self, place: Place) -> None:
        """The run that had it has ended, or moves on."""
        with self._changing:
            if machine := self.of.get(place.key):
                machine.runs -= 1
                machine.runs_on_gpus -= place.on_gpu

    @property
    def why_none(self) -> str:
        """What keeps all of them from training, in words that follow the cluster's name; empty if nothing does."""
        with self._changing:
            if any(not one.is_checked for one in self.of.values()) or self.count():
                return ""
            told = [f"has no machine that can train: {one.refusal}" for one in self.of.values() if one.refusal]
            if not told and self.of:  # they will do, but have no place
                return "has no machine with a GPU; start one, or choose another device than cuda"
            return told[0] if told else "has no machine that trains; start one with: ray start --address=SERVER:6379"
