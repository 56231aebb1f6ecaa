"""What the lesson on the TimeSformer looks into: clips of the test set, and models at their init or after a run."""

from typing import Any

from vit_lab.config import RunConfig
from vit_lab.model_config import TimesformerConfig
from vit_lab.models.scores import SpaceTime
from vit_lab.presets import preset
from vit_lab.runs.records import RunRecord
from vit_lab.settings import configure
from vit_lab.ui.learn.models import latest_run

CLIPS, ASKED = 24, 500  # test clips that one may choose from, and that both models are asked about


def clip_config(space_time: SpaceTime, **settings: Any) -> RunConfig:
    """The preset `moving-digits` with one kind of attention."""
    return configure(preset("moving-digits"), space_time=space_time, **settings)


def clips_of(config: RunConfig) -> RunConfig:
    """The config whose test clips are as long as those of another, and the same for every seed."""
    assert isinstance(config.model, TimesformerConfig)
    return clip_config("space", num_frames=config.model.num_frames)


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
