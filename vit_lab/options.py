"""Every setting of a run as a command-line option, made from the config so that there is no second list."""

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer

from vit_lab.datasets import DECIDED
from vit_lab.settings import PART_OF, choices, describe, models_of

SHORTER = {"scheme": "init"}  # settings whose option has another name
FIELDS = [field for field in PART_OF if field not in ("kind", *DECIDED)]  # those follow from preset and data set


def option_name(field: str) -> str:
    """The name of a setting's option, without dashes in front: 'patch-size'."""
    return SHORTER.get(field, field.replace("_", "-"))


def settings_as_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for every setting of a run; it receives those that were given, as `settings`."""

    def with_settings(**given: Any) -> None:
        settings = {field: given.pop(field) for field in FIELDS}
        command(**given, settings={field: value for field, value in settings.items() if value is not None})

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]
    options = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(field))
        for field in FIELDS
    ]
    with_settings.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    with_settings.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
    with_settings.__doc__, with_settings.__name__ = command.__doc__, command.__name__
    return with_settings


def _option(field: str) -> Any:
    """The annotation that makes Typer offer a setting as an option. Limits are checked once, by the config."""
    kind: Any = models_of(field)[0].model_fields[field].annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    words = f" One of: {', '.join(choices(field))}." if choices(field) else ""
    name = option_name(field)
    flag = f"--{name}/--no-{name}" if kind is bool else f"--{name}"
    return Annotated[
        (str if words else kind) | None, typer.Option(flag, help=describe(field) + words, show_default=False)
    ]
