"""A store and workers in a folder that is gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from vit_lab import paths
from vit_lab.runs.manager import RunManager
from vit_lab.runs.store import Store


@contextmanager
def lab(workers: int) -> Iterator[RunManager]:
    """A manager whose runs nobody else sees."""
    before = os.environ.get("VIT_LAB_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["VIT_LAB_HOME"] = home
        manager = RunManager(Store(paths.database()), workers)
        try:
            yield manager
        finally:
            manager.shutdown()
            manager.store.close()
            os.environ.pop("VIT_LAB_HOME")
            if before is not None:
                os.environ["VIT_LAB_HOME"] = before
