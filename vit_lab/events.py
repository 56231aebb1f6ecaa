"""What a run says while it runs. Plain and serialisable: a thread, a process or a file can carry it, and give it back.

A step's events describe the model after that many updates; step 0 is the untouched init.

JSON has no NaN and no infinity, so a number that is not finite is written as null. Null is read back as NaN: that the
number was not finite is all that is kept of it.
"""

import json
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from vit_lab.places import Place, read_place

Row = tuple[str, Place, float]  # (measure, place, value)


def _counts(told: Any) -> dict[Place, Any]:
    """By place."""
    return {read_place(place): counts for place, counts in _pairs(told)}


def _pairs(told: Any) -> Iterable[tuple[Any, Any]]:
    """JSON has no keys but text, so these are pairs there; in earlier versions the places were spelled, as keys."""
    return told.items() if isinstance(told, dict) else told


# A float whose null in JSON means: it was not finite.
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
AS_THEY_ARE = frozenset({int, str, bool, type(None)})  # in JSON; most of what a run says are counts
StoredPlace = Annotated[Place, BeforeValidator(read_place)]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run, after `step` updates."""

    kind: ClassVar[str]
    step: int

    def to_json(self) -> str:
        """The fields as JSON, without the kind: a number that is not finite is null, a place its own fields.

        `from_json` reads it back.
        """
        return json.dumps(_plain(vars(self)), allow_nan=False)


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
    loss: Number
    accuracy: Number
    learning_rate: Number
    gradient_norm: Number


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """Plain cross-entropy in nats and accuracy as a fraction over one whole split."""

    kind = "evaluated"
    split: str
    loss: Number
    accuracy: Number


@dataclass(frozen=True, kw_only=True)
class Probed(Event):
    """Measurements of the model: rows of (measure, place, value), e.g. ("weight_std", Place(group="qk"), 0.07)."""

    kind = "probed"
    rows: tuple[tuple[str, StoredPlace, Number], ...]


@dataclass(frozen=True, kw_only=True)
class Histograms(Event):
    """How many weights of each layer fall into each bin of `vit_lab.probes.bins.histogram_edges`."""

    kind = "histograms"
    counts: Annotated[dict[Place, list[int]], BeforeValidator(_counts)]


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """All steps are done, and the test set has been looked at, once.

    It was asked about two models: the last one, and the one of `best_step`, the first with the highest validation
    accuracy of the run. Without validation, `best_val_accuracy` is None and the best model is the last.
    """

    kind = "finished"
    test_loss: Number
    test_accuracy: Number
    best_step: int
    best_val_accuracy: float | None  # null is None here, never NaN: an accuracy is finite
    best_test_accuracy: Number


@dataclass(frozen=True, kw_only=True)
class Diverged(Event):
    """The loss or the gradient of this step was NaN or infinite; no further step makes sense."""

    kind = "diverged"


def from_json(kind: str, text: str) -> Event:
    """An event as `Event.to_json` wrote it. Raises ValueError, in a sentence, if there is no such event."""
    try:
        return _reader(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its text"
        raise ValueError(f"this is no event {kind!r}: {where}: {first['msg']}") from None


@cache
def _reader(kind: str) -> TypeAdapter[Event]:
    kinds = {event.kind: event for event in Event.__subclasses__()}
    if kind not in kinds:
        raise ValueError(f"there is no event {kind[:40]!r}; there are {', '.join(kinds)}")
    return TypeAdapter(kinds[kind])


def rows_of(
    event: Mapping[str, Any], measures: Container[str] | None = None
) -> Iterator[tuple[str, Place, float | None]]:
    """The rows of a Probed from its JSON, all or those of some measures; a value that was not finite is None.

    Runs of earlier versions have their places spelled.
    """
    for measure, place, value in event["rows"]:
        if measures is None or measure in measures:
            yield measure, read_place(place), value


def counts_of(event: Mapping[str, Any]) -> dict[Place, list[int]]:
    """The counts of a Histograms from its JSON. Runs of earlier versions have their layers spelled, as keys."""
    return _counts(event["counts"])


def counts_at(event: Mapping[str, Any], layer: Place) -> list[int]:
    """The counts of one layer from the JSON of a Histograms that has it."""
    return next(counts for place, counts in _pairs(event["counts"]) if read_place(place) == layer)


def _plain(value: Any) -> Any:
    if type(value) in AS_THEY_ARE:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Place):
        return value.fields
    if isinstance(value, dict):  # by name, or, as pairs, by place
        by_place = any(isinstance(key, Place) for key in value)
        pairs = [(_plain(key), _plain(item)) for key, item in value.items()]
        return pairs if by_place else dict(pairs)
    if isinstance(value, Iterable) and not isinstance(value, str):
        items = list(value)
        return items if AS_THEY_ARE.issuperset(map(type, items)) else [_plain(item) for item in items]
    return value
