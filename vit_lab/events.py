"""What a run says while it runs. Plain and serialisable: a thread, a process or a file can carry it.

A step's events describe the model after that many updates; step 0 is the untouched init.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run, after `step` updates."""

    kind: ClassVar[str]
    step: int

    def to_json(self) -> str:
        """The fields as JSON; a number that is not finite becomes null."""
        return json.dumps(_finite(asdict(self)), allow_nan=False)


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The run's sizes. `parameters` counts the numbers that training may change."""

    kind = "started"
    total_steps: int
    parameters: int
    train_images: int
    validation_images: int
    test_images: int


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """One more update is done. A moment to pause or stop at; there is nothing in it to keep."""

    kind = "stepped"


@dataclass(frozen=True, kw_only=True)
class StepMeasured(Event):
    """Means over the batches since the last such event, and the state of the latest step.

    `loss` is the training objective in nats, `accuracy` a fraction, `gradient_norm` is before clipping.
    """

    kind = "step"
    loss: float
    accuracy: float
    learning_rate: float
    gradient_norm: float


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """Plain cross-entropy in nats and accuracy as a fraction over one whole split."""

    kind = "evaluated"
    split: str
    loss: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Probed(Event):
    """Measurements of the model: rows of (measure, place, value), e.g. ("weight_std", "qk", 0.07)."""

    kind = "probed"
    rows: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, kw_only=True)
class Histograms(Event):
    """How many weights of each layer fall into each bin of `vit_lab.probes.weights.histogram_edges`."""

    kind = "histograms"
    counts: dict[str, list[int]]


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """All steps are done, and the test set has been looked at, once.

    It was asked about two models: the last one, and the one of `best_step`, the first with the highest validation
    accuracy of the run. Without validation, `best_val_accuracy` is None and the best model is the last.
    """

    kind = "finished"
    test_loss: float
    test_accuracy: float
    best_step: int
    best_val_accuracy: float | None
    best_test_accuracy: float


@dataclass(frozen=True, kw_only=True)
class Diverged(Event):
    """The loss or the gradient of this step was NaN or infinite; no further step makes sense."""

    kind = "diverged"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value
