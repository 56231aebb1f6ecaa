"""Ctrl-C before a command has begun: while it loads, and while its words are read. Imports next to nothing."""

import json
import os
import signal
import sys
from typing import NoReturn

INTERRUPTED = "interrupted before there was a result"


def leave_at_ctrl_c() -> None:
    """Until `hear_ctrl_c`, Ctrl-C ends the process in a sentence; an exception could be lost in an import."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # or Ctrl-C is not for this process
        signal.signal(signal.SIGINT, _leave)


def hear_ctrl_c() -> None:
    """From now on, Ctrl-C is an exception again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps({"status": "interrupted", "error": INTERRUPTED}), flush=True)
    print(INTERRUPTED, file=sys.stderr, flush=True)
    os._exit(1)
