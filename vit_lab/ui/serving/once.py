"""What a server has one of, from its first use to its end.

Not in Streamlit's cache of resources: any browser can ask a server to clear that, and everybody's runs would end.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Made when it is first called for, and the same for everybody from then on, until its `end` releases it."""

    def __init__(self, make: Callable[[], T], release: Callable[[T], None] = lambda made: None):
        self._make, self._release = make, release
        self._made: list[T] = []
        self._making = threading.RLock()

    def __call__(self) -> T:
        """The one that there is. What making it raises is raised here, and the next call tries again."""
        if not self._made:
            with self._making:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    @property
    def made(self) -> list[T]:
        """The one that there is, if it has been called for."""
        return list(self._made)

    def end(self) -> None:
        """Release it; the next call makes another."""
        with self._making:
            made, self._made = self._made, []
        for one in made:
            self._release(one)
