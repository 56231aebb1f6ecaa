"""A stored run, as screens and scripts see it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from vit_lab.config import RunConfig
from vit_lab.runs.states import Status
from vit_lab.settings import ConfigError, parse

Kind = Literal["compare", "sweep", "claim"]


@dataclass(frozen=True)
class NewRun:
    """A run to be queued. Runs that are launched to be compared share `experiment`.

    `arm` and `condition` are its places in the experiment's arms and conditions, from 0.
    """

    config: RunConfig
    name: str
    experiment: str
    arm: int = 0
    condition: int = 0
    pilot: bool = False
    status: Status = Status.QUEUED


@dataclass(frozen=True)
class ExperimentRecord:
    """One row of the table of experiments."""

    id: str
    kind: Kind
    extended: int
    created_at: str


@dataclass(frozen=True)
class RunRecord:
    """One row of the table of runs; the fields are the columns (see `vit_lab.runs.migrations`)."""

    id: str
    number: int
    experiment: str
    arm: int
    name: str
    tags: str
    config_json: str
    status: str
    process: str
    request: str | None
    error: str | None
    created_at: str
    wall_seconds: float
    images_per_second: float | None
    step: int
    total_steps: int | None
    train_loss: float | None
    val_accuracy: float | None
    test_accuracy: float | None
    sparkline: str
    condition: int
    pilot: int
    best_test_accuracy: float | None
    owner: str = ""
    turn: int = 0
    worker: str = ""

    @cached_property
    def config(self) -> RunConfig:
        """The run's settings. Raises ConfigError if the stored text is not valid any more."""
        return _parsed(self.config_json)


@lru_cache(maxsize=2048)
def _parsed(config_json: str) -> RunConfig:
    """Screens ask for the same few configs again and again."""
    return parse(config_json)


def unreadable(run: RunRecord) -> str | None:
    """Why the run's stored settings are not valid here, as another version of the lab may have left them."""
    try:
        run.config  # noqa: B018
    except ConfigError as error:
        return str(error)
    return None


def arm_label(config: RunConfig) -> str:
    """An init in few words: 'xavier', 'normal x0.01', 'vit x4 (qk x2)', 'linear-default (biases too)'."""
    init = config.init
    groups = [f"{group} x{getattr(init, f'{group}_scale'):g}" for group in ("embed", "qk", "vo", "mlp", "head")
              if getattr(init, f"{group}_scale") != 1]  # fmt: skip
    groups += ["biases too"] * (init.biases == "scheme")
    scale = f" x{init.variance_scale:g}" if init.variance_scale != 1 else ""
    return f"{init.scheme}{scale}" + (f" ({', '.join(groups)})" if groups else "")


def run_name(config: RunConfig) -> str:
    """What a run is called until a person names it."""
    return f"{arm_label(config)}, seed {config.seed}"
