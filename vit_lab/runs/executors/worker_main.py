"""The inside of a worker process, as `vit_lab.runs.executors.processes` starts it.

On its stdin, any line says that there may be something in the queue, and the end of the stream that it should end: that
comes also when whoever started it is killed. On its stdout it says first the name under which it works, and then, line
by line, what keeps it from working; an empty line says that nothing does any more. Without a name, it could not start.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from vit_lab import paths
from vit_lab.runs.errors import ClusterError, StoreError
from vit_lab.runs.executors.follow import train_here
from vit_lab.runs.executors.worker import Worker
from vit_lab.runs.store import Store

NICE = 10  # pages, and whatever else a person does on this machine, come first
DEFECT = 70  # the exit code of a worker with a defect; EX_SOFTWARE of sysexits(3)
LAST_SECONDS = 30.0  # in which a worker ends whatever step it is in; a server that lives does not wait as long


class Works(Protocol):
    """What a worker process does beside listening; a `Worker`, say."""

    def work(self) -> None:
        """Go on until told to end."""

    def call(self) -> None:
        """There may be something in the queue."""

    def end(self) -> None:
        """Checkpoint what is at hand, and return from `work`."""


def main(server: str) -> None:
    """Work for a server until it ends, or is gone."""
    serve(lambda store, tell: Worker(store, server, train_here, told=tell))


def serve(worker_of: Callable[[Store, Callable[[str], None]], Works]) -> None:
    """Be a worker process: `worker_of` makes what works, from the store and what tells a line to the server."""
    lines = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is not for the server
    if hasattr(os, "nice"):
        os.nice(NICE)

    def tell(line: str) -> None:
        with suppress(OSError):  # the server is gone, which the end of stdin says, too
            print(" ".join(line.split()), file=lines)  # it is read line by line

    try:
        store = Store(paths.database())
        worker = worker_of(store, tell)
    except StoreError as error:
        tell("")  # it has no name
        tell(str(error))
        sys.exit(1)
    thread = threading.Thread(target=_work, args=(worker, tell), daemon=True)
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        tell(store.presence.name)
        thread.start()
        for _ in sys.stdin:
            worker.call()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
        worker.end()
        if thread.ident:
            thread.join(LAST_SECONDS)
        if not thread.is_alive():
            store.close()
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(0)  # taking torch down takes seconds on a busy machine


def _work(worker: Works, tell: Callable[[str], None]) -> None:
    """A worker that breaks takes its process with it, so that the server learns of it; Ray ends one with 1."""
    try:
        worker.work()
    except ClusterError as error:
        tell(str(error))
        os._exit(1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(DEFECT)
