"""The last weights of a run as one safetensors file, which needs no lab to be read; and a model from such a file."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vit_lab.config import RunConfig
from vit_lab.init.build import Model, unfilled
from vit_lab.runs.records import RunRecord
from vit_lab.runs.trained import trained_model
from vit_lab.settings import ConfigError, parse

HOW = """    from vit_lab.analysis.weights import read_weights

    model, config = read_weights({file!r})
    model(images)  # (B, C, S, S) -> (B, Y), as `config.model` says"""


class WeightsError(Exception):
    """A file holds no weights of a run of the lab; the message is one sentence for a person."""


def write_weights(run: RunRecord, file: Path) -> int:
    """Write the weights of a run's last step, by their names in the model; returns how many numbers they are.

    The metadata has the run's settings as JSON (`config`), its `run`, `name` and `step`. Raises CheckpointError if
    nothing is kept of the run, OSError.
    """
    model = trained_model(run)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    told = {"config": run.config.model_dump_json(), "run": run.id, "name": run.name, "step": str(run.step)}
    save_file(tensors, file, metadata=told)
    return sum(tensor.numel() for tensor in tensors.values())


def read_weights(file: Path | str) -> tuple[Model, RunConfig]:
    """The model of such a file, and the settings of its run. Raises WeightsError."""
    try:
        with safe_open(file, framework="pt") as content:
            config = parse((content.metadata() or {})["config"])
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        model = unfilled(config.model)
        model.load_state_dict(tensors)
    except (SafetensorError, OSError, KeyError, RuntimeError, ConfigError, json.JSONDecodeError) as error:
        raise WeightsError(f"{file} holds no weights of a run; write one with `export RUN --weights FILE`") from error
    return model, config
