"""A worker in a thread of the test's own process: it starts at once, and what a test puts in place of something holds."""

import threading

from vit_lab import paths
from vit_lab.runs.store import Store
from vit_lab.runs.worker import Worker


class WorkerThread:
    """Stands in for `WorkerProcess`, with the same worker."""

    def __init__(self, server):
        self._store = Store(paths.database())
        self._worker = Worker(self._store, server)
        self.name, self.seconds = self._store.presence.name, 0.0
        self.call, self.end = self._worker.call, self._worker.end
        self._thread = threading.Thread(target=self._work, name="vit-lab-worker", daemon=True)
        self._thread.start()

    @property
    def problem(self):
        return self._worker.problem

    @property
    def exit_code(self):
        return None if self._thread.is_alive() else 0

    def wait(self, seconds):
        self._thread.join(seconds)

    def _work(self):
        self._worker.work()
        self._store.close()
