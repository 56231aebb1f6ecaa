"""How an init, a task, a setting and a number are spelled: for people, for a shell, for the JSON of a command.

| | people | shell and link | JSON |
| --- | --- | --- | --- |
| an init | `xavier × 3` | `xavier:3` | `xavier x3` |
| with scales of groups | `vit × 4 (queries, keys × 2)` | `vit:4` | `vit x4 (qk x2)` |
| with more settings | `xavier (residual zero)` | `xavier,residual=zero` | `xavier (residual zero)` |
| its control | `norm-matched mimetic` | `norm-matched:mimetic` | `norm-matched mimetic` |
| a task | `mnist, 40% noisy labels` | `mnist:0.4` | |
| a setting | patch size | `patch-size` | `patch_size` |
| a variance or std | 0.000052 | | a number |
"""

import math
from typing import Any

from vit_lab.config import GROUPS, SCALES, SCHEMES, DataConfig, GroupName, InitConfig
from vit_lab.datasets import DATASETS
from vit_lab.places import GROUP_NAMES
from vit_lab.refusals import one_of
from vit_lab.settings import ConfigError, of_scheme

CONTROL = "norm-matched"
TOLD = ("scheme", "variance_scale", "norm_matched", *SCALES, "biases")
FURTHER = tuple(field for field in InitConfig.model_fields if field not in TOLD)  # told as setting=value
SHORTER = {"scheme": "init"}  # settings whose option has another name


def arm_label(init: InitConfig) -> str:
    """An init as people read it: 'xavier', 'normal × 0.01', 'vit × 4 (queries, keys × 2)'. Factors are on variances."""
    scales = [f"{GROUP_NAMES[group]}{_times(scale)}" for group, scale in _group_scales(init).items()]
    scales += ["biases too"] * (init.biases == "scheme") + _further(init)
    return f"{_control(init)}{init.scheme}{_times(init.variance_scale)}" + (f" ({'; '.join(scales)})" if scales else "")


def json_label(init: InitConfig) -> str:
    """An init as the JSON of a command has always told it, for the scripts that read it: 'vit x4 (qk x2)'."""
    scale = "" if init.variance_scale == 1 else f" x{init.variance_scale:g}"
    groups = [f"{group} x{factor:g}" for group, factor in _group_scales(init).items()]
    groups += ["biases too"] * (init.biases == "scheme") + _further(init)
    return f"{_control(init)}{init.scheme}{scale}" + (f" ({', '.join(groups)})" if groups else "")


def arm_spec(init: InitConfig) -> str:
    """An init as a shell and a link spell it: 'xavier', 'normal:0.01', 'norm-matched:gamma:2,gamma=0.7'.

    Scales of single groups are not told.
    """
    control = f"{CONTROL}:" if init.norm_matched else ""
    scale = "" if init.variance_scale == 1 else f":{_in_full(init.variance_scale)}"
    further = [f",{field}={value}" for field, value in _further_settings(init).items()]
    return "".join((control, init.scheme, scale, *further))


def _in_full(number: float) -> str:
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def parse_arm(spec: str) -> InitConfig:
    """The inverse of `arm_spec`. Raises ConfigError."""
    arm, *further = spec.strip().split(",")
    control, colon, of_what = arm.partition(":")
    is_control = control == CONTROL and bool(colon)
    scheme, colon, scale = (of_what if is_control else arm).partition(":")
    if scheme not in SCHEMES:
        choices = one_of(list(SCHEMES))
        more = "with :scale if wanted, and norm-matched: in front for its control"
        raise ConfigError("arm", f"there is no scheme {scheme[:40]!r}; choose {choices}, {more}")
    settings = dict(_setting(text) for text in further)
    try:
        variance_scale = float(scale) if colon else 1.0
    except ValueError:
        raise ConfigError("arm", f"{scale[:40]!r} is not a number; write for example {scheme}:0.5") from None
    try:
        return of_scheme(scheme, variance_scale=variance_scale, norm_matched=is_control, **settings).init
    except ConfigError as error:
        raise ConfigError("arm", f"{spec[:40]}: {error.message}") from None


