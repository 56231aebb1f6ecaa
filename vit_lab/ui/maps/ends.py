"""A map of ends on a page: what the stored runs came to, where their starts lie."""

from collections.abc import Mapping

import streamlit as st

from vit_lab.analysis.ends import End
from vit_lab.axes import Grid
from vit_lab.ui.maps.contour import Point
from vit_lab.ui.prose import note


def draw_ends(grid: Grid, found: Mapping[Point, End], key: str) -> None:
    """The runs that lie on the cells of a map, as far as there are any."""
    from vit_lab.ui.maps import charts

    words = f"A map of ends: test accuracy of runs, {grid.axes[0].words} across, {grid.axes[1].words} up"
    spec = charts.end_map_spec(grid.across, grid.up)
    st.vega_lite_chart(charts.end_map_rows(grid, found), spec, key=key, alt=words)
    runs = sum(end.runs for end in found.values())
    note(f"""
        What became of them: {runs} stored run{"s" * (runs > 1)} on {len(found)} of {len(grid.places)} cells, which
        differ in nothing else but their seeds. Mean test accuracy, a diverged run counted as guessing; ∅ some diverged;
        ○ some ended below twice the accuracy of guessing. Grey cells have no run.
    """)
