"""What probing costs: a run with probes against the same run without, step by step in turn, on one thread."""

import statistics
import time
from typing import Any

import torch

from benchmarks.figures import Figure
from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.data.splits import load_run_data
from vit_lab.events import Stepped
from vit_lab.probes.preflight import preflight
from vit_lab.settings import configure
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.trainer import Training

GOAL_SHARE = 0.05  # of a run's wall time
GOAL_PREFLIGHT_MS = 300.0  # for a change of a slider, both arms
REPEATS = 5


class Unprobed(Training):
    """The same run, never probed."""

    def _probe_due(self) -> bool:
        return False


def share_of_probes(config: RunConfig, data: RunData) -> float:
    """1 - T(without) / T(with) of one whole run, the two advanced in turn, a step at a time."""
    runs = {kind: kind(config, data, "cpu", None) for kind in (Training, Unprobed)}
    seconds = dict.fromkeys(runs, 0.0)
    under_way = set(runs)
    flip = False
    while under_way:
        flip = not flip
        for kind in list(runs)[:: 1 if flip else -1]:  # neither always goes first
            if kind not in under_way:
                continue
            started = time.perf_counter()
            for event in runs[kind]:
                if isinstance(event, Stepped):
                    break
            else:
                under_way.discard(kind)
            seconds[kind] += time.perf_counter() - started
    return 1 - seconds[Unprobed] / seconds[Training]


def preflight_milliseconds(data: RunData) -> float:
    """Time of one slider move: both arms of the default pair built and looked at anew."""
    batch = data.probed(PROBE_IMAGES)
    started = time.perf_counter()
    for scheme in ("linear-default", "xavier"):
        preflight(configure(scheme=scheme), batch)
    return 1e3 * (time.perf_counter() - started)


def measure() -> tuple[list[Figure], dict[str, Any]]:
    """All figures of this benchmark, each the median of several."""
    torch.set_num_threads(1)
    data = load_run_data(configure())
    preflight_milliseconds(data)  # warm up
    shares = [share_of_probes(configure(), data) for _ in range(REPEATS)]
    waits = [preflight_milliseconds(data) for _ in range(21)]
    share, wait = statistics.median(shares), statistics.median(waits)
    of_shares = f"median of {REPEATS} runs; {min(shares):.3f} to {max(shares):.3f}"
    of_waits = f"median of 21; slowest {max(waits):.0f} ms"
    figures = [
        Figure("share of a run's time that probes take", share, "", GOAL_SHARE, at_most=True, note=of_shares),
        Figure("preflight of both arms", wait, "ms", GOAL_PREFLIGHT_MS, at_most=True, note=of_waits),
    ]
    return figures, {"shares": shares}
