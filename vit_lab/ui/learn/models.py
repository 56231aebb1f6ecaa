"""The models that lessons look into: built at their init, or read back from a run. Loaded once, and only ever read."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from vit_lab.config import VitConfig, parse
from vit_lab.runs.records import RunRecord, arm_label
from vit_lab.ui.lab import open_store

if TYPE_CHECKING:
    from torch import Tensor

    from vit_lab.models.vit import VisionTransformer


def latest_run(suits: Callable[[VitConfig], bool]) -> RunRecord | None:
    """The ViT run that finished last among those whose model suits."""
    from vit_lab.runs.trained import latest_trained  # brings torch

    return latest_trained(open_store(), lambda config: isinstance(config.model, VitConfig) and suits(config.model))


def vit(config_json: str, run_id: str | None = None) -> "VisionTransformer":
    """The model of a config at its init; or, of a run, as it was trained. A run that cannot be read ends the page."""
    from vit_lab.training.checkpoint import CheckpointError  # brings torch

    try:
        return _vit(config_json, run_id)
    except CheckpointError as error:
        st.error(str(error))
        st.stop()


@st.cache_resource(show_spinner="Building the model", max_entries=16)
def _vit(config_json: str, run_id: str | None) -> "VisionTransformer":
    import torch

    from vit_lab.init import build_model
    from vit_lab.models.vit import VisionTransformer
    from vit_lab.runs.trained import trained_model

    torch.set_num_threads(1)  # for this thread; the cores belong to the runs
    model = build_model(parse(config_json)) if run_id is None else trained_model(open_store().run(run_id))
    assert isinstance(model, VisionTransformer)
    return model.requires_grad_(False)


def as_input(pixels: bytes, config_json: str) -> "Tensor":
    """A digit of 784 grey levels as the model of a config reads it, (1, 1, 28, 28)."""
    import torch

    from vit_lab.data.images import scaled
    from vit_lab.data.sources import SOURCES

    data = parse(config_json).data
    image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(1, 28, 28)
    return scaled(image, SOURCES[data.dataset], data.normalise)  # type: ignore[index]


def run_words(run: RunRecord) -> str:
    """Which run it is, in words that nobody has typed."""
    accuracy = "" if run.test_accuracy is None else f", {run.test_accuracy:.1%} on the test images"
    return f"run {run.number} (`{arm_label(run.config)}`, {run.config.data.dataset}, seed {run.config.seed}{accuracy})"
