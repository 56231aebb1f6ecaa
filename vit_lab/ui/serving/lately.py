"""What many ask for at the same time is read once, and again when it is some seconds old.

Not in Streamlit's caches: one that forgets by time looks whether it has something and then takes it, and raises
KeyError where that has grown too old in between.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """What `read` returns for the same arguments, at most so many seconds old; of so many arguments at most."""

    def __init__(self, read: Callable[..., T], seconds: float, most: int = 64):
        self._read, self._seconds, self._most = read, seconds, most
        self._kept: dict[tuple[Hashable, ...], tuple[float, T]] = {}
        self._changing = threading.Lock()

    def __call__(self, *key: Hashable) -> T:
        """As it is, or was lately. What reading raises is raised, and not kept."""
        with self._changing:
            kept = self._kept.get(key)
        if kept and time.monotonic() - kept[0] < self._seconds:
            return kept[1]
        found = self._read(*key)
        with self._changing:
            self._kept.pop(key, None)
            self._kept[key] = time.monotonic(), found
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return found

    def clear(self) -> None:
        """Forget all."""
        with self._changing:
            self._kept.clear()
