"""Processes beside the server that stay: they answer what pages ask again and again, within a second.

One answers what a hand waits for, another what may take longer and lets everything else go first. So nobody's stroke
waits for somebody's ten thousand digits.
"""

from typing import Any

from vit_lab.config import RunConfig
from vit_lab.forkserver.companion import Companion
from vit_lab.forkserver.streams import NICE
from vit_lab.named import function_named
from vit_lab.runs.executors.choice import chosen_name
from vit_lab.runs.limits import MIB, data_bytes, look_bytes
from vit_lab.ui.serving.apart import SECONDS, memory
from vit_lab.ui.serving.once import Once

QUICK_BYTES = 64 * MIB  # of one look; what takes more, waits where nobody's hand waits behind it
quick = Once(Companion, Companion.end)
patient = Once(lambda: Companion(NICE), Companion.end)


def ask(companion: Once[Companion], target: str, *arguments: object) -> Any:
    """What a function, "module:name", returns. Raises TooMuchError, CannotStartError, and what it raises.

    Configs among its arguments tell whose data it needs; if one has a large model, it is for the patient. Where runs
    train in threads, to save memory, it is computed here.
    """
    if chosen_name() == "threads":
        return function_named(target)(*arguments)
    configs = [one for one in arguments if isinstance(one, RunConfig)]
    where = companion if all(look_bytes(config, 1) <= QUICK_BYTES for config in configs) else patient
    beside = max(map(data_bytes, configs), default=0)
    return where().ask(target, *arguments, seconds=SECONDS, memory=memory() + beside)
