"""The processes of a dashboard, as Linux tells of them: the server, and the workers, which its fork server starts."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def all_of(pid: int) -> list[int]:
    """A process, those that it has started, those that these have started, and so on."""
    found = [pid]
    for one in found:
        for task in _tasks(one):
            with suppress(OSError):  # it has just ended
                found += [child for child in map(int, task.read_text().split()) if child not in found]
    return found


def _tasks(pid: int) -> list[Path]:
    with suppress(OSError):
        return list(Path(f"/proc/{pid}/task").glob("*/children"))
    return []


@dataclass(frozen=True)
class Family:
    """A process and all that come from it, stopped and continued together."""

    process: subprocess.Popen[bytes]

    def poll(self) -> int | None:
        """The exit code of the first, None while it runs."""
        return self.process.poll()

    def send_signal(self, which: signal.Signals) -> None:
        """To all of them."""
        for pid in all_of(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, which)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, all its threads together."""
    return time.clock_gettime((~pid << 3) | 2)  # the clock id of a process, as clock_getcpuclockid(3) makes it
