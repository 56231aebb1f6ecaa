"""Steps of runs that are trained again, for no snapshot is kept of them: with a progress, and a way to stop.

A server has one `Replays`. Its replays take turns, in processes of their own unless runs train in threads.
"""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from vit_lab import paths
from vit_lab.data.errors import DatasetError
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.forkserver.streams import Stream
from vit_lab.named import function_named
from vit_lab.runs import snapshots
from vit_lab.runs.executors.choice import chosen_name
from vit_lab.runs.limits import GIB
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.looks import Weights

TARGET = "vit_lab.training.replay:replay"
MEMORY = 4 * GIB
LOOK_SECONDS = 0.1
MOST_REMEMBERED = 20


class Replay:
    """One run on its way to one step. Any thread may ask how far it is; nothing of it raises."""

    def __init__(self, store: Store, run: RunRecord, step: int, turns: threading.Semaphore):
        self.run, self.step = run, step
        self.done = 0  # steps
        self.weights: Weights | None = None  # where they are, once it is over; as long as this object lives
        self.problem = ""  # why it came to nothing, as a sentence; "it was stopped" if somebody did that
        self._store, self._turns = store, turns
        self._stopped, self._over = threading.Event(), threading.Event()
        self._steps: Stream | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="vit-lab-replay-", ignore_cleanup_errors=True)
        threading.Thread(target=self._work, name="vit-lab-replay", daemon=True).start()

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self.done / self.step if self.step else 1.0

    @property
    def is_over(self) -> bool:
        """Whether there are weights, or a problem."""
        return self._over.is_set()

    @property
    def is_lost(self) -> bool:
        """Whether the weights are not there any more, as a kept step is thinned or found damaged."""
        return self.weights is not None and self.weights.file is not None and not self.weights.file.is_file()

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, but no longer than that; whether it is."""
        return self._over.wait(seconds)

    def stop(self) -> None:
        """End it. Returns at once."""
        self._stopped.set()
        if self._steps is not None:
            self._steps.end()

    def _work(self) -> None:
        try:
            self._replay()
        except (CannotStartError, ConfigError, DatasetError, OSError, ValueError) as error:
            self.problem = str(error)
        except TooMuchError as error:
            self.problem = f"the replay {error}; choose another step"
        except Exception as error:  # a defect must not leave anybody waiting
            self.problem = f"{type(error).__name__}: {error}"
        finally:
            if self._stopped.is_set() and self.weights is None:
                self.problem = "it was stopped"
            self._over.set()

    def _replay(self) -> None:
        while not self._turns.acquire(timeout=LOOK_SECONDS):
            if self._stopped.is_set():
                return
        try:
            file = Path(self._folder.name) / "replayed.safetensors"
            for done in self._steps_to(file):
                self.done = done
                if self._stopped.is_set():
                    return
            self.weights = snapshots.keep_replayed(self._store, self.run.id, Weights(self.step, file))
        finally:
            if self._steps is not None:
                self._steps.end()
            self._turns.release()

    def _steps_to(self, file: Path) -> Iterator[int]:
        arguments = self.run.config, self.step, paths.checkpoint(self.run.id), file
        if chosen_name() == "threads":
            return iter(function_named(TARGET)(*arguments))
        self._steps = Stream(TARGET, *arguments, memory=MEMORY)
        return self._steps


class Replays:
    """The replays of a server: whoever asks for a step that somebody else waits for, waits for the same."""

    def __init__(self, store: Store, at_once: int = 1):
        self._store, self._turns = store, threading.Semaphore(at_once)
        self._asked: dict[tuple[str, int], Replay] = {}
        self._asking = threading.Lock()

    def ask(self, run: RunRecord, step: int) -> Replay:
        """The replay of a run to a step, begun if there is none; one that came to nothing is begun anew.

        Raises ConfigError if the run has not made the step.
        """
        snapshots.check_step(run, step)
        with self._asking:
            replay = self._asked.get((run.id, step))
            if replay is None or replay.problem or replay.is_lost:
                self._forget_some()
                replay = self._asked[run.id, step] = Replay(self._store, run, step, self._turns)
            return replay

    def asked(self, run: RunRecord, step: int) -> Replay | None:
        """The same, if somebody has asked for it already; one that came to nothing, too."""
        return self._asked.get((run.id, step))

    def end(self) -> None:
        """Stop all that is under way."""
        for replay in list(self._asked.values()):
            replay.stop()

    def _forget_some(self) -> None:
        over = [key for key, replay in self._asked.items() if replay.is_over]
        for key in over[: max(0, len(self._asked) - MOST_REMEMBERED + 1)]:
            del self._asked[key]
