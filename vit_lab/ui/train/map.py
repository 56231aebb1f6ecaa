"""The map of starts on the Train page: how all models around an arm would start, two properties laid out."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vit_lab.analysis.arms import letter
from vit_lab.axes import AXES, axes_for
from vit_lab.config import RunConfig
from vit_lab.ui.maps.starts import SHOWN, draw_map

DEFAULT_AXES = ("qk", "vo-mlp")


def map_panel(configs: Sequence[RunConfig]) -> None:
    """A map around one of the arms, in a fold that is computed only when open."""
    fold = st.expander(
        "Map of starts: the models around an arm",
        key="map",
        on_change="rerun",
        icon=":material/grid_on:",
        bind="query-params",
    )
    if not fold.open:
        return
    with fold:
        names = [axis.name for axis in axes_for(configs[0])]
        columns = st.columns(4 if len(configs) > 1 else 3)
        across = _axis(columns[0], "Across", "map_across", names, DEFAULT_AXES[0])
        up = _axis(columns[1], "Up", "map_up", [name for name in names if name != across], DEFAULT_AXES[1])
        shade = columns[2].selectbox(
            "Coloured by", list(SHOWN), format_func=SHOWN.__getitem__, key="map_shade", bind="query-params"
        )
        letters = [letter(arm) for arm in range(len(configs))]
        around = letters[0]
        if len(configs) > 1:
            around = columns[3].selectbox("Around arm", letters, key="map_arm", bind="query-params")
        config = configs[letters.index(around)]
        draw_map(config, across, up, shade, "start-map", configs)


def _axis(column: DeltaGenerator, label: str, key: str, names: Sequence[str], default: str) -> str:
    index = names.index(default) if default in names else 0
    return column.selectbox(
        label, names, index=index, format_func=lambda name: AXES[name].words, key=key, bind="query-params"
    )
