"""The states of a run, as plain strings."""

from enum import StrEnum


class Status(StrEnum):
    """Where a run is in its life. Compare with plain strings: they survive a code reload."""

    WAITING = "waiting"  # for the learning rate that its arm's pilot runs will pick
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    DIVERGED = "diverged"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = (Status.WAITING, Status.QUEUED, Status.RUNNING)  # some process is, or will be, at work on it
ENDED = (Status.FINISHED, Status.DIVERGED)  # has a result, good or bad
RESUMABLE = (Status.PAUSED, Status.STOPPED, Status.FAILED, Status.INTERRUPTED)  # can go on from its checkpoint
