"""The settings of a run, flat: what the form, the address, the command line and the store read and write.

Field names are unique across the parts of a RunConfig, so `configure(patch_size=4, learning_rate=3e-3)` needs no
nesting. What cannot be is refused with a ConfigError: the field, the value and what would be valid, in one sentence.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from vit_lab.config import NEEDS, STANDARD_RATES, DataConfig, InitConfig, OptimConfig, RunConfig
from vit_lab.datasets import DATASETS, DECIDED, MEANT
from vit_lab.model_config import KINDS
from vit_lab.refusals import bounds_of, divisors, near_miss, one_of

PARTS: dict[str, tuple[type[BaseModel], ...]] = {
    "data": (DataConfig,),
    "model": tuple(KINDS.values()),
    "init": (InitConfig,),
    "optim": (OptimConfig,),
}

PART_OF: dict[str, str] = {
    field: part for part, models in PARTS.items() for model in models for field in model.model_fields
} | {"seed": ""}


class ConfigError(ValueError):
    """A setting that cannot be used. `field` is its flat name; the message is one sentence for a person."""

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str]]:
        return ConfigError, (self.field, self.message)  # from one process to another


def configure(base: RunConfig | None = None, /, **settings: Any) -> RunConfig:
    """`base` (by default RunConfig()) with flat settings put in their places.

    Giving `steps` without `epochs` means that many steps, also where the base counts in epochs. Another `kind` of model
    keeps what both kinds have, and another `dataset` brings the sizes it asks for: where the patches so far do not fit
    its images, those that come nearest to as many. Another `optimiser` brings its standard learning rate, a `scheme`
    what it needs of the model, and another `seed` of a fork is that of its parents, too. A residual factor that is the
    standard one follows scheme, norm and depth: that of DeepNorm for deepnorm with the norm after the sum, otherwise 1.
    What the settings say themselves wins.
    Raises ConfigError, which names the field, the value and what would be valid.
    """
    nested: dict[str, Any] = (base or RunConfig()).model_dump()
    if settings.get("steps") is not None:
        settings.setdefault("epochs", None)
    if isinstance(kind := settings.get("kind"), str) and kind in KINDS:
        nested["model"] = {
            field: value for field, value in nested["model"].items() if field in KINDS[kind].model_fields
        }
    if isinstance(dataset := settings.get("dataset"), str) and dataset in DATASETS:
        wanted = KINDS[kind if kind in KINDS else nested["model"]["kind"]].model_fields
        asked = {field: size for field, size in DATASETS[dataset].asks.items() if field in wanted}
        nested["model"] |= asked | _patches_for(asked, nested["model"], wanted)
    optimiser = settings.get("optimiser")
    if isinstance(optimiser, str) and optimiser != nested["optim"]["optimiser"] and optimiser in STANDARD_RATES:
        nested["optim"]["learning_rate"] = STANDARD_RATES[optimiser]
    needed = next((asked for scheme, asked in NEEDS.items() if scheme == settings.get("scheme")), {})
    nested["model"] |= {field: value for field, value in needed.items() if field in nested["model"]}
    standard = _residual_factor(nested)
    for field, value in settings.items():
        if field not in PART_OF:
            raise ConfigError(field, f"there is no such setting; the settings are {one_of(sorted(PART_OF), 'and')}")
        (nested[PART_OF[field]] if PART_OF[field] else nested)[field] = value
    if "residual_factor" not in settings and nested["model"].get("residual_factor") == standard:
        nested["model"]["residual_factor"] = _residual_factor(nested)
    if "seed" in settings:
        _of_seed(nested["fork"], settings["seed"])
    return parse(nested)


def parse(nested: Mapping[str, Any] | str) -> RunConfig:
    """A RunConfig from nested plain data or its JSON text. Raises ConfigError."""
    try:
        return RunConfig.model_validate_json(nested) if isinstance(nested, str) else RunConfig.model_validate(nested)
    except ValidationError as error:
        raise _explained(error) from None


def flat(config: RunConfig) -> dict[str, Any]:
    """Every setting that the run's kind of model has, under its flat name: the inverse of `configure`."""
    nested = config.model_dump()
    places = {field: nested[part] if part else nested for field, part in PART_OF.items()}
    return {field: place[field] for field, place in places.items() if field in place}


def compared(config: RunConfig) -> dict[str, Any]:
    """All in which a run may be unlike another: its settings, and under "fork" what it goes on from, or None."""
    return flat(config) | {"fork": config.fork}


