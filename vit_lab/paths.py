"""Where things live. VIT_LAB_HOME holds database, checkpoints and downloads; VIT_LAB_DATA overrides the data folder."""

import os
from pathlib import Path

from platformdirs import user_data_path


def top() -> Path:
    """The folder of dashboard.py, pages/ and docs/: the top of a checkout, or its copy inside an installed package."""
    package = Path(__file__).parent
    copy = package / "top"
    return copy if copy.is_dir() else package.parent


def home() -> Path:
    """The folder of everything the lab keeps: $VIT_LAB_HOME, or else the user's data directory."""
    chosen = os.environ.get("VIT_LAB_HOME")
    return Path(chosen).expanduser() if chosen else user_data_path("vit-lab", appauthor=False)


def data_folder() -> Path:
    """The folder of the data sets in torchvision's layout (MNIST/raw/...)."""
    chosen = os.environ.get("VIT_LAB_DATA")
    return Path(chosen).expanduser() if chosen else home() / "data"


def database() -> Path:
    """The SQLite file of all runs."""
    return home() / "runs.sqlite3"


def checkpoint(run_id: str) -> Path:
    """The latest checkpoint of a run."""
    return home() / "checkpoints" / f"{run_id}.safetensors"


def half_written(run_id: str) -> list[Path]:
    """What a process that was killed while it saved a checkpoint of a run has left."""
    whole = checkpoint(run_id)
    return list(whole.parent.glob(f"{whole.stem}.*.tmp"))