def _setting(text: str) -> tuple[str, str]:
    field, equals, value = text.strip().partition("=")
    if not equals or field not in FURTHER:
        raise ConfigError("arm", f"{text[:40]!r} is no setting of an arm; write for example residual=zero")
    return field, value


def size_words(data: DataConfig) -> str:
    """How much there is to train on: '200 images', 'all clips'."""
    examples = DATASETS[data.dataset].examples
    return f"{data.train_size:,} {examples}" if data.train_size else f"all {examples}"


def percent(share: float | None) -> str:
    """An accuracy as people read it: '81.3%'; a dash where there is none yet."""
    return "–" if share is None else f"{share:.1%}"


def setting_words(field: str) -> str:
    """What people call a setting: 'patch size'."""
    return field.replace("_", " ")


def option_name(field: str) -> str:
    """The name of a setting's option, without dashes in front: 'patch-size'."""
    return SHORTER.get(field, field.replace("_", "-"))


def noise_words(share: float) -> str:
    """How many labels are wrong: '40% noisy labels', 'clean labels'."""
    return f"{share:.0%} noisy labels" if share else "clean labels"


def task_words(data: DataConfig) -> str:
    """A task as people read it: 'mnist', 'mnist, 40% noisy labels'."""
    return f"{data.dataset}, {noise_words(data.label_noise)}" if data.label_noise else data.dataset


def task_spec(data: DataConfig) -> str:
    """A task as a shell spells it: 'mnist', or 'mnist:0.4' with that share of noisy labels."""
    return f"{data.dataset}:{data.label_noise:g}" if data.label_noise else data.dataset


def parse_task(spec: str) -> dict[str, Any]:
    """The settings of a task: the inverse of `task_spec`. Raises ConfigError."""
    dataset, colon, noise = spec.strip().partition(":")
    if dataset not in DATASETS:
        raise ConfigError("task", f"there is no data set {dataset[:40]!r}; choose {one_of(list(DATASETS))}")
    try:
        return {"dataset": dataset, "label_noise": float(noise) if colon else 0.0}
    except ValueError:
        raise ConfigError(
            "task", f"{noise[:40]!r} is not a share of noisy labels; write for example {dataset}:0.4"
        ) from None


def _group_scales(init: InitConfig) -> dict[GroupName, float]:
    """The factors that single groups have beside the common one."""
    scales = {group: float(getattr(init, f"{group}_scale")) for group in GROUPS}
    return {group: scale for group, scale in scales.items() if scale != 1}


def _further(init: InitConfig) -> list[str]:
    """Settings of an init that no other words tell, where they differ from what they are by default."""
    return [f"{field.replace('_', ' ')} {value}" for field, value in _further_settings(init).items()]


def _further_settings(init: InitConfig) -> dict[str, Any]:
    fields = type(init).model_fields
    return {field: value for field in FURTHER if (value := getattr(init, field)) != fields[field].default}


def _control(init: InitConfig) -> str:
    return f"{CONTROL} " if init.norm_matched else ""


def _times(factor: float) -> str:
    return "" if factor == 1 else f" × {_decimal(factor, digits=6)}"


def written_out(value: float, digits: int | None = None) -> str:
    """A variance or a std as people read it, without powers of ten: '0.000052', '0.0104', '0.333', '1', '1,000'.

    With that many significant digits, by default three, or two below 0.001; without zeros at the end. Digits before
    the point are all told. What is no number, as a formula's promise where there is no formula, is a dash.
    """
    if math.isnan(value):
        return "–"
    return _decimal(value, digits or (2 if abs(value) < 1e-3 else 3))


def _decimal(value: float, digits: int) -> str:
    if not 1e-12 <= abs(value) < math.inf:  # 0, infinity, and what nobody counts the zeros of
        return f"{value:.{digits}g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    told = f"{value:,.{places}f}"
    return told.rstrip("0").rstrip(".") if "." in told else told
