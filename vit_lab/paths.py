"""Where things live. VIT_LAB_HOME holds the database, what is kept of runs, downloads; VIT_LAB_DATA the data."""

import os
from pathlib import Path

from platformdirs import user_data_path

DOOMED = ".deleted"


def top() -> Path:
    """The folder of dashboard.py, pages/ and docs/: the top of a checkout, or its copy inside an installed package."""
    package = Path(__file__).parent
    copy = package / "top"
    return copy if copy.is_dir() else package.parent


def home() -> Path:
    """The folder of everything the lab keeps: $VIT_LAB_HOME, or else the user's data directory. Raises OSError."""
    return _chosen("VIT_LAB_HOME") or user_data_path("vit-lab", appauthor=False)


def data_folder() -> Path:
    """The folder of the data sets in torchvision's layout (MNIST/raw/...)."""
    return _chosen("VIT_LAB_DATA") or home() / "data"


def _chosen(variable: str) -> Path | None:
    folder = os.environ.get(variable)
    try:
        return Path(folder).expanduser() if folder else None
    except RuntimeError as error:  # ~somebody, and nobody has that name
        raise OSError(f"{variable}: {folder!r} is no folder ({error}); choose another") from error


def database() -> Path:
    """The SQLite file of all runs."""
    return home() / "runs.sqlite3"


def checkpoints() -> Path:
    """The folder of all checkpoints."""
    return home() / "checkpoints"


def checkpoint(run_id: str) -> Path:
    """The latest checkpoint of a run."""
    return checkpoints() / f"{run_id}.safetensors"


def doomed(run_id: str) -> Path:
    """The same while its run is being deleted."""
    return checkpoints() / f"{run_id}{DOOMED}"


def snapshots() -> Path:
    """The folder of all snapshots: a folder a run."""
    return home() / "snapshots"


def snapshots_of(run_id: str) -> Path:
    """The folder of the snapshots of a run."""
    return snapshots() / run_id


def snapshot(run_id: str, step: int) -> Path:
    """The weights of a run after a step; names are in the order of the steps."""
    return snapshots_of(run_id) / f"{step:07d}.safetensors"


def doomed_snapshots(run_id: str) -> Path:
    """The folder of its snapshots while a run is being deleted."""
    return snapshots() / f"{run_id}{DOOMED}"


def half_written(run_id: str) -> list[Path]:
    """What a process that was killed while it saved a checkpoint or a snapshot of a run has left."""
    whole = checkpoint(run_id)
    return [*whole.parent.glob(f"{whole.stem}.*.tmp"), *snapshots_of(run_id).glob("*.tmp")]
