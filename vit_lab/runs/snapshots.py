"""The snapshots of runs, as files: the weights after a step, which a page opens at once.

A luxury: no run fails over them, and where room is short there are fewer, evenly thinned (the budget stands in
`vit_lab.runs.limits`). Each file is whole or not there, and knows by its checksum if a power cut has damaged it; what
is damaged counts as not there, for a step without a snapshot is trained again (`vit_lab.runs.replays`).
"""

import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vit_lab import paths
from vit_lab.models.size import num_parameters
from vit_lab.runs.errors import StoreError
from vit_lab.runs.limits import LEFT_FREE, SNAPSHOTS_IN_ALL, SNAPSHOTS_OF_A_RUN
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.training.looks import Weights

if TYPE_CHECKING:
    from vit_lab.training.checkpoint import Checkpoint

BYTES_A_NUMBER, HEADER_BYTES = 4, 2**17  # float32; names, shapes and a checksum, for the deepest model
ENDING = ".safetensors"
MOST_OF_A_RUN = 64  # more would stand closer than a slider can choose


def kept_steps(run: RunRecord) -> list[int]:
    """The steps of a run that open at once, in order: its start, its snapshots, and where it stands."""
    kept = {0, *_steps_in(paths.snapshots_of(run.id))}
    kept |= {run.step} if _stands(run) else set()
    return sorted(step for step in kept if step <= run.step)


def kept_weights(run: RunRecord, step: int) -> Weights | None:
    """Where the weights after a step are; None if it has to be trained again. Raises ConfigError, see `check_step`."""
    check_step(run, step)
    file = paths.snapshot(run.id, step)
    if file.is_file():
        return Weights(step, file)
    if step == 0:
        return Weights(0)
    return Weights(step, paths.checkpoint(run.id)) if step == run.step and _stands(run) else None


def check_step(run: RunRecord, step: int) -> None:
    """Raise ConfigError if a run has not made that step."""
    if not 0 <= step <= run.step:
        reached = f"choose 0 to {run.step}" if run.step else "choose 0"
        raise ConfigError("step", f"{step} is beyond what {run.name} has made, {run.step} steps; {reached}")


def make_room_for(run: RunRecord) -> int:
    """How many snapshots a run may keep, with room made for them among those of all runs. Never raises OSError."""
    each = BYTES_A_NUMBER * num_parameters(run.config.model) + HEADER_BYTES
    count = min(MOST_OF_A_RUN, SNAPSHOTS_OF_A_RUN // each)
    with suppress(OSError):
        make_room(min(count * each, SNAPSHOTS_OF_A_RUN))
    return count


def settle() -> None:
    """Thin out what several runs that began at once have written beyond the budget of all. Never raises OSError."""
    with suppress(OSError):
        make_room(0)


def make_room(needed: int) -> None:
    """Thin out what there is until so many bytes more are within the budget of all. Raises OSError.

    The run with the most bytes loses every second snapshot, its last stays; and so on.
    """
    of_runs = {folder: {file: file.stat().st_size for file in _files(folder)} for folder in _folders()}
    total = sum(sum(sizes.values()) for sizes in of_runs.values())
    while total + needed > SNAPSHOTS_IN_ALL and total > 0:
        fullest = max(of_runs.values(), key=lambda sizes: sum(sizes.values()))
        files = sorted(fullest)
        for file in files[-2::-2] or files:
            file.unlink(missing_ok=True)
            total -= fullest.pop(file)


def keep(run_id: str, weights: "Checkpoint") -> bool:
    """Write a snapshot if there is room for it; whether there was. Never raises OSError."""
    from vit_lab.training.checkpoint import save_checkpoint  # imports torch

    path = paths.snapshot(run_id, weights.step)
    size = HEADER_BYTES + sum(tensor.nbytes for tensor in weights.tensors.values())
    try:
        has_room = _has_room(path, size)
        if has_room:
            save_checkpoint(weights, path, lasting=False)
    except OSError:
        return False
    return has_room


def keep_replayed(store: Store, run_id: str, weights: Weights) -> Weights:
    """Keep a step that was trained again, if there is room and the run still there; where its weights are now.

    Never raises: what is not kept stays where it was.
    """
    if weights.file is None:
        return weights
    path = paths.snapshot(run_id, weights.step)
    with suppress(OSError, StoreError):
        size = weights.file.stat().st_size
        if not _is_within_its_share(path, size):  # others need not give way for it
            return weights
        make_room(size)
        with store.transaction():  # nobody deletes the run meanwhile
            if store.runs([run_id]) and _has_room(path, size):
                temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
                try:
                    shutil.copyfile(weights.file, temporary)
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
                return Weights(weights.step, path)
    return weights


def forget(run_id: str, step: int | None = None) -> None:
    """Remove the snapshot of a step, or all of a run. Raises OSError."""
    files = _files(paths.snapshots_of(run_id)) if step is None else [paths.snapshot(run_id, step)]
    for file in files:
        file.unlink(missing_ok=True)


def doom(run_id: str) -> None:
    """Set the snapshots of a run aside that is being deleted. Raises OSError."""
    with suppress(FileNotFoundError):
        shutil.rmtree(paths.doomed_snapshots(run_id))
    with suppress(FileNotFoundError):
        paths.snapshots_of(run_id).replace(paths.doomed_snapshots(run_id))


def finish_off(run_id: str) -> None:
    """Remove what was set aside. What cannot be removed now, the next `sweep` takes."""
    shutil.rmtree(paths.doomed_snapshots(run_id), ignore_errors=True)


def sweep(store: Store) -> None:
    """Finish what a process was killed in the middle of: a deletion, or the writing of a snapshot."""
    for folder in list(paths.snapshots().glob(f"*{paths.DOOMED}")):
        with suppress(OSError):
            if store.runs([folder.stem]):
                folder.replace(paths.snapshots_of(folder.stem))
            else:
                shutil.rmtree(folder)
    for file in list(paths.snapshots().glob("*/*.tmp")):
        if not any(run.is_active for run in store.runs([file.parent.name])):  # somebody may be writing it
            with suppress(OSError):
                file.unlink()


def _stands(run: RunRecord) -> bool:
    """Whether a run's checkpoint is where the run is; after a kill it may lie behind, which looking finds out."""
    return not run.is_active and paths.checkpoint(run.id).is_file()


def _has_room(path: Path, size: int) -> bool:
    """Whether a snapshot of that size is within the run's budget, and leaves the disk some space. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _is_within_its_share(path, size) and shutil.disk_usage(path.parent).free >= size + LEFT_FREE


def _is_within_its_share(path: Path, size: int) -> bool:
    own = sum(file.stat().st_size for file in _files(path.parent) if file != path)
    return own + size <= SNAPSHOTS_OF_A_RUN


def _folders() -> list[Path]:
    return [folder for folder in paths.snapshots().glob("*") if folder.is_dir()]


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.glob(f"*{ENDING}") if file.stem.isdecimal()]


def _steps_in(folder: Path) -> list[int]:
    """By the names alone: a page asks some times for each stroke of a hand."""
    try:
        with os.scandir(folder) as files:
            names = [file.name.removesuffix(ENDING) for file in files if file.name.endswith(ENDING)]
    except OSError:
        return []
    return [int(name) for name in names if name.isdecimal()]
