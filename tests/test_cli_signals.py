"""A training in a shell that is ended from outside ends in order, and says so in its JSON line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import run as command
from tiny import TINY

from vit_lab import paths
from vit_lab.cli.options import option_name
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("ctrl_c", "worker_processes")
ROOT = Path(__file__).resolve().parents[1]
ENDLESS = [f"--{option_name(field)}={value}" for field, value in (TINY | {"steps": 100_000}).items()]


def ended_by(how, *words):
    """Give a command, send it a signal once one of its runs is on its way, and return what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vit_lab", *words], cwd=ROOT, env=os.environ.copy(), stdout=-1, stderr=-1, text=True
    )
    try:
        store = Store(paths.database())
        deadline = time.monotonic() + 60
        while not any(run.step > 20 for run in store.runs()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        asked = time.monotonic()
        process.send_signal(how)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - asked < 5 * max(1.0, os.getloadavg()[0] / usable_cores()), (
            "five seconds, if cores are free"
        )
        assert "Traceback" not in err
        found = store.runs()
        store.close()
        return process.returncode, json.loads(out.splitlines()[-1]), found
    finally:
        process.kill()


# What SIGTERM does to a command, the experiment below says.
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_run_that_is_ended_from_outside_is_interrupted_and_told(how):
    code, told, (run,) = ended_by(how, "train", *ENDLESS, "--json")
    assert code == 1
    assert (told["run_id"], told["status"]) == (run.id, "interrupted") and told["steps"] == run.step > 20
    assert run.status == Status.INTERRUPTED
    assert load_checkpoint(paths.checkpoint(run.id)).step >= run.step


def test_an_experiment_that_is_ended_from_outside_tells_what_it_has():
    code, told, found = ended_by(signal.SIGTERM, "compare", "--seeds=2", *ENDLESS, "--json")
    assert code == 1
    assert told["kind"] == "compare" and set(told["run_ids"]) == {run.id for run in found}
    assert {run.status for run in found} == {Status.INTERRUPTED}


def test_an_unusable_home_is_told_in_json_too(home):
    paths.database().write_bytes(b"garbage" * 1000)
    for words in (["train"], ["compare"], ["sweep"], ["claim"]):
        done = command(*words, "--json")
        told = json.loads(done.stdout)
        assert (done.exit_code, told["status"]) == (1, "failed")
        assert "not a database of the lab" in told["error"] and done.stderr == told["error"] + "\n"
