"""On Linux, a server on a busy machine waits for a core, and so do the threads that it starts."""

import os
import subprocess
import sys

import pytest

WITNESS = """
import os, threading
from vit_lab.ui.lab import serve_without_interrupting_runs
serve_without_interrupting_runs()
found = [os.sched_getscheduler(0)]
thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
thread.start(), thread.join()
print(*found)
"""


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no such kind of scheduling")
def test_a_server_waits_for_a_core():
    found = subprocess.run([sys.executable, "-c", WITNESS], capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(os.SCHED_BATCH)] * 2
