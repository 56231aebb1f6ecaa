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


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """Test accuracy and seconds of training of both presets, seed 0."""
    if not is_available("mnist"):
        raise RuntimeError(
            "full MNIST is not here; fetch it with: python -m vit_lab train --dataset mnist --download --steps 1"
        )
    results = {}
    with tempfile.TemporaryDirectory() as home:
        started = {
            name: subprocess.Popen(
                [sys.executable, "-m", "vit_lab", "train", "--preset", name, "--json"],
                cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=dict(os.environ, VIT_LAB_HOME=f"{home}/{name}", VIT_LAB_DATA=str(data_folder())),
            )
            for name in PRESETS
        }  # fmt: skip
        for name, process in started.items():
            results[name] = json.loads(process.communicate()[0].splitlines()[-1])
    seconds = {name: result["wall_seconds"] for name, result in results.items()}
    ratio = seconds["accurate"] / seconds["vit-notes"]
    return [
        Figure("accurate: test accuracy on MNIST", results["accurate"]["test_accuracy"], "", 0.985, note="seed 0"),
        Figure("accurate: time over that of vit-notes", ratio, "x", 100 / 60, at_most=True,
               note=f"{seconds['accurate']:.0f} s and {seconds['vit-notes']:.0f} s, a core each, at the same time"),
    ], {name: {key: result[key] for key in ("test_accuracy", "wall_seconds", "steps")} for name, result in results.items()}  # fmt: skip
