"""Files that are not what they seem, names that mean something elsewhere, and places that cannot be written."""

import csv
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from commands import SMALL, last_object, run, stored_runs
from safetensors.torch import load_file, save_file
from tiny import tiny, tiny_data

from vit_lab import paths
from vit_lab.cli import training as commands
from vit_lab.cli.files import of_runs
from vit_lab.data.errors import DatasetError
from vit_lab.data.images import load_dataset
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.trainer import train

QUICK = [*SMALL, "--steps=2"]
ROOT = Path(__file__).resolve().parents[2]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"]


@pytest.fixture
def checkpoint(tmp_path):
    training = train(tiny(), tiny_data(tiny()))
    for event in training:
        if event.step == 5:
            break
    save_checkpoint(training.checkpoint(), tmp_path / "run.safetensors")
    return tmp_path / "run.safetensors"


def resume(checkpoint):
    for _ in train(tiny(), tiny_data(tiny()), checkpoint=checkpoint):
        pass


def test_a_bit_that_a_disk_has_turned_is_found(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[-100] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"is damaged \(it does not hold what was written\); start the run again"):
        load_checkpoint(checkpoint)


def test_a_checkpoint_from_before_there_were_checksums_is_read(checkpoint):
    whole = load_checkpoint(checkpoint)
    save_file(load_file(checkpoint), checkpoint, {"counters": json.dumps(whole.counters)})
    resume(load_checkpoint(checkpoint))


@pytest.mark.parametrize("step", [-1, 11, 10**9])
def test_a_step_beyond_the_run_is_refused(checkpoint, step):
    whole = load_checkpoint(checkpoint)
    with pytest.raises(CheckpointError, match="does not fit this run's model; start the run again"):
        resume(Checkpoint(whole.tensors, whole.counters | {"step": step}))


@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize("shape", [(1,), (0,), (3, 5), (1000, 1000)], ids=str)
def test_a_moment_of_another_shape_is_refused_before_a_kernel_reads_it(checkpoint, key, shape):
    whole = load_checkpoint(checkpoint)
    forged = dict(whole.tensors) | {f"optimiser.head.weight.{key}": torch.zeros(shape)}
    with pytest.raises(CheckpointError, match="does not fit this run's model; start the run again"):
        resume(Checkpoint(forged, whole.counters))


# Data sets


@pytest.mark.parametrize("count", [1, 2_000, 3_000])
def test_a_part_of_a_data_set_does_not_pass_for_the_whole(home, count):
    folder = home / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = struct.pack(">BBBBIII", 0, 0, 8, 3, count, 28, 28) + bytes(count * 784)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, count) + bytes(count))
    with pytest.raises(DatasetError, match=rf"it has {count:,} images where there should be 60,000"):
        load_dataset("mnist", normalise=True)


# What commands write


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_trained(option, tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "a.csv"):
        done = run("compare", *QUICK, "--seeds=1", option, str(path), "--json")
        assert done.exit_code == 2 and done.stderr.startswith(f"{option[2:]}: ")
        assert stored_runs() == []


def test_two_options_for_one_file_are_refused(tmp_path):
    file = str(tmp_path / "both")
    done = run("compare", *QUICK, "--seeds=1", "--csv", file, "--html", file)
    assert (done.exit_code, done.stderr) == (2, "html: it would overwrite the CSV; choose another file\n")
    assert stored_runs() == [] and not Path(file).exists()


def test_a_result_is_printed_although_its_file_cannot_be_written_any_more(tmp_path, monkeypatch):
    file = tmp_path / "a.csv"

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vit_lab.analysis.export.write_curves", full)
    done = run("compare", *QUICK, "--seeds=1", "--csv", str(file), "--json")
    assert done.exit_code == 2 and "cannot be written (No space left on device)" in done.stderr
    assert last_object(done.stdout)["kind"] == "compare" and commands


def test_a_run_that_is_named_twice_is_written_once(tmp_path):
    trained = last_object(run("train", *QUICK, "--json").stdout)["run_id"]
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert run("export", trained, "--csv", str(one)).exit_code == 0
    assert run("export", trained, trained, "--csv", str(two)).exit_code == 0
    assert one.read_text() == two.read_text()


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_is_no_formula_to_a_spreadsheet(tmp_path, name):
    trained = last_object(run("train", *QUICK, "--json").stdout)["run_id"]
    store = Store(paths.database())
    store.rename(trained, name)
    store.close()
    file = tmp_path / "a.csv"
    assert run("export", trained, "--csv", str(file)).exit_code == 0
    with of_runs(file).open(encoding="utf-8", newline="") as lines:
        names = {row["name"] for row in csv.DictReader(lines)}
    assert not any(name.startswith(tuple("=+-@\t")) for name in names)


# Places and terminals


def shell(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "vit_lab", *words], cwd=ROOT, stderr=-1, text=True, timeout=60, **options
    )


def test_a_home_of_nobody_is_refused_in_a_sentence():
    for words in (["runs"], ["train", "--json"]):
        done = shell(*words, env=os.environ | {"VIT_LAB_HOME": "~nosuchuser/x"}, stdout=-1)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "VIT_LAB_HOME: '~nosuchuser/x' is no folder" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Only Linux has a device that is always full.")
def test_a_result_that_cannot_be_printed_ends_in_a_sentence(home):
    with Path("/dev/full").open("w") as full:
        done = shell("runs", stdout=full)
    assert done.returncode == 1 and done.stderr.startswith("the result cannot be printed (")
    closed = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m vit_lab runs >&-"], cwd=ROOT, stderr=-1, text=True, timeout=60
    )
    assert closed.returncode == 0 and "Traceback" not in closed.stderr


def test_a_name_that_a_terminal_lacks_letters_for_is_printed_all_the_same(home, store):
    from tiny import pair

    (run_id,) = store.add(pair([tiny()], "e"))
    store.rename(run_id, "größer 🦊")
    done = shell("runs", env=os.environ | {"PYTHONIOENCODING": "ascii"}, stdout=-1)
    assert done.returncode == 0 and "gr\\xf6\\xdfer" in done.stdout
