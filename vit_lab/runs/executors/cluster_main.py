"""The inside of the process that has runs trained on a cluster, as `vit_lab.runs.executors.cluster` starts it.

It speaks with the server as any worker process does, and says a line more: how many places the cluster has, a number.
While the cluster is away, or cannot be used, it says why and ends; the pool starts another after a while, and what it
was training is queued again meanwhile.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.worker import Worker
from vit_lab.runs.executors.worker_main import serve
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store

if TYPE_CHECKING:
    from vit_lab.runs.executors.nodes import Cluster

LOOK_SECONDS = 0.5  # how often it looks into the queue unasked, and
COUNT_SECONDS = 2.0  # how often at the cluster


def main(server: str) -> None:
    """Work for a server until it ends, or is gone."""
    from vit_lab.runs.executors.nodes import Cluster  # brings Ray

    serve(lambda store, tell: Crew(store, server, Cluster(), tell))


class Crew:
    """Takes runs from the queue while the cluster has places, and trains each from a thread of its own.

    `tell` hears of places and problems. Raises ClusterError if the cluster cannot be used.
    """

    def __init__(self, store: Store, server: str, cluster: "Cluster", tell: Callable[[str], None]):
        self._store, self._server, self._cluster, self._tell = store, server, cluster, tell
        self._worker = Worker(store, server, cluster.train, told=self._say_store)
        self._threads: list[threading.Thread] = []
        self._said: dict[str, str] = {}
        self._places = -1
        self._called, self._ending = threading.Event(), threading.Event()

    def call(self) -> None:
        """There may be something in the queue."""
        self._called.set()

    def end(self) -> None:
        """Checkpoint the runs at hand, mark them interrupted, and return from `work`."""
        self._ending.set()
        self._worker.end()
        self._called.set()

    def work(self) -> None:
        """Have run after run trained, until told to end. Raises ClusterError once the cluster is away."""
        counted = -COUNT_SECONDS
        while not self._ending.is_set():
            if time.monotonic() - counted > COUNT_SECONDS:
                counted = time.monotonic()
                self._count()
            if len(self._threads) < self._places and self._take():
                continue
            self._called.wait(LOOK_SECONDS)
            self._called.clear()
        for thread in list(self._threads):
            thread.join()

    def _count(self) -> None:
        places = self._cluster.places()
        if places != self._places:
            self._places = places
            self._tell(str(places))
        self._say("cluster", self._cluster.problem)

    def _take(self) -> bool:
        """Begin with the next run of the queue, if there is one."""
        try:
            run = self._store.queue.take(self._server)
        except StoreError as error:
            self._say("queue", str(error))
            return False
        self._say("queue", "")
        if run is None:
            return False
        thread = threading.Thread(target=self._finish, args=(run,), name=f"vit-lab-{run.id}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _finish(self, run: RunRecord) -> None:
        try:
            self._worker.finish(run)
        finally:
            self._threads.remove(threading.current_thread())
            self._called.set()  # there is a place for the next

    def _say_store(self, problem: str) -> None:
        self._say("store", problem)

    def _say(self, of: str, problem: str) -> None:
        """What is wrong with one of several things; the first of them is told."""
        before = self._problem
        self._said[of] = problem
        if self._problem != before:
            self._tell(self._problem)

    @property
    def _problem(self) -> str:
        return next(filter(None, self._said.values()), "")
