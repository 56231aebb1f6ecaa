"""What a training passes on to whoever listens: batches of events, checkpoints, and in the end how it went.

Plain data that can be pickled, so whatever trains may be elsewhere; and no torch, so that a server which has its runs
trained elsewhere need not load it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from vit_lab.config import RunConfig
from vit_lab.events import Event
from vit_lab.runs.states import Status

if TYPE_CHECKING:
    from vit_lab.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Said:
    """What a run has said since the last batch.

    Attributes:
        events: each with the training time in seconds at which it happened; there may be none.
        seconds: training time of the run so far, pauses left out.
        images_per_second: over the last few seconds, evaluations and probes included; None before there is a speed.
        node: the machine of a cluster that trains it; empty while it waits for one, None if no cluster is asked.
        snapshots: the weights after those of its steps that are to be looked at later.
    """

    events: tuple[tuple[float, Event], ...]
    seconds: float
    images_per_second: float | None
    node: str | None = None
    snapshots: "tuple[Checkpoint, ...]" = ()


@dataclass(frozen=True)
class Ended:
    """How a training came to its end, and why, in a sentence, if there is more to say."""

    status: Status
    error: str | None = None


Message: TypeAlias = "Said | Checkpoint | Ended"
Wishes = Callable[[], Ended | None]  # how somebody wants the run to end, as far as is known; None: it goes on


class TrainRun(Protocol):
    """Trains a run somewhere and passes on what it says; `train_here` of `follow` does so in this thread."""

    def __call__(
        self, config: RunConfig, checkpoint: "Checkpoint | None", wishes: Wishes, before: float, snapshots: int
    ) -> Generator[Message]:
        """The messages of `follow`, in its order. Closing them ends the training."""
