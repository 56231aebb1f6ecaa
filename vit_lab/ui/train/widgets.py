"""The widgets of the Train form as plain values: what they offer, and what a config fills in."""

from collections.abc import Mapping, Sequence
from typing import Any

from vit_lab.analysis.arms import LETTERS
from vit_lab.config import SCALES as GROUP_SCALES
from vit_lab.config import InitConfig, RunConfig
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.presets import PRESETS
from vit_lab.settings import PART_OF, ConfigError, configure, flat, settings_of

# The form of a bare link to a kind.
STANDARD = {kind: configure(kind=kind, dataset=datasets_for(kind)[0]) for kind in KINDS}
DEFAULTS: dict[str, Any] = {}  # of every setting; the first data set differs by kind
for _config in reversed(STANDARD.values()):
    DEFAULTS |= flat(_config)
SCALES = [f"{n}" for n in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100)]
EPOCHS = 5  # what the field shows when a person turns from steps to epochs
ARM_DEFAULTS = ("linear-default", "xavier", "kaiming", "vit", "normal", "xavier")
SCALE_DEFAULTS = ("1", "1", "1", "1", "0.1", "10")
SCALE_FIELDS = ("variance_scale", *GROUP_SCALES)
KEYS = {
    *(field for kind in KINDS for field in settings_of(kind)),
    *("length", "clip", "arms", "seeds", "fair"),
    *(f"{letter}_{field}" for letter in LETTERS.lower() for field in InitConfig.model_fields),
}  # of all widgets that a link fills


def widgets_of(config: RunConfig) -> dict[str, Any]:
    """The form's widgets as they stand for a config; those of the arms are left out, and so is the seed."""
    fields, optim = settings_of(config.model.kind), config.optim
    values = {field: value for field, value in flat(config).items() if field in fields and field != "seed"}
    return values | {
        "length": "epochs" if optim.epochs else "steps",
        "epochs": optim.epochs or EPOCHS,
        "clip": optim.clip_norm is not None,
        "clip_norm": optim.clip_norm or DEFAULTS["clip_norm"],
    }


def filled_in(arms: Sequence[RunConfig], *, seeds: int = 1, fair: bool = False) -> dict[str, Any]:
    """All widgets as they stand for some arms, each trained from `seeds` seeds.

    The arms are at most MOST_ARMS. They share all settings but their init: those of the first arm are taken, with its
    seed. If its length is given in epochs, its number of steps has no effect, and the field of the steps keeps its
    default.
    """
    values = widgets_of(arms[0]) | {"seed": arms[0].seed, "arms": len(arms), "seeds": seeds, "fair": fair}
    if values["length"] == "epochs":
        values["steps"] = DEFAULTS["steps"]
    for letter, config in zip(LETTERS.lower(), arms, strict=False):
        values |= {f"{letter}_{field}": _as_offered(field, value) for field, value in vars(config.init).items()}
    return values


def train_link(arms: Sequence[RunConfig], *, seeds: int = 1, fair: bool = False) -> dict[str, str]:
    """The query parameters that open the page Train with its form filled in for some arms (see `filled_in`).

    They hold what differs from the default, and `form`. That one tells the page to forget what was filled in before, so
    that a setting which is left out gets its default.
    """
    wanted = filled_in(arms, seeds=seeds, fair=fair)
    standard = widgets_of(configure(STANDARD[wanted["kind"]], optimiser=wanted["optimiser"]))
    standard |= {"kind": "vit", "optimiser": DEFAULTS["optimiser"], "seed": DEFAULTS["seed"], "seeds": 1, "fair": False}
    for letter, scale in zip(LETTERS.lower(), SCALE_DEFAULTS, strict=True):
        init = vars(InitConfig()).items()
        standard |= {f"{letter}_{field}": _as_offered(field, value) for field, value in init if field != "scheme"}
        standard[f"{letter}_variance_scale"] = scale
    told = {key: spelled(value) for key, value in wanted.items() if key not in standard or value != standard[key]}
    return {"form": "new"} | told


def for_another_kind(shown: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The widgets after a change of kind: what a person changed stays if it fits, the rest suits the new kind.

    A person changed what differs from the nearest preset of the kind that is `shown`. The rest is filled in from the
    first preset of the new kind.
    """
    nearest = min(map(widgets_of, _presets(shown["kind"])), key=lambda preset: len(_changed(shown, preset)))
    chosen = {} if shown["optimiser"] == nearest["optimiser"] else {"optimiser": shown["optimiser"]}
    start = configure(_presets(kind)[0], **chosen)  # with the rate that suits it
    target = widgets_of(start)
    kept = {key: shown[key] for key in _changed(shown, nearest) if key in target and key not in ("kind", "dataset")}
    while kept:
        try:
            configure(start, **{key: value for key, value in kept.items() if key in PART_OF})
            break
        except ConfigError as error:
            kept = {key: value for key, value in kept.items() if key != error.field} if error.field in kept else {}
    return target | kept


def spelled(value: Any) -> str:
    """A value as a link spells it, so that reading it gives the same again; nothing for None."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    short = f"{value:g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def is_spelled(value: Any, text: str) -> bool:
    """Whether a text of a link means the value."""
    if value is None or isinstance(value, bool):
        return text.strip().lower() == spelled(value)
    try:
        return float(text) == float(value)
    except ValueError:
        return text == str(value)


def _as_offered(field: str, value: Any) -> Any:
    """A setting of an init as its widget has it: scales are words of a slider."""
    return spelled(value) if field in SCALE_FIELDS else value


def _presets(kind: str) -> list[RunConfig]:
    return [preset.config for preset in PRESETS.values() if preset.config.model.kind == kind]


def _changed(shown: Mapping[str, Any], preset: Mapping[str, Any]) -> list[str]:
    return [key for key, value in preset.items() if shown.get(key, value) != value]
