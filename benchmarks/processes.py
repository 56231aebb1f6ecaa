"""The processes of a dashboard, as Linux tells of them: the server, and the workers that it has started."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


def with_children(pid: int) -> list[int]:
    """A process and the processes that it has started."""
    started = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(int(child) for children in started for child in children)]


@dataclass(frozen=True)
class Family:
    """A process and those that it has started, stopped and continued together."""

    process: subprocess.Popen[bytes]

    def poll(self) -> int | None:
        """The exit code of the first, None while it runs."""
        return self.process.poll()

    def send_signal(self, which: signal.Signals) -> None:
        """To all of them."""
        for pid in with_children(self.process.pid):
            os.kill(pid, which)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, all its threads together."""
    return time.clock_gettime((~pid << 3) | 2)  # the clock id of a process, as clock_getcpuclockid(3) makes it
