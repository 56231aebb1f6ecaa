"""Ctrl-C before a command has begun: while it loads, and while its words are read. Imports next to nothing.

Where modules are imported an exception can be lost: of forty at different moments of torch's import, three were.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

INTERRUPTED = "interrupted before there was a result"


def leave_at_ctrl_c() -> None:
    """Until `hear_ctrl_c`, Ctrl-C ends the process in a sentence."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # or Ctrl-C is not for this process
        signal.signal(signal.SIGINT, _leave)


def hear_ctrl_c() -> None:
    """From now on, Ctrl-C is an exception again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def left_at_ctrl_c() -> Iterator[None]:
    """Inside, what is an exception otherwise ends the process in a sentence: for imports, before there is a run."""
    both = [one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) is signal.default_int_handler]
    for one in both:
        signal.signal(one, _leave)
    try:
        yield
    finally:
        for one in both:
            signal.signal(one, signal.default_int_handler)


def _leave(*_: object) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps({"status": "interrupted", "error": INTERRUPTED}), flush=True)
    print(INTERRUPTED, file=sys.stderr, flush=True)
    os._exit(1)
