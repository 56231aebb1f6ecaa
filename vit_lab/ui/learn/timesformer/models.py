"""What the lesson on the TimeSformer looks into: clips of the test set, and models at their init or after a run."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.model_config import TimesformerConfig
from vit_lab.models.scores import SpaceTime
from vit_lab.presets import preset
from vit_lab.runs.records import RunRecord
from vit_lab.settings import configure
from vit_lab.ui.learn.models import latest_run, model_of

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.models.timesformer import TimeSformer

CLIPS, ASKED = 24, 500  # test clips that one may choose from, and that both models are asked about


def clip_config(space_time: SpaceTime, **settings: Any) -> RunConfig:
    """The preset `moving-digits` with one kind of attention."""
    return configure(preset("moving-digits"), space_time=space_time, **settings)


def latest_clip_run(way: SpaceTime, frames: int | None = None, patch_size: int | None = None) -> RunRecord | None:
    """The newest run that was trained to tell directions; with the preset's frames where none are asked for."""
    c = preset("moving-digits").model
    assert isinstance(c, TimesformerConfig)

    def suits(config: RunConfig) -> bool:
        m = config.model
        if not isinstance(m, TimesformerConfig) or (m.space_time, m.num_frames) != (way, frames or c.num_frames):
            return False
        data = config.data
        return data.dataset == "moving-direction" and data.normalise and patch_size in (None, m.patch_size)

    return latest_run(suits)


def timesformer(config: RunConfig, run_id: str | None = None) -> "TimeSformer":
    """`vit_lab.ui.learn.models.model_of` a config that is known to be of a TimeSformer."""
    from vit_lab.models.timesformer import TimeSformer

    model = model_of(config, run_id)
    assert isinstance(model, TimeSformer)
    return model


@st.cache_resource(show_spinner="Filming digits", max_entries=6)
def held_out_clips(frames: int) -> "tuple[Tensor, Tensor]":
    """The first ASKED test clips, (n, T, 1, S, S), and their directions, (n,), the same for every seed."""
    from vit_lab.data.splits import load_run_data

    test = load_run_data(clip_config("space", num_frames=frames)).test
    return test.inputs[:ASKED].clone(), test.labels[:ASKED].clone()
