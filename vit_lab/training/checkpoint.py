"""A run frozen between two steps: one safetensors file, its counters as JSON in the file's header.

safetensors holds numbers and text only, so opening a checkpoint from elsewhere cannot run code.
"""

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vit_lab.training.errors import CheckpointError as CheckpointError


@dataclass(frozen=True)
class Checkpoint:
    """Weights and optimiser state as tensors, everything else as plain counters.

    Random draws need no state: each follows from the seed and the step (see `vit_lab.randomness`).
    """

    tensors: dict[str, Tensor]
    counters: dict[str, Any]

    @property
    def step(self) -> int:
        """Updates done so far."""
        return int(self.counters["step"])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as NumPy's arrays, which takes a tenth of the time of torch's own archives."""
        return _from_numbers, ({name: tensor.numpy() for name, tensor in self.tensors.items()}, self.counters)


def _from_numbers(numbers: dict[str, Any], counters: dict[str, Any]) -> Checkpoint:
    return Checkpoint({name: torch.from_numpy(array.copy()) for name, array in numbers.items()}, counters)


def save_checkpoint(checkpoint: Checkpoint, path: Path, *, lasting: bool = True) -> None:
    """Write the file whole or not at all: a crash leaves the previous one. Raises OSError.

    Without `lasting`, nothing waits for the disk, so a power cut may leave a damaged file; its checksum tells.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{uuid.uuid4().hex}.tmp")  # of nobody else, in this process or another
    try:
        counters = json.dumps(checkpoint.counters)
        told = {"counters": counters, "checksum": _checksum(checkpoint.tensors, counters)}
        with temporary.open("wb") as file:
            file.write(save(checkpoint.tensors, metadata=told))
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises CheckpointError if it is missing, truncated or not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            if "checksum" in told and told["checksum"] != _checksum(tensors, told["counters"]):
                raise ValueError("it does not hold what was written")
            counters = json.loads(told["counters"])
            return Checkpoint(tensors, counters | {"step": int(counters["step"])})
    except FileNotFoundError:
        raise CheckpointError(f"there is no checkpoint {path}; start the run again") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged ({error}); start the run again") from error


def _checksum(tensors: dict[str, Tensor], counters: str) -> str:
    """Of all that a checkpoint holds: it finds a bit that a disk has turned, not a forger."""
    found = hashlib.blake2b(counters.encode(), digest_size=16)
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def model_state(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The weights of a checkpoint's model, by their names in the model."""
    prefix = "model."
    return {name[len(prefix) :]: value for name, value in checkpoint.tensors.items() if name.startswith(prefix)}
