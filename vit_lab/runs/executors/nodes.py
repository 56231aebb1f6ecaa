"""A Ray cluster, seen from the process that speaks with it: runs trained on its machines (docs/decisions/043).

A run is one task that yields the messages of `follow`. Ray neither places tasks nor repeats them: which machine will
do, and what becomes of a run whose machine is lost, is decided here.
"""

import logging
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import vit_lab
from vit_lab.config import RunConfig
from vit_lab.data.pixels import load_pixels
from vit_lab.datasets import DATASETS
from vit_lab.lineage import lineage
from vit_lab.runs.errors import ClusterError
from vit_lab.runs.executors.machines import RUNS_A_GPU, Machine, Machines, Place
from vit_lab.runs.executors.messages import Ended, Message, Said, Wishes
from vit_lab.runs.executors.tasks import train_there, versions
from vit_lab.runs.executors.wishes import WishesOfRuns
from vit_lab.training import device
from vit_lab.training.checkpoint import Checkpoint

ADDRESS = "RAY_ADDRESS"
LISTEN_SECONDS = 0.5  # how often a wish is looked for while no message comes
SILENT_SECONDS = 1.0  # after which a run that says nothing says just that, so that its wishes are read
UNHEARD_SECONDS = 20.0  # for which a run may leave a wish unanswered before it is ended without a checkpoint
KNOCK_SECONDS = 3.0
MOST_AHEAD = 32  # messages that a run may be ahead of what is written down
TRIES = 5  # to train from one checkpoint on, if that ends the process that does, but not its machine
PAUSE_SECONDS = 1.0  # before each of them, in which the cluster notices what is gone


