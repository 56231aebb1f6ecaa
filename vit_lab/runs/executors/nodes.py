"""A Ray cluster: its machines, and runs trained on them (docs/decisions/043). Nothing else imports ray.

The machines get the lab's own code from this process and need what requirements.txt names; and the data of runs through
Ray's object store, once a machine. A run is one task that yields the messages of `follow`; Ray does not repeat tasks,
for what becomes of a run whose machine is lost is decided here.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import vit_lab
from vit_lab.config import RunConfig
from vit_lab.data.pixels import Pixels, bring, load_pixels
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS
from vit_lab.lineage import lineage
from vit_lab.runs.errors import ClusterError
from vit_lab.runs.executors.follow import follow
from vit_lab.runs.executors.messages import Ended, Message, Said, Wishes
from vit_lab.training import device
from vit_lab.training.checkpoint import Checkpoint

ADDRESS = "RAY_ADDRESS"
SAME = ("torch", "numpy")  # of which every machine must have the version of this one, or numbers may differ
RUNS_A_GPU = 4
LISTEN_SECONDS = 0.2  # how often a wish is looked for while no message comes
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
        self._checks: dict[str, Any] = {}  # what a machine has, by its id: asked, or None once it will do
        self._data: dict[str, Any] = {}
        self._changing = threading.Lock()
        try:
            code = str(Path(vit_lab.__file__).parent)
            _knock(self._address)
            quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
            ray.init(self._address, namespace="vit-lab", runtime_env={"py_modules": [code]}, **quiet)
            self._head = str(ray.get_runtime_context().gcs_address)
            here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
            self._wishes = ray.remote(num_cpus=0)(WishesOfRuns).options(scheduling_strategy=here).remote()
        except (RayError, OSError, RuntimeError, ValueError) as error:
            raise self._away(error) from error

    def __str__(self) -> str:
        """As a sentence names it."""
        return "the Ray cluster" if self._address == "auto" else f"the Ray cluster at {self._address}"

    def places(self) -> int:
        """How many runs it can train at once: one a core, or so many a GPU if runs are to train on these alone.

        A machine counts once it is known to have what it takes. Raises ClusterError if it never will, or if the cluster
        is away.
        """
        try:
            _knock(self._head)  # or Ray would look for it for a minute, and then end this process
            nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
            self._check(nodes)
        except (RayError, OSError) as error:
            raise self._away(error) from error
        return sum(self._places(node["Resources"]) for key, node in nodes.items() if self._checks.get(key, 0) is None)

    @property
    def is_looking(self) -> bool:
        """Whether it is still being asked of a machine what it has."""
        return any(check is not None for check in self._checks.values())

    def train(
        self, config: RunConfig, checkpoint: Checkpoint | None, wishes: Wishes, before: float, snapshots: int
    ) -> Generator[Message]:
        """Train a run on one machine after another, until it has ended; see `TrainRun`.

        Raises ClusterError if its machine's process dies again and again, and what `follow` raises.
        """
        run, tries = _Run(config, checkpoint, before, snapshots), 0
        while True:
            try:
                for message in self._once(run, wishes):
                    tries = 0 if isinstance(message, Checkpoint) else tries
                    yield message
                    if isinstance(message, Ended):
                        return
                raise _LostError
            except _LostError as lost:
                yield Said((), run.seconds, None, node="")
                time.sleep(PAUSE_SECONDS)
                tries += self._is_alive(run.node)
                if tries >= TRIES:
                    raise ClusterError(
                        f"what trained it on {self} was ended {tries} times in a row ({lost}); choose a smaller batch "
                        "or model, then resume"
                    ) from lost

    def _once(self, run: "_Run", wishes: Wishes) -> Generator[Message]:
        """What a run says on one machine, until it has ended or is lost. Raises _LostError."""
        task = self._start(run)
        heard = asked_at = time.monotonic()
        asked: Ended | None = None
        is_placed = False
        try:
            while True:
                now = time.monotonic()
                if (wish := wishes()) and wish != asked:
                    asked, asked_at = wish, now
                    self._wishes.wish.remote(run.key, wish)
                if asked and (not is_placed or now - asked_at > UNHEARD_SECONDS):
                    yield asked
                    return
                if not ray.wait([task], timeout=LISTEN_SECONDS)[0]:
                    if now - heard > SILENT_SECONDS:
                        heard = now
                        yield Said((), run.seconds, None)
                    continue
                message = ray.get(next(task))
                heard, is_placed = now, True
                run.heard(message)
                yield self._named(message)
        except StopIteration:
            return
        except OutOfMemoryError as error:
            raise MemoryError from error
        except RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except RayError as error:
            raise _LostError(type(error).__name__) from error
        finally:
            with suppress(RayError, ValueError):
                ray.cancel(task, force=True)
            self._wishes.forget.remote(run.key)

    def _start(self, run: "_Run") -> Any:
        share = {"num_gpus": 1 / RUNS_A_GPU} if self._wants_gpu() else {}
        on = "cpu" if self._device == "auto" and not share else self._device
        task = ray.remote(_train_there).options(
            num_cpus=1,
            **share,
            max_retries=0,
            num_returns="streaming",
            scheduling_strategy="SPREAD",
            _generator_backpressure_num_objects=MOST_AHEAD,
        )
        data = self._data_of(run.config)
        left = run.config, run.checkpoint, run.seconds, run.snapshots
        return task.remote(*left, on, data, self._wishes, run.key)

    def _wants_gpu(self) -> bool:
        return self._device == "cuda" or (
            self._device == "auto" and ray.available_resources().get("GPU", 0.0) >= 1 / RUNS_A_GPU
        )

    def _is_alive(self, node: str) -> bool:
        return any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())

    def _places(self, resources: dict[str, float]) -> int:
        cores = int(resources.get("CPU", 0))
        return min(cores, int(resources.get("GPU", 0) * RUNS_A_GPU)) if self._device == "cuda" else cores

    def _data_of(self, config: RunConfig) -> dict[str, Any]:
        """Where the object store has the sets of a run that do not come with the lab's code. Raises DatasetError."""
        names = {one.data.dataset for one in lineage(config) if DATASETS[one.data.dataset].download}
        with self._changing:
            for name in names - self._data.keys():
                self._data[name] = ray.put(load_pixels(name))
        return {name: self._data[name] for name in names}

    def _named(self, message: Message) -> Message:
        """A message that says where it comes from, with the name of that machine in place of its id."""
        if not isinstance(message, Said) or not message.node:
            return message
        names = {node["NodeID"]: node["NodeName"] for node in ray.nodes()}
        return replace(message, node=names.get(message.node, message.node))

    def _check(self, nodes: dict[str, Any]) -> None:
        """Ask each machine that is new what it has, and refuse one with other versions. Raises ClusterError."""
        self._checks = {key: self._checks[key] for key in self._checks if key in nodes}
        for key, node in nodes.items():
            if key not in self._checks and node["Resources"].get("CPU"):
                there = NodeAffinitySchedulingStrategy(key, soft=False)
                look = ray.remote(_versions).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
                self._checks[key] = look.remote()
        for key, asked in self._checks.items():
            if asked is None:
                continue
            name = nodes[key]["NodeName"]
            try:
                found = ray.get(asked, timeout=0)
            except GetTimeoutError:
                continue
            except RayTaskError as error:
                raise ClusterError(f"{name} of {self} lacks what requirements.txt names ({error.cause})") from error
            except RayError:  # it is gone, or will be asked again
                del self._checks[key]
                return
            for package, theirs in found.items():
                if theirs != (mine := _public(version(package))):
                    raise ClusterError(
                        f"{name} of {self} has {package} {theirs}, and this machine {mine}; install the same on both"
                    )
            self._checks[key] = None

    def _away(self, error: Exception) -> ClusterError:
        why = " ".join(str(error).split())[:200]
        return ClusterError(
            f"{self} cannot be used ({why}); start one with: ray start --head, or choose another executor than ray"
        )


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at an address, which Ray itself takes a minute to notice."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()


