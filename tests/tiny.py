"""The smallest runs that are still runs: a few milliseconds a step."""

from dataclasses import fields
from typing import Any

from vit_lab.config import RunConfig
from vit_lab.data.splits import RunData, Split, load_run_data
from vit_lab.runs.records import NewRun, RunRecord, run_name
from vit_lab.runs.states import Status
from vit_lab.settings import configure

SMALL = {"dim": 8, "depth": 2, "heads": 2, "batch_size": 16, "steps": 10}
OF_PATCHES = {"patch_size": 14, "train_size": 50} | SMALL
TINY = {"validation_size": 100} | OF_PATCHES
WARM = {"warmup_steps": 3}


def tiny(**settings: Any) -> RunConfig:
    """A config of a tiny run, with some settings of its own."""
    return configure(**TINY | WARM | settings)


def tiny_clips(**settings: Any) -> RunConfig:
    """The same of a TimeSformer."""
    own = {"kind": "timesformer", "dataset": "moving-direction", "num_frames": 3}
    return configure(**OF_PATCHES | WARM | own | settings)


def tiny_sequences(**settings: Any) -> RunConfig:
    """The same of an encoder-decoder Transformer."""
    own = {"kind": "transformer", "dataset": "copy", "vocabulary": 5, "sequence_length": 4}
    return configure(**SMALL | WARM | own | settings)


def tiny_data(config: RunConfig) -> RunData:
    """The data of a run, with only a few images to evaluate on."""
    return barely_evaluated(load_run_data(config))


def barely_evaluated(data: RunData) -> RunData:
    """The same training examples, and only the first few of the others."""
    few = [Split(split.inputs[:40], split.labels[:40]) for split in (data.validation, data.test)]
    return RunData(data.train, *few)


def pair(configs: list[RunConfig], experiment: str) -> list[NewRun]:
    """One run for each config, as the arms of one experiment."""
    return [NewRun(config, run_name(config), experiment, arm) for arm, config in enumerate(configs)]


def record(config: RunConfig, status: Status = Status.FINISHED, **columns: Any) -> RunRecord:
    """A stored run that never went through a store."""
    known: dict[str, Any] = dict.fromkeys(field.name for field in fields(RunRecord))
    known |= {"id": f"run of seed {config.seed}", "name": run_name(config), "config_json": config.model_dump_json()}
    known |= {"number": 1, "experiment": "e", "arm": 0, "condition": 0, "pilot": 0, "step": 10, "total_steps": 10}
    known |= {"wall_seconds": 1.0, "images_per_second": 1.0, "train_loss": 1.0, "sparkline": "[]"}
    known |= {"status": status, "tags": "", "process": "", "created_at": ""}
    return RunRecord(**known | columns)
