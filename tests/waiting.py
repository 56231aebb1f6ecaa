"""Waiting for what other threads and processes do."""

import time

from vit_lab.runs.states import ACTIVE


def wait_for(condition, seconds=60.0):
    """What the condition returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


def ended(store, run_id):
    """The run, once nobody is at work on it."""
    return wait_for(lambda: (run := store.run(run_id)).status not in ACTIVE and run)
