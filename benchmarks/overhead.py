"""What measuring, keeping and watching a run costs: one in the dashboard's server with a viewer, against its bare step.

The bare step loop is a process of its own (see `benchmarks.contenders`, lab-bare); it and the server take turns of a
second, and whoever does not have the turn stands still, with its worker. The viewer watches at 1 Hz throughout.
"""

import asyncio
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed

from benchmarks.contenders import config
from benchmarks.figures import Figure
from benchmarks.in_turn import Contender, contenders, rounds
from benchmarks.processes import Family
from benchmarks.viewers import Viewer, dashboard
from vit_lab.data.splits import load_run_data
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store
from vit_lab.training.evaluate import evaluate
from vit_lab.training.trainer import EVALUATIONS, train
from vit_lab.ui.train.widgets import train_link

SIZE, MOST_ROUNDS, PAGE_SECONDS = "classroom", 120, 60
QUIET = range(66, 106)  # steps among which nothing is evaluated or probed


def evaluation_share() -> float:
    """Time of all evaluations on the validation images over that of all steps, in a run of this length."""
    run = config(SIZE)
    data = load_run_data(run)
    training = train(run, data)
    moments = {}
    for event in training:
        if event.kind == "stepped" and event.step in (QUIET.start, QUIET.stop):
            moments[event.step] = time.perf_counter()
        if event.step > QUIET.stop:
            break
    a_step = (moments[QUIET.stop] - moments[QUIET.start]) / len(QUIET)
    started = time.perf_counter()
    evaluate(training.model, data.validation)
    return (EVALUATIONS + 1) * (time.perf_counter() - started) / (training.total_steps * a_step)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """One arm of the classroom model, five epochs of MNIST, or of the bundled digits where MNIST is not."""
    with tempfile.TemporaryDirectory() as home, dashboard(home) as server, contenders(["lab-bare"], SIZE) as [bare]:
        viewer = Viewer(server.port, urlencode(train_link([config(SIZE)])))

        def watch() -> None:
            with suppress(ConnectionClosed):  # the server ends before its viewer
                asyncio.run(viewer.watch(time.monotonic() + 600, press="Train"))

        threading.Thread(target=watch, daemon=True).start()
        store = Store(Path(home) / "runs.sqlite3")
        deadline = time.monotonic() + PAGE_SECONDS
        while not (runs := store.runs()) or runs[0].step < 20:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the run did not start within {PAGE_SECONDS} s")
            time.sleep(0.1)

        def count() -> int:
            run = store.run(runs[0].id)
            return run.step if run.status in ACTIVE else -1

        lab = Contender("lab", Family(server.process), count)
        for _ in range(MOST_ROUNDS):
            rounds([lab, bare], 1)
            if count() < 0:
                break
        store.close()
    if viewer.problems:
        raise RuntimeError(f"the viewer was shown an error: {viewer.problems[0]}")
    lab_speed = sum(lab.turns[:-1]) / len(lab.turns[:-1])  # the last turn holds the test and the end
    overhead = bare.steps_per_second / lab_speed - 1
    evaluations = evaluation_share()
    note = f"{len(lab.turns)} turns of a second each, {len(viewer.ticks)} ticks of the viewer"
    return [
        Figure("all measuring and watching, of the bare step", overhead, "", note=note),
        Figure("of which evaluations on validation images", evaluations, "", note=f"{EVALUATIONS + 1} of them"),
        Figure("metrics, probes, store and one viewer", overhead - evaluations, "", 0.05, at_most=True),
    ], {"bare_steps_per_second": bare.steps_per_second, "lab_steps_per_second": lab_speed}