class _LostError(Exception):
    """What trained a run is gone: its process, or the whole machine."""


class _Run:
    """A run and how far it is known to be: with what another machine would go on."""

    def __init__(self, config: RunConfig, checkpoint: Checkpoint | None, seconds: float, snapshots: int):
        self.config, self.checkpoint, self.seconds, self.snapshots = config, checkpoint, seconds, snapshots
        self.key, self.node, self._said = uuid.uuid4().hex, "", seconds

    def heard(self, message: Message) -> None:
        """Remember what a machine that goes on would need."""
        if isinstance(message, Said):
            self._said, self.node = message.seconds, message.node or self.node
        elif isinstance(message, Checkpoint):
            self.checkpoint, self.seconds = message, self._said


class WishesOfRuns:
    """An actor beside the server: how somebody wants each run to end. Tasks ask it, for nobody can call a task."""

    def __init__(self) -> None:
        self._of: dict[str, Ended] = {}

    def wish(self, run: str, ended: Ended) -> None:
        """This run should end so."""
        self._of[run] = ended

    def of(self, run: str) -> Ended | None:
        """How a run should end; None: it goes on."""
        return self._of.get(run)

    def forget(self, run: str) -> None:
        """This run has ended."""
        self._of.pop(run, None)


def _train_there(
    config: RunConfig,
    checkpoint: Checkpoint | None,
    before: float,
    snapshots: int,
    on: str,
    data: dict[str, Any],
    wishes: Any,
    key: str,
) -> Generator[Message]:
    """Train a run on the machine that this is called on, with one intra-op thread as everywhere."""
    yield Said((), before, None, node=ray.get_runtime_context().get_node_id())
    for name, reference in data.items():
        bring(name, Pixels(*ray.get(reference)))
    torch.set_num_threads(1)
    run = config, load_run_data(config), checkpoint, lambda: ray.get(wishes.of.remote(key))
    messages = follow(*run, device=device.resolve(on), before=before, snapshots=snapshots)
    for message in messages:  # noqa: UP028 - Ray sends something back, which not all that follow goes through takes
        yield message


def _versions() -> dict[str, str]:
    """What a machine has of what must be the same everywhere. It has all that trains loaded, or this fails."""
    return {package: _public(version(package)) for package in SAME}


def _public(version: str) -> str:
    """A version without what a build for another processor or accelerator adds to it."""
    return version.partition("+")[0]
