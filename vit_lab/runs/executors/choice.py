"""Which executor trains: that of the environment variable VIT_LAB_EXECUTOR, which the option --executor sets."""

import os
from collections.abc import Callable

from vit_lab.refusals import one_of
from vit_lab.runs.executors.cluster import ClusterExecutor
from vit_lab.runs.executors.executor import Executor
from vit_lab.runs.executors.processes import ProcessExecutor
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.settings import ConfigError
from vit_lab.training import device

VARIABLE, DEFAULT = "VIT_LAB_EXECUTOR", "processes"
EXECUTORS: dict[str, Callable[[], Executor]] = {
    "threads": ThreadExecutor,
    "processes": ProcessExecutor,
    "ray": ClusterExecutor,
}


def chosen_name() -> str:
    """The name of the executor that trains. Raises ConfigError if there is none of that name."""
    name = os.environ.get(VARIABLE) or DEFAULT
    if name not in EXECUTORS:
        known = one_of(list(EXECUTORS))
        raise ConfigError("executor", f"there is no {name[:40]!r}; choose {known}, with --executor or {VARIABLE}")
    return name


def chosen_executor() -> Executor:
    """A new executor of that name. Raises ConfigError."""
    return EXECUTORS[chosen_name()]()


def check() -> None:
    """Refuse an executor or a device that cannot train, before a run is queued for it. Raises ConfigError.

    Which devices a cluster has, is not known here.
    """
    if chosen_executor().trains_elsewhere:
        device.check_name(but=("mps",))
    else:
        device.check()
