"""How cost grows: a step with depth, tokens and width; and pages with the number of stored runs."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from benchmarks.figures import Figure
from benchmarks.lab_of_its_own import lab
from benchmarks.limit import seconds_in_turn, step_of
from benchmarks.viewers import ROOT
from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.events import Evaluated, Event, Finished, Histograms, Probed, Started, StepMeasured
from vit_lab.runs.designs import comparison
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.training.trainer import train

DEPTHS, PATCHES, WIDTHS = (2, 4, 8, 16), (14, 7, 4, 2), (32, 64, 128, 256)
POINTS, EXPERIMENTS, PROBED_EVERY = 500, 2_000, 25
LARGEST = "stored-last"
SEEDS, FEW = 25, 5  # the last experiment has two arms of so many seeds; all others have so few runs
PAGES = ("compare", "runs", "weights", "inside")


def exponents(values: tuple[float, ...], seconds: list[float]) -> float:
    """The slope of log time over log size, by least squares: 1 is linear."""
    x, y = [math.log(v) for v in values], [math.log(s) for s in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    top = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return top / sum((a - mean_x) ** 2 for a in x)


def steps_in_turn(field: str, values: tuple[int, ...]) -> list[float]:
    """Median seconds of a step at each value."""
    base = configure(RunConfig(), batch_size=64)
    took = seconds_in_turn({str(v): step_of(configure(base, **{field: v})) for v in values}, repeats=9)
    return [took[str(v)] for v in values]


def fill(store: Store) -> str:
    """Fifty runs that have said as much as long ones do, in one experiment, which is returned."""
    plan, seen = comparison(RunConfig(), ["linear-default", "xavier"], SEEDS), _probed()
    for run_id in store.add(plan.runs(LARGEST)):
        _say(store, run_id, seen)
    return LARGEST


def multiply(store: Store) -> None:
    """Many experiments more: copies of a few runs in SQL, but for their probes; no two have the same settings."""
    few = [run.id for run in store.runs(experiment=LARGEST)[:FEW]]
    copy_events = """
        INSERT INTO events SELECT ?, kind, step, seconds, body FROM events
        WHERE run = ? AND kind NOT IN ('histograms', 'probed')
    """
    with store.transaction() as db:
        columns = [row["name"] for row in db.execute("PRAGMA table_info(runs)")]
        db.execute("UPDATE runs SET number = number + 1000000")
        for number in range(1, EXPERIMENTS):
            name = f"stored-{number}"
            db.execute("INSERT INTO experiments VALUES (?, 'compare', 0, '2026-01-01T00:00:00+00:00')", (name,))
            for place, of in enumerate(few):
                copied = FEW * number + place
                own = {
                    "id": f"'copy-{copied}'",
                    "number": str(copied),
                    "experiment": f"'{name}'",
                    "config": f"json_set(config, '$.seed', {copied})",
                }
                values = ", ".join(own.get(column, column) for column in columns)
                db.execute(f"INSERT INTO runs SELECT {values} FROM runs WHERE id = ?", (of,))
                db.execute(copy_events, (f"copy-{copied}", of))


def _say(store: Store, run_id: str, seen: Sequence[Event]) -> None:
    """All that a long run says: `seen` holds what a real one has said where it was probed."""
    reached = 0.9 + 0.0005 * store.run(run_id).number
    sizes = {"parameters": 1, "train_images": 1, "validation_images": 1_000, "test_images": 2_000}
    events: list[Event] = [Started(step=0, total_steps=POINTS, **sizes)]
    for step in range(1, POINTS + 1):
        measured = {"loss": 2.3 / step, "accuracy": reached, "learning_rate": 0.004, "gradient_norm": 1.0}
        events.append(StepMeasured(step=step, **measured))
        if step % PROBED_EVERY == 0:
            events.append(Evaluated(step=step, split="validation", loss=0.3, accuracy=reached))
            events += [replace(event, step=step) for event in seen]
    best = {"best_val_accuracy": reached, "best_test_accuracy": reached}
    events.append(Finished(step=POINTS, test_loss=0.2, test_accuracy=reached, best_step=POINTS, **best))
    store.append(run_id, [(0.01 * event.step, event) for event in events], 5.0, 5_000.0)
    store.end(run_id, Status.FINISHED)


def _probed() -> Sequence[Event]:
    """What the probes of a run of the default settings say after its first step."""
    config = configure(RunConfig(), steps=1)
    return [event for event in train(config, load_run_data(config)) if isinstance(event, Probed | Histograms)][-2:]


def page_seconds(page: str, experiment: str) -> list[float]:
    """Server time of opening a page several times, as AppTest runs it: the first reads all that others have ready."""
    from streamlit.testing.v1 import AppTest

    took = []
    for _ in range(5):
        at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=120)
        at.query_params["experiment"] = experiment
        at.switch_page(f"pages/{page}.py")
        started = time.perf_counter()
        at.run()
        took.append(time.perf_counter() - started)
        assert not at.exception, at.exception[0].message
    return took


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """All figures, on one thread."""
    torch.set_num_threads(1)
    depth, patches, width = (
        steps_in_turn(f, v) for f, v in (("depth", DEPTHS), ("patch_size", PATCHES), ("dim", WIDTHS))
    )
    tokens = tuple((28 // patch) ** 2 for patch in PATCHES)
    details: dict[str, Any] = {
        "step_ms_by_depth": {d: round(1e3 * s, 2) for d, s in zip(DEPTHS, depth, strict=True)},
        "step_ms_by_tokens": {n: round(1e3 * s, 2) for n, s in zip(tokens, patches, strict=True)},
        "step_ms_by_width": {w: round(1e3 * s, 2) for w, s in zip(WIDTHS, width, strict=True)},
    }
    figures = [
        Figure("time per step ~ depth^x", exponents(DEPTHS, depth), "", 1.05, at_most=True, note=f"depth {DEPTHS}"),
        Figure(
            "time per step ~ tokens^x", exponents(tokens, patches), "", note=f"{tokens}: between 1, and 2 for attention"
        ),
        Figure(
            "time per step ~ width^x", exponents(WIDTHS, width), "", note=f"{WIDTHS}: between 1, and 2 for the products"
        ),
    ]
    with lab(workers=1) as manager:
        store = manager.store
        experiment = fill(store)
        sizes = [_kilobytes(store)]
        multiply(store)
        runs = store.listing.runs(1).count
        for page in PAGES:
            page_seconds(page, "stored-1")  # imports what the page needs, once a server
            took = page_seconds(page, experiment)
            details[f"{page}_seconds"] = took
            name, note = (
                f"opening {page} with {runs:,} runs",
                f"slowest of five, median {statistics.median(took):.2f} s",
            )
            figures.append(Figure(name, max(took), "s", 1.0, at_most=True, note=note))
    with lab(workers=1) as manager:
        fill(manager.store)
        manager.store.tables.pack_events()
        sizes.append(_kilobytes(manager.store))
    note = f"{POINTS} points and {POINTS // PROBED_EVERY} probes with histograms"
    names = "a stored run", "the same, packed by tidy"
    figures += [Figure(name, size, "kB", note=note) for name, size in zip(names, sizes, strict=True)]
    return figures, details


def _kilobytes(store: Store) -> float:
    """Of the database, a run."""
    store.tables.shrink()
    return paths.database().stat().st_size / 1e3 / store.listing.runs(1).count
