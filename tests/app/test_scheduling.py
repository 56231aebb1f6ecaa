"""On Linux, a server on a busy machine waits for a core, and so do its sessions and its workers."""

import os
import subprocess
import sys

import pytest

WITNESS = """
import os, threading
from vit_lab.ui.lab import serve_without_interrupting_runs

found = {}

def look(name):
    found[name] = os.sched_getscheduler(0)

def session():
    serve_without_interrupting_runs()
    in_a_thread(look, "worker")

def in_a_thread(work, *arguments):
    thread = threading.Thread(target=work, args=arguments)
    thread.start(), thread.join()

in_a_thread(session)
in_a_thread(look, "another session")
look("server")
print(*found.values())
"""


def test_a_server_waits_for_a_core():
    batch = getattr(os, "SCHED_BATCH", None)
    try:
        subprocess.run([sys.executable, "-c", f"import os; os.sched_setscheduler(0, {batch}, os.sched_param(0))"],
                       check=True, capture_output=True)  # fmt: skip
    except subprocess.CalledProcessError:
        pytest.skip("This system has no such kind of scheduling, or refuses it.")
    found = subprocess.run([sys.executable, "-c", WITNESS], capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(batch)] * 3
