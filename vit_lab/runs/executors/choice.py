"""Which executor trains: the one that is asked for, or else that of the environment variable VIT_LAB_EXECUTOR."""

import os
from collections.abc import Callable

from vit_lab.refusals import one_of
from vit_lab.runs.executors.executor import Executor
from vit_lab.runs.executors.processes import ProcessExecutor
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.settings import ConfigError

VARIABLE, DEFAULT = "VIT_LAB_EXECUTOR", "processes"
EXECUTORS: dict[str, Callable[[], Executor]] = {"threads": ThreadExecutor, "processes": ProcessExecutor}


def chosen_executor(name: str | None = None) -> Executor:
    """The executor of that name. Raises ConfigError if there is none."""
    name = name or os.environ.get(VARIABLE) or DEFAULT
    if name not in EXECUTORS:
        known = one_of(list(EXECUTORS))
        raise ConfigError("executor", f"there is no {name[:40]!r}; choose {known}, with --executor or {VARIABLE}")
    return EXECUTORS[name]()
