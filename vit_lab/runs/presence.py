"""Which processes of the lab are alive. Each holds a lock file that the operating system frees when it dies.

A process id would be reused and a heartbeat would trust the clock; a lock does neither.
"""

import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


class Presence:
    """This process's sign of life in a lab home. `name` stands in the store beside the runs it works on.

    What dead processes have left is cleared away, so only one process at a time may make one; the store sees to it.
    """

    def __init__(self, folder: Path):
        self.folder, self.name = folder, uuid.uuid4().hex
        for left in folder.glob("*.lock"):
            with suppress(OSError):  # another user's, say; it does no harm
                self.is_alive(left.stem)
        self._lock = FileLock(folder / f"{self.name}.lock", thread_local=False)
        self._lock.acquire(timeout=0)

    def is_alive(self, name: str) -> bool:
        """Whether the process of that name still runs."""
        if name == self.name:
            return True
        path = self.folder / f"{name}.lock"
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """Give up the sign of life."""
        self._lock.release()
        (self.folder / f"{self.name}.lock").unlink(missing_ok=True)