@cache
def settings_of(kind: str) -> tuple[str, ...]:
    """The settings that a person may choose for a kind of model, its init left out.

    The others follow from the data set, or can be one thing only.
    """
    model = KINDS[kind]
    had = {"data": MEANT[model.reads], "model": [field for field in model.model_fields if field not in DECIDED]}
    return tuple(
        field
        for field, part in PART_OF.items()
        if part != "init" and field in had.get(part, PART_OF) and len(choices(field)) != 1
    )


def difference(*configs: RunConfig) -> dict[str, tuple[Any, ...]]:
    """What `compared` finds not alike in all configs, each with one value a config; None where there is none."""
    rows, fields = [compared(config) for config in configs], [*PART_OF, "fork"]
    return {field: values for field in fields if len(set(values := tuple(row.get(field) for row in rows))) > 1}


def describe(field: str) -> str:
    """The sentence that says what a setting is."""
    return models_of(field)[0].model_fields[field].description or ""


def choices(field: str) -> tuple[Any, ...]:
    """The words a setting may be; empty if it is a number or a yes or no."""
    if field == "dataset":
        return tuple(DATASETS)
    kinds = [model.model_fields[field].annotation for model in models_of(field)]
    return tuple(dict.fromkeys(word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)))


def may_be_empty(field: str) -> bool:
    """Whether a setting can be left empty, which its description explains."""
    return any(type(None) in get_args(model.model_fields[field].annotation) for model in models_of(field))


def bounds(field: str) -> tuple[float, float]:
    """Smallest and largest value of a numeric setting; open ends are infinite."""
    return bounds_of(models_of(field)[0], field)


def models_of(field: str) -> list[type[BaseModel]]:
    """The pydantic models that have a setting; where they are several, it has the same meaning in each."""
    return [model for model in PARTS.get(PART_OF[field], (RunConfig,)) if field in model.model_fields]


def _of_seed(fork: dict[str, Any] | None, seed: Any) -> None:
    """Another seed of a fork goes on from another run, the parent of that seed, which nobody need have trained."""
    while fork:
        if fork["parent"]["seed"] != seed:
            fork["run"], fork["parent"]["seed"] = "", seed
        fork = fork["parent"]["fork"]


def _residual_factor(nested: Mapping[str, Any]) -> float:
    """The standard one: for deepnorm with the norm after the sum (2 L)^1/4 (Wang et al. 2022, Fig. 2), else 1."""
    model = nested["model"]
    if nested["init"]["scheme"] != "deepnorm" or model["norm"] != "post" or model["kind"] == "transformer":
        return 1.0
    try:
        return float(f"{(2 * float(model['depth'])) ** 0.25:.6g}")
    except (TypeError, ValueError):  # a depth that cannot be, which the config refuses
        return 1.0


def _patches_for(asked: Mapping[str, int], model: Mapping[str, Any], wanted: Mapping[str, FieldInfo]) -> dict[str, int]:
    """A patch size for the images that a data set asks for, if the one so far does not divide them."""
    if "image_size" not in asked:
        return {}
    had, patch = (model.get(field, wanted[field].default) for field in ("image_size", "patch_size"))
    if asked["image_size"] % patch == 0:
        return {}
    return {
        "patch_size": min(divisors(asked["image_size"]), key=lambda p: abs(asked["image_size"] // p - had // patch))
    }


def _explained(error: ValidationError) -> ConfigError:
    """The first complaint of pydantic as a sentence with the field, the value and what would be valid."""
    first = error.errors(include_url=False)[0]
    context, path = first.get("ctx", {}), [str(name) for name in first["loc"] if name not in KINDS]
    field, value = path[-1] if path else "config", repr(first.get("input"))
    match first["type"]:
        case "refused":
            return ConfigError(context["field"], context["message"])
        case "union_tag_invalid":
            kinds = one_of(list(map(repr, KINDS)))
            return ConfigError("kind", f"{context['tag'][:40]!r} does not work; it should be {kinds}")
        case "extra_forbidden" if field in PART_OF:
            return ConfigError(field, f"a {first['loc'][1]} has no such setting")
        case "extra_forbidden":
            return ConfigError(field, "there is no such setting")
        case "json_invalid":
            return ConfigError("config", "the text is not valid JSON")
    shown = value if len(value) <= 40 else f"{value[:37]}..."
    valid = first["msg"].replace("Input should", "it should")
    near = near_miss(str(first.get("input")), choices(field)) if first["type"] == "literal_error" else ""
    return ConfigError(field, f"{shown} does not work; {valid[0].lower()}{valid[1:]}{near}")
