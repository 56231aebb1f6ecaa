"""The model with which a run starts; a fork's is that of the first of its parents."""

from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.data.splits import load_run_data
from vit_lab.init.build import Model, build_model
from vit_lab.init.schemes import SCHEMES
from vit_lab.lineage import lineage
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.fork import scale


def drawn(config: RunConfig, data: RunData | None = None) -> Model:
    """The model as its init draws it, on the CPU. Data is read if the scheme looks at it and the run's is not given.

    Raises DatasetError.
    """
    *_, first = lineage(config)
    if not SCHEMES[first.init.scheme].needs_data:
        return build_model(first)
    own = data if data is not None and first is config else load_run_data(first)
    return build_model(first, own.probed(PROBE_IMAGES).inputs)


def model_at_start(config: RunConfig, data: RunData | None = None) -> Model:
    """The same as it is after step 0: with the weights that forks of step 0 multiply."""
    model = drawn(config, data)
    for one in reversed(lineage(config)):
        if one.fork and one.fork.step == 0:
            scale(model, one.fork)
    return model
