"""The option --device: what is not here is refused before a run is queued, and a run is the same wherever it trains."""

import functools

import pytest
import torch
from commands import SMALL, run, stored_runs
from tiny import pair, tiny
from typer.main import get_command
from waiting import ended

from vit_lab.cli.app import app
from vit_lab.runs.manager import RunManager
from vit_lab.runs.states import Status
from vit_lab.training import device

TRAINING = ("train", "compare", "sweep", "claim")


@pytest.fixture(autouse=True)
def no_accelerator(monkeypatch):
    for where in (torch.cuda, torch.backends.mps):
        answer = functools.wraps(where.is_available)(lambda: False)  # torch itself looks at what it has wrapped
        monkeypatch.setattr(where, "is_available", answer)


@pytest.mark.parametrize("command", TRAINING)
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gpu", "device: 'gpu' does not work; choose cpu, cuda, mps or auto\n"),
        ("cuda", "device: cuda is not on this machine; choose cpu or auto\n"),
    ],
)
def test_a_device_that_cannot_be_used_is_refused_before_a_run_is_queued(command, name, sentence):
    own = {"train_size", "warmup_steps"} if command in ("sweep", "claim") else set()
    words = [word for word in SMALL if not any(word.startswith(f"--{field.replace('_', '-')}=") for field in own)]
    done = run(command, *words, "--device", name)
    assert (done.exit_code, done.stdout) == (2, "") and done.stderr.endswith(sentence)
    assert stored_runs() == []


def test_auto_is_the_cpu_where_there_is_no_accelerator_and_no_part_of_the_run():
    done = run("train", *SMALL, "--device", "auto")
    assert done.exit_code == 0, done.output
    assert run("train", *SMALL).exit_code == 0
    one, other = stored_runs()
    assert one.config == other.config == tiny() and one.test_accuracy == other.test_accuracy


@pytest.mark.parametrize("command", get_command(app).commands)
def test_the_commands_that_train_have_the_option_and_no_other(command):
    words = {word for p in get_command(app).commands[command].params for word in p.opts}
    assert ("--device" in words) is (command in TRAINING)


def test_a_worker_trains_where_the_environment_says(store, monkeypatch):
    monkeypatch.setenv(device.VARIABLE, "mps")
    manager = RunManager(store, workers=1)
    [run_id] = manager.submit(pair([tiny()], "e"))
    found = ended(store, run_id)
    manager.shutdown()
    assert (found.status, found.error) == (Status.FAILED, "device: mps is not on this machine; choose cpu or auto")
