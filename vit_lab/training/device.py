"""Which device runs train on. A worker reads its name from VIT_LAB_DEVICE, which the option --device sets.

A device is no setting of a run: it says where the numbers are computed, not which.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from vit_lab.refusals import one_of
from vit_lab.settings import ConfigError

if TYPE_CHECKING:
    import torch

VARIABLE = "VIT_LAB_DEVICE"
DEVICES = ("cpu", "cuda", "mps", "auto")
Value = TypeVar("Value")


def chosen() -> "torch.device":
    """The device that VIT_LAB_DEVICE names; the CPU if it names none. Raises ConfigError."""
    return resolve(os.environ.get(VARIABLE) or "cpu")


def check() -> None:
    """Refuse what VIT_LAB_DEVICE names if runs cannot train on it. Raises ConfigError. The CPU asks for no torch."""
    if (name := os.environ.get(VARIABLE) or "cpu") != "cpu":
        resolve(name)


def check_name(but: Sequence[str] = ()) -> None:
    """Refuse what VIT_LAB_DEVICE names if there is no such device, or if it is among `but`. Raises ConfigError."""
    known = [one for one in DEVICES if one not in but]
    if (name := os.environ.get(VARIABLE) or "cpu") not in known:
        raise ConfigError("device", f"{name[:40]!r} does not work here; choose {one_of(known)}")


def resolve(name: str) -> "torch.device":
    """The device of that name; auto is an accelerator if there is one. Raises ConfigError if this machine lacks it."""
    if name not in DEVICES:
        raise ConfigError("device", f"{name[:40]!r} does not work; choose {one_of(list(DEVICES))}")

    import torch

    has: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    here = [device for device, is_here in has.items() if is_here()]
    if name == "auto":
        return torch.device(here[0])
    if name not in here:
        raise ConfigError("device", f"{name} is not on this machine; choose {one_of([*here[::-1], 'auto'])}")
    return torch.device(name)


def moved(value: Value, device: "torch.device") -> Value:
    """A dataclass with all its tensors on a device, also those of dataclasses in it. What is there is not copied."""
    import torch

    def there(part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part.to(device)
        if is_dataclass(part) and not isinstance(part, type):
            return replace(part, **{field.name: there(getattr(part, field.name)) for field in fields(part)})
        return part

    found: Value = there(value)
    return found
