"""Runs as tables that other programs can read."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from vit_lab.events import counts_of, rows_of
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import flat

PROGRESS = ("name", "status", "step", "wall_seconds", "images_per_second")
RESULTS = ("train_loss", "val_accuracy", "test_accuracy", "best_test_accuracy")


def summary(run: RunRecord) -> dict[str, Any]:
    """A run's outcome and every setting, flat."""
    return (
        {"run_id": run.id}
        | {field: getattr(run, field) for field in PROGRESS + RESULTS}
        | _place(run)
        | flat(run.config)
    )


def curves(store: Store, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per measured number: run_id, name, seed, step, seconds, measure, value, place and settings.

    Measures: train_loss, train_accuracy, learning_rate, gradient_norm, validation_loss, validation_accuracy, the probes
    as measure/place, and at the end test_loss, test_accuracy and best_test_accuracy, of the model that was best on
    validation. Losses are nats, accuracies fractions.
    """
    columns = ["run_id", "name", "seed", "step", "seconds", "measure", "value"]
    rows: list[dict[str, Any]] = []
    for run in runs:
        known = {"run_id": run.id, "name": run.name} | _place(run) | flat(run.config)
        for kind in ("step", "evaluated", "probed", "finished"):
            for event in store.events(run.id, kind):
                when = {"step": event["step"], "seconds": event["seconds"]}
                rows += [known | when | {"measure": m, "value": v} for m, v in _measures(kind, event)]
    table = pd.DataFrame(rows, columns=columns if not rows else None)
    return table[columns + [column for column in table.columns if column not in columns]]


def to_csv(store: Store, runs: Sequence[RunRecord]) -> str:
    """The curves of the runs as CSV text."""
    return curves(store, runs).to_csv(index=False, lineterminator="\n")


def outcomes_csv(runs: Sequence[RunRecord]) -> str:
    """One row a run: its outcome and every setting, as CSV text. Pilots, which only chose a rate, say so."""
    return pd.DataFrame([summary(run) for run in runs]).to_csv(index=False, lineterminator="\n")


def to_json(store: Store, runs: Sequence[RunRecord]) -> str:
    """The runs with config, outcome and all events as JSON text."""
    kinds = ("started", "step", "evaluated", "probed", "histograms", "finished", "diverged")
    return json.dumps(
        [
            summary(run)
            | {"config": run.config.model_dump()}
            | {"events": {kind: [_spelled(event) for event in store.events(run.id, kind)] for kind in kinds}}
            for run in runs
        ],
        indent=1,
    )


def _spelled(event: dict[str, Any]) -> dict[str, Any]:
    """An event with its places as people write them."""
    if "rows" in event:
        return event | {"rows": [(measure, str(place), value) for measure, place, value in rows_of(event)]}
    if "counts" in event:
        return event | {"counts": {str(layer): counts for layer, counts in counts_of(event).items()}}
    return event


def _place(run: RunRecord) -> dict[str, Any]:
    """Where a run stands in its experiment."""
    return {"experiment": run.experiment, "arm": run.arm, "condition": run.condition, "pilot": bool(run.pilot)}


def _measures(kind: str, event: dict[str, Any]) -> list[tuple[str, Any]]:
    if kind == "probed":
        return [(f"{measure}/{place}", value) for measure, place, value in rows_of(event)]
    if kind == "evaluated":
        return [(f"{event['split']}_{measure}", event[measure]) for measure in ("loss", "accuracy")]
    if kind == "finished":
        return [
            (measure, event[measure])
            for measure in ("test_loss", "test_accuracy", "best_test_accuracy")
            if measure in event
        ]
    names = {"loss": "train_loss", "accuracy": "train_accuracy"}
    return [(names.get(m, m), event[m]) for m in ("loss", "accuracy", "learning_rate", "gradient_norm")]