class Cluster:
    """The cluster that RAY_ADDRESS names, or else the one that this machine belongs to. Raises ClusterError."""

    def __init__(self) -> None:
        self._address = os.environ.get(ADDRESS) or "auto"
        self._device = os.environ.get(device.VARIABLE) or "cpu"
        self._machines = Machines(self._device)
        self._data: dict[str, Any] = {}
        self._changing = threading.Lock()
        try:
            code = str(Path(vit_lab.__file__).parent)
            _knock(self._address if self._address != "auto" else _of_this_machine())
            quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
            ray.init(self._address, namespace="vit-lab", runtime_env={"py_modules": [code]}, **quiet)
            here = ray.get_runtime_context()
            self._head = str(here.gcs_address)
            self._wishes = ray.remote(num_cpus=0, max_restarts=-1)(WishesOfRuns)
            self._wishes = self._wishes.options(scheduling_strategy=_on(here.get_node_id())).remote()
            self._look = ray.remote(num_cpus=0, max_retries=0)(versions)
            once = {"num_cpus": 1, "max_retries": 0}
            self._train = {
                False: ray.remote(**once)(train_there),
                True: ray.remote(**once, num_gpus=1 / RUNS_A_GPU)(train_there),  # a process of its own, so Ray decides
            }
        except (RayError, OSError, RuntimeError, ValueError) as error:
            raise self._away(error) from error

    def __str__(self) -> str:
        """As a sentence names it."""
        return "the Ray cluster of this server" if self._address == "auto" else f"the Ray cluster at {self._address}"

    def places(self) -> int:
        """How many runs it can train at once on the machines that will do. Raises ClusterError if it is away."""
        try:
            _knock(self._head)  # or Ray would look for it for a minute, and then end this process
            there = {node["NodeID"]: (node["NodeName"], node["Resources"]) for node in ray.nodes() if node["Alive"]}
            with self._changing:
                self._machines.update(there)
                for key, machine in self._machines.of.items():
                    if not machine.is_checked:
                        self._check(key, machine)
        except (RayError, OSError) as error:
            raise self._away(error) from error
        return self._machines.count()

    @property
    def problem(self) -> str:
        """What keeps all of its machines from training, as a sentence; empty if nothing does."""
        return f"{self} {why}" if (why := self._machines.why_none) else ""

    def train(
        self, config: RunConfig, checkpoint: Checkpoint | None, wishes: Wishes, before: float, snapshots: int
    ) -> Generator[Message]:
        """Train a run on one machine after another, until it has ended; see `TrainRun`.

        Raises ClusterError if what trains it is ended again and again, and what `follow` raises.
        """
        run, tries = _Run(config, checkpoint, before, snapshots), 0
        data = self._data_of(config)
        while True:
            while (place := self._machines.take()) is None:
                yield Said((), run.seconds, None, node="")
                if wish := wishes():
                    yield wish
                    return
                time.sleep(SILENT_SECONDS)
            try:
                for message in self._once(run, wishes, place, data):
                    tries = 0 if isinstance(message, Checkpoint) else tries
                    yield message
                    if isinstance(message, Ended):
                        return
                raise _LostError("it fell silent")
            except _LostError as lost:
                time.sleep(PAUSE_SECONDS)
                tries += self._is_there(place)
                if tries >= TRIES:
                    raise ClusterError(
                        f"what trained it was ended {tries} times in a row, on {place.name} at last ({lost}); choose a "
                        "smaller batch or model, then resume"
                    ) from lost
            finally:
                self._machines.give_back(place)

    def _once(self, run: "_Run", wishes: Wishes, place: Place, data: dict[str, Any]) -> Generator[Message]:
        """What a run says on one machine, until it has ended or is lost. Raises _LostError."""
        task: Any = None
        try:
            task = self._start(run, place, data)
            yield Said((), run.seconds, None, node=place.name)
            asked, asked_at, has_spoken = None, 0.0, False
            told = sent = time.monotonic()
            while True:
                now = time.monotonic()
                if (wish := wishes()) and (wish != asked or now - sent > SILENT_SECONDS):
                    asked, asked_at, sent = wish, asked_at if wish == asked else now, now
                    self._wishes.wish.remote(run.key, wish)  # again and again, for whoever keeps it may be lost
                if asked and (not has_spoken or now - asked_at > UNHEARD_SECONDS):
                    yield asked
                    return
                if not ray.wait([task], timeout=LISTEN_SECONDS)[0]:
                    if now - told > SILENT_SECONDS:
                        told = now
                        yield Said((), run.seconds, None)
                    continue
                message = ray.get(next(task))
                told, has_spoken = now, True
                run.heard(message)
                if isinstance(message, Ended):
                    next(task, None)  # its process is free for another run then
                    task = None
                yield message
        except StopIteration:
            return
        except RayTaskError as error:
            if isinstance(error.cause, Exception) and not isinstance(error.cause, RayError):
                raise error.cause from None
            raise _LostError(_brief(error)) from error
        except RayError as error:
            raise _LostError(_brief(error)) from error
        finally:
            if task is not None:
                with suppress(RayError, ValueError):
                    ray.cancel(task, force=True)
            self._wishes.forget.remote(run.key)

    def _start(self, run: "_Run", place: Place, data: dict[str, Any]) -> Any:
        on = self._device if place.on_gpu or self._device != "auto" else "cpu"
        task = self._train[place.on_gpu].options(
            num_returns="streaming",
            scheduling_strategy=_on(place.key),
            _generator_backpressure_num_objects=MOST_AHEAD,
        )
        return task.remote(run.config, run.checkpoint, run.seconds, run.snapshots, on, data, self._wishes, run.key)

    def _is_there(self, place: Place) -> bool:
        """Whether a machine lives, so that its loss of a run is the run's own doing."""
        try:
            self.places()
        except ClusterError:  # all of them are gone; whoever counts places decides what that means
            return False
        return place.key in self._machines.of

    def _data_of(self, config: RunConfig) -> dict[str, Any]:
        """Where the object store has the sets of a run that do not come with the lab's code. Raises DatasetError."""
        names = {one.data.dataset for one in lineage(config) if DATASETS[one.data.dataset].download}
        with self._changing:
            for name in names - self._data.keys():
                self._data[name] = ray.put(load_pixels(name))
        return {name: self._data[name] for name in names}

    def _check(self, key: str, machine: Machine) -> None:
        """Ask a machine what it has, or hear its answer: with other versions than these it is of no use."""
        if machine.check is None:
            machine.check = self._look.options(scheduling_strategy=_on(key)).remote()
        try:
            theirs = ray.get(machine.check, timeout=0)
        except GetTimeoutError:
            return
        except RayError as error:
            machine.refusal = f"{machine.name} cannot load what trains ({_brief(error)})"
        else:
            for package, mine in versions().items():
                if theirs[package] != mine:
                    has = f"{machine.name} has {package} {theirs[package]}, and the server {mine}"
                    machine.refusal = f"{has}; install the same on both"
        machine.is_checked = True
        if machine.refusal:
            print(f"{self}: {machine.refusal}", file=sys.stderr, flush=True)

    def _away(self, error: Exception) -> ClusterError:
        why = "nobody answers" if isinstance(error, ConnectionError | TimeoutError) else _brief(error)
        return ClusterError(f"{self} cannot be used ({why}); docs/scaling.md says how to start one")


class _LostError(Exception):
    """What trained a run is gone: its process, or the whole machine."""


class _Run:
    """A run and how far it is known to be: with what another machine would go on."""

    def __init__(self, config: RunConfig, checkpoint: Checkpoint | None, seconds: float, snapshots: int):
        self.config, self.checkpoint, self.seconds, self.snapshots = config, checkpoint, seconds, snapshots
        self.key, self._said = uuid.uuid4().hex, seconds

    def heard(self, message: Message) -> None:
        """Remember what a machine that goes on would need."""
        if isinstance(message, Said):
            self._said = message.seconds
        elif isinstance(message, Checkpoint):
            self.checkpoint, self.seconds = message, self._said


def _on(key: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(key, soft=False)


def _of_this_machine() -> str:
    """Where Ray itself would find the cluster that this machine belongs to; empty if it finds none."""
    with suppress(Exception):  # a part of Ray that it does not promise to keep
        return str(ray._private.services.get_ray_address_from_environment("auto", None))
    return ""


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at an address, which Ray itself takes a minute to notice."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()


def _brief(error: Exception) -> str:
    """What an error says, in a line; of a traceback the end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if isinstance(error, RayTaskError) and lines else " ".join(lines)
    return f"{type(error).__name__}: {last}"[:200] if last else type(error).__name__
