"""What trains queued runs, as its pool of workers sees it: `Executor` starts workers, `StartedWorker` is one of them.

A worker takes runs from the queue, has them trained, and writes down what they say (see
`vit_lab.runs.executors.worker`); it goes on with the next until it is told to end. An executor decides where that
happens: in threads of this process, in processes of this machine, or on other machines (docs/decisions/023).
"""

import os
from typing import Protocol


class StartedWorker(Protocol):
    """A worker from its start to its end."""

    @property
    def name(self) -> str:
        """Under which the store knows it; empty until it is up."""

    @property
    def problem(self) -> str:
        """What keeps it from working, as one sentence; empty if nothing does."""

    @property
    def seconds(self) -> float:
        """Since its start."""

    @property
    def how_it_ended(self) -> str | None:
        """What follows the words "the worker was ended"; None while it works."""

    def call(self) -> None:
        """There may be something in the queue."""

    def end(self) -> None:
        """Ask it to checkpoint its run and to end. Returns at once."""

    def wait(self, seconds: float) -> None:
        """Give it so long to end. What has not ended by then is killed, or left behind where it cannot be killed."""


class Executor(Protocol):
    """Starts workers."""

    @property
    def trains_elsewhere(self) -> bool:
        """Whether the end of a worker says nothing about its runs, so that they are queued again and not failed."""

    def most(self) -> int:
        """How many runs it can train at once. It may change: machines come and go."""

    def workers(self, runs: int) -> int:
        """How many workers it takes to train so many runs at once."""

    def start(self, server: str) -> StartedWorker:
        """A worker for the queue of a server. Raises OSError, RuntimeError or StoreError if it cannot be started."""


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
