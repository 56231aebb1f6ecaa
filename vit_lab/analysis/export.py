"""Runs as tables that other programs can read."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from vit_lab.events import counts_of, rows_of
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import flat
from vit_lab.spelling import fork_spec

PROGRESS = ("name", "status", "step", "wall_seconds", "images_per_second")
OF_A_RUN = ("run_id", "arm", "condition", "seed")  # of each measurement; the table of runs has the rest
MEASURED = (*OF_A_RUN, "step", "seconds", "measure", "value")
FORMULA = ("=", "+", "-", "@", "\t")  # how a cell begins that a spreadsheet computes
RESULTS = ("train_loss", "val_accuracy", "test_accuracy", "best_test_accuracy")


def summary(run: RunRecord) -> dict[str, Any]:
    """A run's outcome and every setting, flat."""
    return (
        {"run_id": run.id}
        | {field: getattr(run, field) for field in PROGRESS + RESULTS}
        | _place(run)
        | ({"fork": fork_spec(run.config.fork)} if run.config.fork else {})
        | flat(run.config)
    )


def write_curves(store: Store, runs: Sequence[RunRecord], file: TextIO) -> int:
    """Write one row per measured number as CSV, run after run; returns how many.

    Columns: run_id, arm, condition, seed, step, seconds, measure, value. Measures: train_loss, train_accuracy,
    learning_rate, gradient_norm, validation_loss, validation_accuracy, the probes as measure/place, and at the end
    test_loss, test_accuracy and best_test_accuracy, of the model that was best on validation. Losses are nats,
    accuracies fractions; docs/tables.md has them all. Settings are in `outcomes_csv`, one row a run.
    """
    table = csv.writer(file, lineterminator="\n")
    table.writerow(MEASURED)
    count = 0
    for run in runs:
        known = [run.id, run.arm, run.condition, run.config.seed]
        for numbers in numbers_of(store, run):
            table.writerow([*known, *map(cell, numbers)])
            count += 1
    return count


def to_csv(store: Store, runs: Sequence[RunRecord]) -> str:
    """The curves of the runs as CSV text, all in memory: about half a megabyte a run."""
    text = io.StringIO()
    write_curves(store, runs, text)
    return text.getvalue()


def write_parquet(store: Store, runs: Sequence[RunRecord], file: Path | io.BytesIO) -> int:
    """The same table as Parquet, a row group a run; returns how many rows. A number that there is none of is null."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    words, whole, real = pa.dictionary(pa.int32(), pa.string()), pa.int64(), pa.float64()
    schema = pa.schema(zip(MEASURED, (words, whole, whole, whole, whole, real, words, real), strict=True))
    count = 0
    with ParquetWriter(file, schema) as writer:
        for run in runs:
            rows = [(run.id, run.arm, run.condition, run.config.seed, *numbers) for numbers in numbers_of(store, run)]
            columns = zip(*rows, strict=True) if rows else [()] * len(MEASURED)
            arrays = [
                pa.array([cell(value) for value in column], field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            count += len(rows)
    return count


def to_parquet(store: Store, runs: Sequence[RunRecord]) -> bytes:
    """The curves of the runs as a Parquet file, in memory."""
    file = io.BytesIO()
    write_parquet(store, runs, file)
    return file.getvalue()


def outcomes_csv(runs: Sequence[RunRecord]) -> str:
    """One row a run: its outcome and every setting, as CSV text. Pilots, which only chose a rate, say so."""
    text, rows = io.StringIO(), [summary(run) for run in runs]
    table = csv.writer(text, lineterminator="\n")
    columns = _columns(rows)
    table.writerow(columns)
    table.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def write_outcomes_parquet(runs: Sequence[RunRecord], file: Path) -> None:
    """The same as a Parquet file."""
    import pandas as pd

    pd.DataFrame([summary(run) for run in runs]).to_parquet(file, index=False)


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def numbers_of(store: Store, run: RunRecord) -> Iterator[tuple[int, float, str, Any]]:
    """(step, seconds, measure, value) of all that a run has measured."""
    for kind in ("step", "evaluated", "probed", "finished"):
        for event in store.events(run.id, kind):
            for measure, value in _measures(kind, event):
                yield event["step"], event["seconds"], measure, value


def cell(value: Any) -> Any:
    """What stands in a cell: nothing for no number; and what a person has typed is no formula to a spreadsheet."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


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
