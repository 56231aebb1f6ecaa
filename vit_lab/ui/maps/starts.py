"""A map of starts on a page: computed in a process of its own, kept, and drawn with what must be said of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vit_lab.analysis.arms import letter
from vit_lab.axes import Grid, axes_for
from vit_lab.config import OptimConfig, RunConfig
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.init.schemes import SCHEMES
from vit_lab.refusals import one_of
from vit_lab.runs.limits import data_bytes, map_images
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.ui.maps.dots import Dot, dots
from vit_lab.ui.prose import note
from vit_lab.ui.serving.apart import apart, memory
from vit_lab.ui.serving.caches import BY_CONFIG

if TYPE_CHECKING:
    from vit_lab.probes.gauge import Cell

SHOWN = {
    "entropy": "how widely attention looks",
    "signal": "how tokens grow",
    "similarity": "how alike tokens become",
}
UNMARKED = "no mark, healthy"
BORDER = """
    The white line is a prediction: from there on, right of it or above, scores of the first block leave the phase in
    which attention is nearly even. In a row their std passes √(2 ln N) there (Giorlandino & Goldt 2025, arXiv
    2505.24333). The theory is of many tokens, N → ∞. Measured here at 16, 49 and 196 tokens the change is gradual:
    entropy falls to 0.9 at about a third of that std, and to 0.5 at 1.1 to 1.5 times that std. Later blocks may differ.
"""
NO_BORDER = """
    Where scores of the first block leave the phase in which attention is nearly even (their std in a row passes
    √(2 ln N): Giorlandino & Goldt 2025, arXiv 2505.24333) lies on no part of this map.
"""
TOO_LARGE = "A map of such models would take too much of this machine; choose other axes or a smaller model."
TOO_MANY = "Just now there are too many processes to compute a map; in a moment there may be room."
ENOUGH_IMAGES = 16  # rather than to look at fewer, a map has fewer cells


class StartMap(NamedTuple):
    """The cells of a map, in the order of its places, and how many images were looked at."""

    grid: Grid
    cells: "Sequence[Cell]"
    images: int


class Choice(NamedTuple):
    """What a person has chosen to see."""

    across: str
    up: str
    shade: str


def choose(config: RunConfig, columns: Sequence[DeltaGenerator], key: str) -> Choice:
    """Two axes along which a config can be moved, and a colour; their widgets' keys, and their places in the address,
    begin with `key`.
    """
    names = [axis.name for axis in axes_for(config)]
    across = _axis(columns[0], "Across", f"{key}_across", names, "queries-keys")
    up = _axis(columns[1], "Up", f"{key}_up", [name for name in names if name != across], "values-mlp")
    shade = columns[2].selectbox("Coloured by", list(SHOWN), key=f"{key}_shade", bind="query-params")
    return Choice(across, up, shade)


def draw_map(config: RunConfig, choice: Choice, key: str, arms: Sequence[RunConfig] = ()) -> StartMap | None:
    """The map that a config lies on, with a dot for each arm that has a place there; None where there is no map.

    Raises DatasetError.
    """
    across, up, shade = choice
    try:
        found = start_map(grid := Grid.around(at_its_start(config), across, up))
    except CannotStartError:
        st.info(TOO_MANY)
        return None
    if found is None:
        st.info(TOO_LARGE)
        return None
    from vit_lab.ui.maps import charts  # with pandas it takes a second, and most maps are seldom open

    placed = dots(found.grid, [at_its_start(arm) for arm in arms])
    rows = charts.start_map_rows(found.grid, found.cells, placed)
    words = f"A map of starts by {SHOWN[shade]}: {grid.axes[0].words} across, {grid.axes[1].words} up"
    st.vega_lite_chart(rows, charts.start_map_spec(across, up, shade), key=key, alt=words)
    note(f"{_cell_words(found, charts.MARKS)} {_dot_words(placed, len(arms))}")
    if any(axis.moves_scores for axis in grid.axes):
        note(BORDER if charts.border(found.grid, found.cells) else NO_BORDER)
    return found


def _axis(column: DeltaGenerator, label: str, key: str, names: Sequence[str], default: str) -> str:
    index = names.index(default) if default in names else 0
    return column.selectbox(label, names, index=index, key=key, bind="query-params")


def _cell_words(found: StartMap, marks: Mapping[str, str]) -> str:
    seen = {cell.findings[0] for cell in found.cells if cell.findings}
    told = [f"{mark} {finding}" for finding, mark in marks.items() if finding in seen]
    fewer = "" if found.images == PROBE_IMAGES else f", here on the first {found.images} of its {PROBE_IMAGES} images"
    coarse = " Such models take long, so cells are few." if found.grid.is_coarse else ""
    seen_how = f"A cell is the model before its first step, as its preflight sees it{fewer}"
    return f"{seen_how}: {'; '.join([*told, UNMARKED])}.{coarse}"


def _dot_words(placed: Sequence[Dot], arms: int) -> str:
    beside = [letter(dot.arm) for dot in placed if not dot.on_it]
    missing = [letter(arm) for arm in range(arms) if arm not in {dot.arm for dot in placed}]
    told = [f"{one_of(beside, 'and')}, hollow: of another scheme, where its variance would lie."] if beside else []
    told += [f"Not on this map: {one_of(missing, 'and')}."] if missing else []
    return " ".join(told)


def at_its_start(config: RunConfig) -> RunConfig:
    """The config without what does not matter before the first step: how it is trained."""
    return config.model_copy(update={"optim": OptimConfig()})


def start_map(grid: Grid) -> StartMap | None:
    """The map of a grid, of fewer cells or fewer images where it would take long; None if even so it takes too much.

    Raises CannotStartError and DatasetError.
    """
    return _start_map(grid.base, grid.across, grid.up)


@st.cache_data(show_spinner="Looking at many models before the first step", max_entries=200, hash_funcs=BY_CONFIG)
def _start_map(base: RunConfig, across: str, up: str) -> StartMap | None:
    is_slow = SCHEMES[base.init.scheme].needs_data  # it is drawn anew for each cell, and tuned
    grids = [Grid(base, across, up, is_coarse) for is_coarse in ((True,) if is_slow else (False, True))]
    for grid in grids:
        images = map_images(grid.configs, memory())
        if images >= ENOUGH_IMAGES or (images and grid.is_coarse):
            with suppress(TooMuchError):
                cells = apart("vit_lab.training.first_look:first_looks", grid, images, beside=data_bytes(grid.base))
                return StartMap(grid, cells, images)
    return None
