"""Exported tables hold one row a measurement, with the values of the store, whatever the run is called."""

import csv
import io
import json

import pytest
from pyarrow.parquet import read_table
from tiny import tiny

from vit_lab.analysis.export import outcomes_csv, summary, to_csv, to_json, to_parquet, write_outcomes_parquet
from vit_lab.events import Diverged, Evaluated, Finished, Histograms, Probed, Started, StepMeasured
from vit_lab.places import Place
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.settings import flat

LAYER = Place(stack="decoder", block=1, part="cross", group="vo")
NAMES = ['a, "quoted" name', "<b>🧪</b>"]
EVENTS = [
    Started(step=0, total_steps=2, parameters=1234, train_images=50, validation_images=20, test_images=30),
    Evaluated(step=0, split="validation", loss=2.3, accuracy=0.1),
    Probed(step=0, rows=(("weight_std", Place(group="qk"), 0.07), ("weight_distance", LAYER, 0.0))),
    Histograms(step=0, counts={LAYER: [1, 2]}),
    StepMeasured(step=1, loss=1 / 3, accuracy=0.2, learning_rate=1e-3, gradient_norm=0.125),
    StepMeasured(step=2, loss=float("nan"), accuracy=0.3, learning_rate=2e-3, gradient_norm=float("inf")),
    Finished(step=2, test_loss=1.5, test_accuracy=0.25, best_step=2, best_val_accuracy=0.5, best_test_accuracy=0.25),
]
MEASURED = [
    (0, "validation_loss", 2.3),
    (0, "validation_accuracy", 0.1),
    (0, "weight_std/qk", 0.07),
    (0, "weight_distance/dec 1 cross.vo", 0.0),
    (1, "train_loss", 1 / 3),
    (1, "train_accuracy", 0.2),
    (1, "learning_rate", 1e-3),
    (1, "gradient_norm", 0.125),
    (2, "train_loss", None),
    (2, "train_accuracy", 0.3),
    (2, "learning_rate", 2e-3),
    (2, "gradient_norm", None),
    (2, "test_loss", 1.5),
    (2, "test_accuracy", 0.25),
    (2, "best_test_accuracy", 0.25),
]


@pytest.fixture
def runs(store):
    """One run that finished and one that diverged at once."""
    configs = [tiny(seed=3, variance_scale=1 / 3), tiny(scheme="xavier", clip_norm=None)]
    ids = store.add(
        [NewRun(config, name, "e", arm) for arm, (config, name) in enumerate(zip(configs, NAMES, strict=True))]
    )
    store.append(ids[0], [(event.step / 10, event) for event in EVENTS], 0.2, 100.0)
    store.append(ids[1], [(0.0, EVENTS[1]), (0.1, Diverged(step=1))], 0.1, None)
    store.end(ids[0], Status.FINISHED)
    store.end(ids[1], Status.DIVERGED, "it broke")
    return store.runs(ids)


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def number(text):
    return float(text) if text else None


def test_the_csv_has_one_row_a_measurement_with_the_values_of_the_store(store, runs):
    table = rows(to_csv(store, runs))
    first, second = ([row for row in table if row["run_id"] == run.id] for run in runs)
    assert sorted((int(r["step"]), r["measure"], number(r["value"])) for r in first) == sorted(MEASURED)
    assert all(float(row["seconds"]) == int(row["step"]) / 10 for row in first)
    assert {(row["measure"], row["value"]) for row in second} == {
        ("validation_loss", "2.3"),
        ("validation_accuracy", "0.1"),
    }
    assert len(table) == len(MEASURED) + 2


def test_every_row_names_the_run_and_its_place_and_settings_stand_once_a_run(store, runs):
    by_id = {run.id: run for run in runs}
    for row in rows(to_csv(store, runs)):
        run = by_id[row["run_id"]]
        assert [row["arm"], row["condition"], row["seed"]] == [str(run.arm), "0", str(run.config.seed)]
    for row in rows(outcomes_csv(runs)):
        assert row["name"] == by_id[row["run_id"]].name
        for field, value in flat(by_id[row["run_id"]].config).items():
            assert row[field] == ("" if value is None else str(value)), field


def test_no_runs_give_an_empty_table_with_the_same_columns(store, runs):
    columns = ["run_id", "arm", "condition", "seed", "step", "seconds", "measure", "value"]
    assert to_csv(store, []).splitlines() == [",".join(columns)]
    assert to_csv(store, runs).startswith(",".join(columns))
    assert rows(to_csv(store, [])) == []
    assert read_table(io.BytesIO(to_parquet(store, []))).column_names == columns


def test_parquet_holds_the_same_table(store, runs, tmp_path):
    table, found = rows(to_csv(store, runs)), read_table(io.BytesIO(to_parquet(store, runs))).to_pylist()
    assert len(table) == len(found)
    for row, same in zip(table, found, strict=True):
        assert {column: "" if value is None else str(value) for column, value in same.items()} == row
    write_outcomes_parquet(runs, tmp_path / "runs.parquet")
    [first, second] = read_table(tmp_path / "runs.parquet").to_pylist()
    assert (first["run_id"], first["test_accuracy"], second["scheme"]) == (runs[0].id, 0.25, "xavier")


def test_the_json_parses_and_holds_config_outcome_and_events(store, runs):
    first, second = json.loads(to_json(store, runs), parse_constant=pytest.fail)
    assert [first["run_id"], second["run_id"]] == [run.id for run in runs]
    assert [first["name"], second["name"]] == NAMES
    assert first["config"] == runs[0].config.model_dump() and first["test_accuracy"] == 0.25
    assert first["events"]["step"] == store.events(runs[0].id, "step")
    assert [event["kind"] if "kind" in event else event["step"] for event in second["events"]["diverged"]] == [1]


def test_the_json_spells_places_as_the_csv_does(store, runs):
    events = json.loads(to_json(store, runs[:1]))[0]["events"]
    [probed], [histograms] = events["probed"], events["histograms"]
    assert probed["rows"] == [["weight_std", "qk", 0.07], ["weight_distance", "dec 1 cross.vo", 0.0]]
    assert histograms["counts"] == {"dec 1 cross.vo": [1, 2]}


def test_a_summary_is_flat(runs):
    row = summary(runs[0])
    assert flat(runs[0].config).items() <= row.items()
    assert (row["run_id"], row["status"], row["test_accuracy"]) == (runs[0].id, "finished", 0.25)
    assert not any(isinstance(value, dict | list) for value in row.values())
