"""What `export` and `import` write, read and refuse, from a shell."""

import subprocess
import sys

import pytest
import torch
from commands import ROOT, SMALL, last_object, run, stored_runs
from pyarrow.parquet import read_table
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import tiny

from vit_lab import paths
from vit_lab.analysis.export import MEASURED, numbers_of, summary
from vit_lab.analysis.weights import WeightsError, read_weights
from vit_lab.runs.store import Store
from vit_lab.runs.trained import trained_model
from vit_lab.settings import parse


@pytest.fixture
def run_id():
    return last_object(run("train", *SMALL, "--json").stdout)["run_id"]


def exported(*words):
    done = run("export", *map(str, words))
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    return done.stderr


def test_the_code_of_a_run_prints_its_losses(run_id, tmp_path):
    said = exported(run_id, "--code", tmp_path / "run.py")
    text = (tmp_path / "run.py").read_text(encoding="utf-8")
    assert said == f"{tmp_path / 'run.py'}: the run in {len(text.splitlines())} lines; python {tmp_path / 'run.py'}\n"
    command = [sys.executable, "-I", "run.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    store = Store(paths.database())
    losses = [f"{event['step']} {event['loss']!r}" for event in store.events(run_id, "step")]
    [end] = store.events(run_id, "finished")
    store.close()
    assert done.stdout.splitlines() == [*losses, f"test {end['test_loss']!r} {end['test_accuracy']!r}"]


def test_the_weights_of_a_run_are_read_without_the_lab_and_with_it(run_id, tmp_path):
    file = tmp_path / "weights.safetensors"
    said = exported(run_id, "--weights", file)
    [trained] = stored_runs()
    state = trained_model(trained).state_dict()
    with safe_open(file, framework="pt") as content:
        assert {name: content.get_tensor(name).tolist() for name in content.keys()} == {  # noqa: SIM118
            name: tensor.tolist() for name, tensor in state.items()
        }
        told = content.metadata()
    assert (parse(told["config"]), told["run"], told["step"]) == (tiny(), run_id, "10")
    model, config = read_weights(file)
    assert config == tiny() and all(torch.equal(model.state_dict()[name], state[name]) for name in state)
    lines = said.partition("\n\n")[2]
    found = {"images": torch.zeros(2, 1, 28, 28)}
    exec("\n".join(line[4:] for line in lines.splitlines()), found)  # what it says is what works
    assert found["config"] == tiny() and len(lines.strip().splitlines()) <= 5


def test_the_script_ends_with_the_weights_of_the_run(run_id, tmp_path):
    exported(run_id, "--weights", tmp_path / "w.safetensors", "--code", tmp_path / "run.py")
    found = {}
    exec((tmp_path / "run.py").read_text(encoding="utf-8"), found)
    mine, weights = found["model"].state_dict(), load_file(tmp_path / "w.safetensors")
    assert mine.keys() == weights.keys() and all(torch.equal(mine[name], weights[name]) for name in mine)
    found["model"].load_state_dict(weights)


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    for content in (b"", b"\x10\0\0\0\0\0\0\0nonsense nonsense"):
        (tmp_path / "w.safetensors").write_bytes(content)
        with pytest.raises(WeightsError, match="holds no weights of a run; write one with"):
            read_weights(tmp_path / "w.safetensors")


def test_parquet_makes_its_folder_and_holds_every_number(run_id, tmp_path):
    folder = tmp_path / "not" / "there"
    exported(run_id, "--parquet", folder)
    store = Store(paths.database())
    [trained] = store.runs()
    numbers = [(run_id, 0, 0, 0, *row) for row in numbers_of(store, trained)]
    store.close()
    table = read_table(folder / "curves.parquet")
    assert table.column_names == list(MEASURED)
    assert [tuple(row.values()) for row in table.to_pylist()] == numbers and len(numbers) > 200
    [row] = read_table(folder / "runs.parquet").to_pylist()
    assert row == summary(trained)


def test_the_documented_tables_are_those_that_are_written(run_id, tmp_path):
    exported(run_id, "--parquet", tmp_path)
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    for file in ("curves", "runs"):
        columns = read_table(tmp_path / f"{file}.parquet").column_names
        assert [column for column in columns if f"`{column}`" not in text] == []
    measures = {row["measure"].partition("/")[0] for row in read_table(tmp_path / "curves.parquet").to_pylist()}
    assert [measure for measure in measures if f"`{measure}`" not in text] == []


def test_a_bundle_goes_to_another_home(run_id, tmp_path, monkeypatch):
    said = exported(run_id, "--bundle", tmp_path / "e.zip")
    assert said == f"{tmp_path / 'e.zip'}: 1 runs of 1 experiments; python -m vit_lab import {tmp_path / 'e.zip'}\n"
    [before] = stored_runs()
    monkeypatch.setenv("VIT_LAB_HOME", str(tmp_path / "teacher"))
    done = run("import", str(tmp_path / "e.zip"))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "1 runs are new here; 0 were here already\n", "")
    [after] = stored_runs()
    assert (after.id, after.config, after.test_accuracy) == (before.id, before.config, before.test_accuracy)
    assert last_object(run("import", str(tmp_path / "e.zip"), "--json").stdout) == {"runs": 0, "known": 1}
    assert run("look", run_id, "--json").exit_code == 0


def test_an_import_that_is_refused_ends_with_1_and_a_sentence(tmp_path):
    (tmp_path / "e.zip").write_bytes(b"PK")
    done = run("import", str(tmp_path / "e.zip"))
    assert (done.exit_code, done.stdout) == (1, "") and len(done.stderr.splitlines()) == 1
    assert "is no bundle, or a damaged one" in done.stderr


def test_what_is_about_one_run_is_not_written_of_several(tmp_path):
    ids = [last_object(run("train", *SMALL, "--seed", seed, "--json").stdout)["run_id"] for seed in ("1", "2")]
    for option in ("code", "weights"):
        done = run("export", *ids, f"--{option}", str(tmp_path / "out"))
        assert done.exit_code == 2
        assert done.stderr == f"{option}: a file has one run, and 2 are named; give the id of one\n"
        done = run("export", ids[0], f"--{option}", str(tmp_path / "no" / "out"))
        assert done.exit_code == 2 and done.stderr.startswith(f"{option}: the folder ")
    assert not (tmp_path / "out").exists()


def test_export_without_a_file_names_all_it_can_write():
    done = run("export", "any")
    assert done.exit_code == 2
    for option in ("csv", "html", "parquet", "code", "tensorboard", "weights", "bundle"):
        assert f"--{option}" in done.stderr
