"""Processes beside the server that stay: they answer what pages ask again and again, within a second.

One answers what a hand waits for, another what may take longer and lets everything else go first. So nobody's stroke
waits for somebody's ten thousand digits.
"""

from typing import Any

from vit_lab.forkserver.companion import Companion
from vit_lab.forkserver.streams import NICE
from vit_lab.named import function_named
from vit_lab.runs.executors.choice import chosen_name
from vit_lab.ui.serving.apart import SECONDS, memory
from vit_lab.ui.serving.once import Once

quick = Once(Companion, Companion.end)
patient = Once(lambda: Companion(NICE), Companion.end)


def ask(companion: Once[Companion], target: str, *arguments: object, beside: int = 0) -> Any:
    """What a function, "module:name", returns. Raises TooMuchError, CannotStartError, and what it raises.

    `beside` are bytes that it needs in any case, for its data.
    Where runs train in threads, to save memory, it is computed here.
    """
    if chosen_name() == "threads":
        return function_named(target)(*arguments)
    return companion().ask(target, *arguments, seconds=SECONDS, memory=memory() + beside)
