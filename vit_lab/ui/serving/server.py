"""How a server ends."""

import os
import sys

from streamlit.runtime import Runtime


def leave_at_once() -> None:
    """End the process of a server, once all that matters is done; nothing happens in a process that is none.

    A page may be in the middle of a computation, in a thread of its own. Python, on its way out, unwinds such a thread,
    and C++ code answers that by aborting the process: signal 6 in place of exit code 0.
    """
    if isinstance(Runtime._instance, Runtime):
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(int(hasattr(sys, "last_value")))  # as Python would: 1 after an error that nobody has caught
