"""The lab from a shell: python -m vit_lab train | compare | sweep | claim | runs | export | dashboard."""

import json
import os
import signal
import sys
from typing import NoReturn

INTERRUPTED = "interrupted before there was a result"


def main(program: str = "vit-lab") -> NoReturn:
    """The command `vit-lab`. Ctrl-C ends it in a sentence also while it is still loading, which takes a second."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # or Ctrl-C is not for this process
        signal.signal(signal.SIGINT, _leave)  # an exception could be lost in whatever is being imported
    from vit_lab.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run(program)


def _leave(*_: object) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps({"status": "interrupted", "error": INTERRUPTED}), flush=True)
    print(INTERRUPTED, file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
    main("python -m vit_lab")
