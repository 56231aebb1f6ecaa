"""What pages compute, outside of the server: in a process of its own that may take so much memory and time, no more."""

from typing import Any

from vit_lab.forkserver.calls import compute
from vit_lab.named import function_named
from vit_lab.runs.executors.choice import chosen_name
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.runs.limits import GIB, machine_memory

SECONDS = 20.0  # nobody waits longer for a figure
MEMORY = GIB


def apart(target: str, *arguments: object, beside: int = 0) -> Any:
    """What a function, "module:name", returns. Raises TooMuchError, CannotStartError, and what it raises.

    `beside` are bytes that it needs in any case, for its data.
    Where runs train in threads, to save memory, it is computed here.
    """
    if chosen_name() == "threads":
        return function_named(target)(*arguments)
    return compute(target, *arguments, seconds=SECONDS, memory=memory() + beside)


def memory() -> int:
    """Bytes that one figure may take; less where there is little, as some are computed at once, one a core."""
    machine = machine_memory()
    return min(MEMORY, machine // (4 * usable_cores())) if machine else MEMORY
