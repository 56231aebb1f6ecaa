"""What a training says, as messages (see `vit_lab.runs.executors.messages`).

`follow` knows neither the store nor files, so it can run in a thread, in a process, or on another machine. Whoever
listens writes down each message before asking for the next (see `vit_lab.runs.executors.sink`).
"""

import time
from collections.abc import Generator
from contextlib import suppress

import torch

from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.data.splits import load_run_data
from vit_lab.events import Diverged, Event, Finished, Probed, Started, StepMeasured, Stepped
from vit_lab.runs.executors.messages import Ended, Message, Said, Wishes
from vit_lab.runs.states import Status
from vit_lab.training.cadence import PROBES, probe_steps, thinned
from vit_lab.training.checkpoint import Checkpoint
from vit_lab.training.device import chosen as chosen_device
from vit_lab.training.trainer import train

BATCH_SECONDS = 0.5  # how far a screen, which looks once a second, may lag behind a run
CHECKPOINT_SECONDS = 5.0  # how much work a crash may cost
SPEED_SECONDS = 3.0  # over which the speed is measured


def train_here(
    config: RunConfig, checkpoint: Checkpoint | None, wishes: Wishes, before: float = 0.0, snapshots: int = 0
) -> Generator[Message]:
    """Read the data and train a run on this machine, with one intra-op thread: these models are too small to split.

    Raises ConfigError, DatasetError or CheckpointError if that cannot be done.
    """
    torch.set_num_threads(1)  # counts for the calling thread
    data, place = load_run_data(config), chosen_device()
    yield from follow(config, data, checkpoint, wishes, device=place, before=before, snapshots=snapshots)


def follow(
    config: RunConfig,
    data: RunData,
    checkpoint: Checkpoint | None,
    wishes: Wishes,
    *,
    device: str | torch.device = "cpu",
    before: float = 0.0,
    snapshots: int = 0,
) -> Generator[Message]:
    """Train a run to its end, or until there is a wish, and tell.

    Checkpoints come only after all events up to their step, snapshots with them. So whoever writes messages down in
    their order, and dies in between, repeats a few steps later on and leaves no gap. After each batch `wishes` is
    asked; if there is a wish, a checkpoint and the wish itself end the messages. The last message is always an `Ended`.

    Args:
        before: seconds that the run has trained up to `checkpoint`.
        snapshots: how many to pass on at most, spread over the steps at which the run is probed.
    """
    training = train(config, data, device, checkpoint)
    clock = _Clock(before)
    looked_at: list[int] = []
    events: list[tuple[float, Event]] = []
    taken: list[Checkpoint] = []
    ended: Ended | None = None

    def said() -> Said:
        return Said(tuple(events), clock.training_seconds, clock.images_per_second, snapshots=tuple(taken))

    told = kept = time.monotonic()
    for event in training:
        if isinstance(event, Stepped | StepMeasured) and events and isinstance(events[-1][1], Stepped):
            events.pop()  # only the latest counts, and other events do not move the counter
        events.append((clock.training_seconds, event))
        clock.saw(event, config.optim.batch_size)
        ended = _ending(event) or ended
        if isinstance(event, Started):
            looked_at = thinned(probe_steps(event.total_steps, PROBES), snapshots)
        elif isinstance(event, Probed) and event.step in looked_at:
            with suppress(Exception):  # no memory for copies, say: no run fails over a luxury
                taken.append(training.weights())
        now = time.monotonic()
        is_first = isinstance(event, Stepped) and event.step == 1  # somebody waits for a sign of life
        if now - told < BATCH_SECONDS and not is_first:
            continue
        yield said()
        events, taken, told = [], [], now
        if ended is None and (wish := wishes()):
            yield training.checkpoint()
            yield wish
            return
        if now - kept >= CHECKPOINT_SECONDS:
            yield training.checkpoint()
            kept = now
    yield said()
    yield training.checkpoint()
    yield ended or Ended(Status.FAILED, "the run ended without saying why")


def _ending(event: Event) -> Ended | None:
    if isinstance(event, Finished):
        return Ended(Status.FINISHED)
    if isinstance(event, Diverged):
        what = f"the loss or its gradient was not a number at step {event.step}"
        return Ended(Status.DIVERGED, f"{what}; try a smaller variance or learning rate")
    return None


class _Clock:
    """Training time and speed of one run, on a clock that never jumps."""

    def __init__(self, before: float):
        self._before, self._start = before, time.monotonic()
        self._marks: list[tuple[float, int]] = []

    @property
    def training_seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    @property
    def images_per_second(self) -> float | None:
        if len(self._marks) < 2:
            return None
        (first_time, first), (last_time, last) = self._marks[0], self._marks[-1]
        return (last - first) / max(last_time - first_time, 1e-9)

    def saw(self, event: Event, batch_size: int) -> None:
        if isinstance(event, Stepped | StepMeasured):
            now = time.monotonic()
            self._marks.append((now, event.step * batch_size))
            while len(self._marks) > 2 and now - self._marks[0][0] > SPEED_SECONDS:
                self._marks.pop(0)
