"""A first look at a run: its own data, its model at step 0, and every probe. Nothing is trained."""

import torch

from vit_lab.axes import Grid
from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.probes.gauge import Cell, Preflight
from vit_lab.probes.preflight import preflight
from vit_lab.probes.starts import starts


def first_look(config: RunConfig, images: int) -> Preflight:
    """Look at the first images that the run's own probes look at, with one intra-op thread. Raises DatasetError."""
    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    return preflight(config, load_run_data(config).probed(images))


def first_looks(grid: Grid, images: int) -> list[Cell]:
    """The same of all cells of a map, as far as cells show it, in the order of its places. Raises DatasetError."""
    torch.set_num_threads(1)
    return starts(grid.configs, load_run_data(grid.base).probed(images))
