"""How cost grows: a step with depth, tokens and width; and pages with the number of stored runs."""

import math
import time
from typing import Any

import torch

from benchmarks.figures import Figure
from benchmarks.lab_of_its_own import lab
from benchmarks.limit import seconds_in_turn, step_of
from benchmarks.viewers import ROOT
from vit_lab.config import RunConfig
from vit_lab.events import Evaluated, Finished, Probed, Started, StepMeasured
from vit_lab.places import Place
from vit_lab.runs.designs import comparison
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure

QK = Place(group="qk")
DEPTHS, PATCHES, WIDTHS = (2, 4, 8, 16), (14, 7, 4, 2), (32, 64, 128, 256)
RUNS, POINTS, SEEDS = 1_000, 500, 25  # 20 experiments of 2 arms x 25 seeds


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
    """Runs that have said as much as long ones do. Returns the experiment stored last."""
    started = Started(
        step=0, total_steps=POINTS, parameters=1, train_images=1, validation_images=1_000, test_images=2_000
    )
    for number in range(RUNS // (2 * SEEDS)):
        plan = comparison(RunConfig(seed=SEEDS * number), ["linear-default", "xavier"], SEEDS)
        experiment = f"stored-{number}"
        for run, run_id in enumerate(store.add(plan.runs(experiment))):
            reached = 0.9 + 0.0005 * run
            events: list[Any] = [started]
            for step in range(1, POINTS + 1):
                events.append(
                    StepMeasured(step=step, loss=2.3 / step, accuracy=reached, learning_rate=0.004, gradient_norm=1.0)
                )
                if step % 25 == 0:
                    events.append(Evaluated(step=step, split="validation", loss=0.3, accuracy=reached))
                    events.append(Probed(step=step, rows=(("weight_std", QK, 0.1), ("weight_distance", QK, 0.5))))
            best = {"best_step": POINTS, "best_val_accuracy": reached, "best_test_accuracy": reached}
            events.append(Finished(step=POINTS, test_loss=0.2, test_accuracy=reached, **best))
            store.append(run_id, [(0.01 * event.step, event) for event in events], 5.0, 5_000.0)
            store.end(run_id, Status.FINISHED)
    return experiment


def page_seconds(page: str, experiment: str) -> list[float]:
    """Server time of opening a page several times, as AppTest runs it: the first is cold."""
    from streamlit.testing.v1 import AppTest

    took = []
    for _ in range(5):
        at = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=120)
        at.run()
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
        experiment = fill(manager.store)
        for page in ("compare", "runs"):
            took = page_seconds(page, experiment)
            details[f"{page}_seconds"] = took
            name, note = f"opening {page} with {RUNS:,} runs", f"slowest of four; the first, cold: {took[0]:.2f} s"
            figures.append(Figure(name, max(took[1:]), "s", 1.0, at_most=True, note=note))
    return figures, details
