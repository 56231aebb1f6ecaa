"""How tests give commands, and the options of the smallest run."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tiny import TINY
from typer.testing import CliRunner

from vit_lab import paths
from vit_lab.cli.app import app
from vit_lab.cli.options import option_name
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.store import Store

ROOT = Path(__file__).resolve().parents[1]
SMALL = [f"--{option_name(field)}={value}" for field, value in TINY.items()] + ["--warmup-steps=3"]


def run(*words):
    """A command in this process."""
    return CliRunner().invoke(app, words, catch_exceptions=False)


def shell(*words):
    """A command as a person gives it, whose runs train in processes."""
    command = [sys.executable, "-m", "vit_lab", *words]
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def with_this_path(program):
    """A program for `python -c` that finds what this process does: the lab, and the modules of these tests."""
    return f"import sys; sys.path[:] = {sys.path!r}\n{program}"


def last_object(stdout):
    return json.loads(stdout.splitlines()[-1])


def stored_runs():
    store = Store(paths.database())
    found = store.runs()
    store.close()
    return found
