"""A field for a number among a run's settings, with its limits and its sentence."""

from typing import Any

import streamlit as st

from vit_lab.settings import bounds, describe
from vit_lab.spelling import setting_words


def number_field(
    field: str, value: float | None, key: str, column: st.delta_generator.DeltaGenerator | None = None
) -> float | int | None:
    """What a person sets a setting to; `value` to begin with, and empty where that means all there is."""
    low, high = bounds(field)
    whole = not isinstance(value, float)
    kind: Any = int if whole else float
    ends: list[Any] = [
        None if abs(end) == float("inf") or (end == 0 and not whole) else kind(end) for end in (low, high)
    ]
    shown: Any = value
    found: float | int | None = (column or st).number_input(
        setting_words(field).capitalize(),
        min_value=ends[0],
        max_value=ends[1],
        value=shown,
        step=1 if whole else None,
        format=None if whole else "%g",
        placeholder="all",
        help=describe(field),
        key=key,
    )
    return found
