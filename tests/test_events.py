"""Events become JSON that any reader accepts, and come back as the plain data that went in."""

import json
import math
from dataclasses import fields, replace

import pytest

from vit_lab.events import (
    Diverged,
    Evaluated,
    Event,
    Finished,
    Histograms,
    Probed,
    Started,
    StepMeasured,
    Stepped,
    counts_at,
    counts_of,
    from_json,
    rows_of,
)
from vit_lab.places import Place

QK, LAYER = Place(group="qk"), Place(block=1, part="attention", group="qk")
EVENTS = [
    Started(step=0, total_steps=10, parameters=1234, train_images=50, validation_images=20, test_images=30),
    StepMeasured(step=3, loss=2.25, accuracy=1 / 3, learning_rate=1e-3, gradient_norm=0.1),
    Evaluated(step=3, split="validation", loss=0.1 + 0.2, accuracy=0.5),
    Probed(step=4, rows=(("weight_std", QK, 0.07), ("weight_distance", Place(group="head"), 1e-30))),
    Histograms(step=4, counts={LAYER: [0, 3, 1]}),
    Stepped(step=5),
    Finished(step=10, test_loss=1.5, test_accuracy=0.25, best_step=10, best_val_accuracy=0.5, best_test_accuracy=0.25),
    Diverged(step=7),
]
every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
not_finite = pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def strict(text):
    """Parsed as other programs do: NaN and Infinity are not JSON."""
    return json.loads(text, parse_constant=refuse)


@every_event
def test_an_event_comes_back_from_its_json_as_it_was(event):
    text = event.to_json()
    assert set(strict(text)) == {field.name for field in fields(event)}
    assert from_json(event.kind, text) == event
    assert from_json(event.kind, text).to_json() == text


@every_event
def test_numbers_that_were_not_finite_come_back_as_nan_and_as_the_same_json(event):
    broken = replace(
        event, **{field.name: math.inf for field in fields(event) if isinstance(getattr(event, field.name), float)}
    )
    back = from_json(event.kind, broken.to_json())
    for field in fields(event):
        was, now = getattr(broken, field.name), getattr(back, field.name)
        if field.name == "best_val_accuracy":  # where null says that nothing was held out
            assert now is None
        else:
            assert math.isnan(now) if was == math.inf else now == was
    assert back.to_json() == broken.to_json()


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("fork", '{"step": 1}', "there is no event 'fork'; there are started, "),
        ("stepped", "{}", "this is no event 'stepped': step: Field required"),
        ("evaluated", '{"step": 1, "split": "test", "loss": "low", "accuracy": 0}', "'evaluated': loss: Input should"),
        ("stepped", "garbage", "this is no event 'stepped': its text: Invalid JSON"),
    ],
)
def test_what_is_no_event_is_refused_in_a_sentence(kind, text, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        from_json(kind, text)
    assert "\n" not in str(refused.value)


def test_places_are_told_by_their_fields():
    told = strict(Probed(step=0, rows=(("weight_std", LAYER, 0.5),)).to_json())
    assert told["rows"] == [["weight_std", {"block": 1, "part": "attention", "group": "qk"}, 0.5]]


def test_events_of_earlier_versions_had_their_places_spelled():
    rows = [["weight_std", "qk", 0.07], ["weight_std", "1.qk", None], ["activation_rms", "0", 1.0]]
    assert list(rows_of({"rows": rows})) == [
        ("weight_std", QK, 0.07),
        ("weight_std", LAYER, None),
        ("activation_rms", Place(depth=0), 1.0),
    ]
    assert [row[2] for row in rows_of({"rows": rows}, {"activation_rms"})] == [1.0]
    assert counts_of({"counts": {"1.qk": [1, 2]}}) == {LAYER: [1, 2]}
    assert counts_at({"counts": {"1.vo": [5], "1.qk": [1, 2]}}, LAYER) == [1, 2]
    assert counts_at({"counts": [[{"group": "head"}, [5]], [LAYER.fields, [1, 2]]]}, LAYER) == [1, 2]


@not_finite
def test_a_number_that_is_not_finite_becomes_null(number):
    step = StepMeasured(step=1, loss=number, accuracy=0.5, learning_rate=1e-3, gradient_norm=number)
    measured = {"loss": None, "accuracy": 0.5, "learning_rate": 1e-3, "gradient_norm": None}
    assert strict(step.to_json()) == {"step": 1} | measured


@not_finite
def test_so_does_one_within_rows(number):
    rows = (("weight_std", QK, number), ("weight_std", Place(group="vo"), 1.0))
    text = Probed(step=0, rows=rows).to_json()
    assert strict(text)["rows"] == [["weight_std", {"group": "qk"}, None], ["weight_std", {"group": "vo"}, 1.0]]
    assert from_json("probed", text).to_json() == text


def test_every_event_is_covered_here_and_has_a_kind_of_its_own():
    assert {type(event) for event in EVENTS} == set(Event.__subclasses__())
    assert len({event.kind for event in EVENTS}) == len(EVENTS)


@every_event
def test_events_cannot_be_changed(event):
    with pytest.raises(AttributeError):
        event.step = 99
