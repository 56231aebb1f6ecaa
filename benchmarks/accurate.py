"""How accurate a model becomes in the time of the vit-notes recipe: both presets on full MNIST, one core each.

Both runs train at the same time, each in a process and on a core of its own, through the command line.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.figures import Figure
from benchmarks.viewers import ROOT
from vit_lab.datasets import is_available
from vit_lab.paths import data_folder

PRESETS = ("vit-notes", "accurate")
TOLD = ("test_accuracy", "wall_seconds", "steps")


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Test accuracy and seconds of training of both presets, seed 0."""
    if not is_available("mnist"):
        raise RuntimeError(
            "full MNIST is not here; fetch it with: python -m vit_lab train --dataset mnist --download --steps 1"
        )
    results = {}
    with tempfile.TemporaryDirectory() as home:
        started = {name: _training(name, f"{home}/{name}") for name in PRESETS}
        for name, process in started.items():
            results[name] = json.loads(process.communicate()[0].splitlines()[-1])
    seconds = {name: result["wall_seconds"] for name, result in results.items()}
    ratio = seconds["accurate"] / seconds["vit-notes"]
    note = f"{seconds['accurate']:.0f} s and {seconds['vit-notes']:.0f} s, a core each, at the same time"
    figures = [
        Figure("accurate: test accuracy on MNIST", results["accurate"]["test_accuracy"], "", 0.985, note="seed 0"),
        Figure("accurate: time over that of vit-notes", ratio, "x", 100 / 60, at_most=True, note=note),
    ]
    return figures, {name: {key: result[key] for key in TOLD} for name, result in results.items()}


def _training(preset: str, home: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "vit_lab", "train", "--preset", preset, "--json"]
    environment = os.environ | {"VIT_LAB_HOME": home, "VIT_LAB_DATA": str(data_folder())}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=quiet, text=True)
