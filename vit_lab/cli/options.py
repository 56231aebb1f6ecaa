"""The options of commands: those they share, and one for every setting of a run, made from the config."""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer

from vit_lab.datasets import DECIDED
from vit_lab.presets import PRESETS
from vit_lab.refusals import one_of
from vit_lab.runs.executors import choice
from vit_lab.runs.executors.choice import EXECUTORS
from vit_lab.settings import PART_OF, choices, describe, flat, models_of
from vit_lab.spelling import option_name, setting_spec
from vit_lab.training import device

FIELDS = [field for field in PART_OF if field not in ("kind", *DECIDED)]  # those follow from preset and data set

TELLS, WHERE, PANELS = (
    "What it tells and writes",
    "Where it trains",
    {  # of an option, as help groups them
        "model": "Model",
        "data": "Data",
        "init": "Init",
        "optim": "Training",
        "": "Training",
    },
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=TELLS)]
PresetName = Annotated[str, typer.Option("--preset", help=f"Where to start: {', '.join(PRESETS)}.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the data set if it is not here.")]
Seeds = Annotated[int, typer.Option(help="Seeds a setting, from --seed on. From 6 on, a result counts as evidence.")]
FairRate = Annotated[bool, typer.Option("--fair-rate", help="Let each arm first pick its learning rate on validation.")]
Vary = Annotated[
    list[str] | None,
    typer.Option(help="A setting and its values, as depth=2,8: all runs under each; several make a grid."),
]
CsvFile = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        help="Write every measured number to this file, and the runs to another, a-runs.csv beside a.csv.",
        rich_help_panel=TELLS,
    ),
]
ParquetFolder = Annotated[
    Path | None,
    typer.Option("--parquet", help="Write the same tables to this folder, as Parquet.", rich_help_panel=TELLS),
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", help="Write a report that opens without a network.", rich_help_panel=TELLS)
]
CodeFile = Annotated[
    Path | None,
    typer.Option(
        "--code",
        help="Write one run as a script of torch and numpy, which trains it again to the bit.",
        rich_help_panel=TELLS,
    ),
]
TensorboardFolder = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        help="Write event files to this folder, which TensorBoard and others read.",
        rich_help_panel=TELLS,
    ),
]
WeightsFile = Annotated[
    Path | None,
    typer.Option("--weights", help="Write one run's last weights to this file, as safetensors.", rich_help_panel=TELLS),
]
BundleFile = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        help="Write whole experiments to this file, with all that is kept; see `import`.",
        rich_help_panel=TELLS,
    ),
]

Executor = Annotated[
    str | None,
    typer.Option(
        "--executor", help=f"What trains: {one_of(list(EXECUTORS))}. (default: processes)", rich_help_panel=WHERE
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", help=f"What it trains on: {one_of(list(device.DEVICES))}. (default: cpu)", rich_help_panel=WHERE
    ),
]
# Where runs train: an option, its environment variable, and how it is offered.
PLACES = {"executor": (choice.VARIABLE, Executor), "device": (device.VARIABLE, Device)}


def settings_as_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for every setting of a run; it receives those that were given, as `settings`.

    And --executor and --device, which are no settings: they stand in the environment, where whoever trains looks.
    """

    def with_settings(**given: Any) -> None:
        places = {variable: given.pop(option) for option, (variable, _) in PLACES.items()}
        settings = {field: given.pop(field) for field in FIELDS}
        with _environment(places):
            command(**given, settings={field: value for field, value in settings.items() if value is not None})

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
    options = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(field))
        for field in FIELDS
    ]
    options += [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for option, (_, annotation) in PLACES.items()
    ]
    with_settings.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    with_settings.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    with_settings.__doc__, with_settings.__name__ = command.__doc__, command.__name__
    return with_settings


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Environment variables, those that are given, for as long as a command takes."""
    before = {variable: os.environ.get(variable) for variable in variables}
    os.environ.update({variable: value for variable, value in variables.items() if value is not None})
    try:
        yield
    finally:
        for variable, value in before.items():
            os.environ.pop(variable, None) if value is None else os.environ.update({variable: value})


def _option(field: str) -> Any:
    """The annotation that makes Typer offer a setting as an option. Limits are checked once, by the config."""
    kind: Any = models_of(field)[0].model_fields[field].annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    words = f" One of: {', '.join(choices(field))}." if choices(field) else ""
    name = option_name(field)
    flag = f"--{name}/--no-{name}" if kind is bool else f"--{name}"
    words += f" (classroom: {_default(field)})"
    panel = PANELS[PART_OF[field]]
    return Annotated[
        (str if choices(field) else kind) | None,
        typer.Option(flag, help=describe(field) + words, show_default=False, rich_help_panel=panel),
    ]


def _default(field: str) -> str:
    """What a setting is in the classroom preset; one that it has not, in the first preset of a model that has it."""
    configs = (flat(preset.config) for preset in PRESETS.values())
    found = next((config[field] for config in configs if field in config), None)
    return setting_spec(field, found).partition("=")[2]
