"""How an init, a task, a setting and a number are spelled: for people, for a shell, for the JSON of a command.

| | people | shell and link | JSON |
| --- | --- | --- | --- |
| an init | `xavier × 3` | `xavier:3` | `xavier x3` |
| with scales of groups | `vit × 4 (queries, keys × 2)` | `vit:4` | `vit x4 (qk x2)` |
| with more settings | `xavier (residual zero)` | `xavier,residual=zero` | `xavier (residual zero)` |
| its control | `norm-matched mimetic` | `norm-matched:mimetic` | `norm-matched mimetic` |
| an arm with other settings | `xavier, norm post` | `xavier,norm=post` | `xavier, norm post` |
| a setting over conditions | `depth 2` | `depth=2,8` | |
| a task | `mnist, 40% noisy labels` | `mnist:0.4` | |
| a setting | patch size | `patch-size` | `patch_size` |
| a variance or std | 0.000052 | | a number |
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vit_lab.config import GROUPS, OF_AN_ARM, SCALES, SCHEMES, DataConfig, ForkConfig, GroupName, InitConfig, RunConfig
from vit_lab.datasets import DATASETS, DECIDED
from vit_lab.places import GROUP_NAMES
from vit_lab.refusals import near_miss, one_of
from vit_lab.settings import PART_OF, ConfigError, compared, configure, difference, flat, may_be_empty

CONTROL = "norm-matched"
TOLD = ("scheme", "variance_scale", "norm_matched", *SCALES, "biases")
FURTHER = tuple(field for field in InitConfig.model_fields if field not in TOLD)  # told as setting=value
SHORTER = {"scheme": "init"}  # settings whose option has another name
OF_A_SPEC = tuple(field for field in PART_OF if field not in ("kind", "seed", *DECIDED, *TOLD[:3]))  # as setting=value
EMPTY = {"train_size": "all"}  # what a setting that is left empty is called; of all others, none


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


def arm_spec(init: InitConfig, others: Mapping[str, Any] | None = None) -> str:
    """An arm as a shell and a link spell it: 'xavier', 'normal:0.01', 'norm-matched:gamma:2,gamma=0.7,norm=post'.

    `others` are settings that are not of its init, as far as it has some of its own. Scales of single groups are not
    told unless they are among them.
    """
    control = f"{CONTROL}:" if init.norm_matched else ""
    scale = "" if init.variance_scale == 1 else f":{in_full(init.variance_scale)}"
    told = {**_further_settings(init), **(others or {})}
    further = [f",{setting_spec(field, value)}" for field, value in told.items()]
    return "".join((control, init.scheme, scale, *further))


def setting_spec(field: str, value: Any) -> str:
    """A setting as a shell and a link spell it: 'norm=post', 'train_size=all'."""
    if value is None:
        return f"{field}={EMPTY.get(field, 'none')}"
    return f"{field}={in_full(value) if isinstance(value, float) else str(value).lower()}"


def arm_specs(configs: Sequence[RunConfig]) -> list[str]:
    """Some arms as a shell and a link spell them, each with all in which it is unlike another, but for their seeds."""
    told = [field for field in difference(*configs) if field in OF_A_SPEC and field not in (*OF_AN_ARM, *FURTHER)]
    told += [field for field in difference(*configs) if field in SCALES or field == "biases"]
    told = list(dict.fromkeys(told))
    return [arm_spec(config.init, {field: flat(config).get(field) for field in told}) for config in configs]


def arm_names(configs: Sequence[RunConfig]) -> list[str]:
    """Some arms as people read them, each with all in which it is unlike another, but for their seeds."""
    told = [field for field in difference(*configs) if PART_OF.get(field) != "init" and field not in ("kind", "seed")]
    return [
        ", ".join([arm_label(config.init), *(value_words(field, compared(config).get(field)) for field in told)])
        for config in configs
    ]


def parse_arm(spec: str) -> dict[str, Any]:
    """The settings of an arm, all those that are an arm's own and the others it names: the inverse of `arm_spec`.

    Raises ConfigError; whether the others can be, a config says.
    """
    arm, *further = spec.strip().split(",")
    control, colon, of_what = arm.partition(":")
    is_control = control == CONTROL and bool(colon)
    scheme, colon, scale = (of_what if is_control else arm).partition(":")
    if scheme not in SCHEMES:
        choices = one_of(list(SCHEMES))
        more = "with :scale if wanted, and norm-matched: in front for its control"
        near = near_miss(scheme, SCHEMES)
        raise ConfigError("arm", f"there is no scheme {scheme[:40]!r}; choose {choices}, {more}{near}")
    settings = dict(_setting(text) for text in further)
    try:
        variance_scale = float(scale) if colon else 1.0
    except ValueError:
        raise ConfigError("arm", f"{scale[:40]!r} is not a number; write for example {scheme}:0.5") from None
    own: dict[str, Any] = {"scheme": scheme, "variance_scale": variance_scale, "norm_matched": is_control}
    own |= {field: settings.pop(field) for field in InitConfig.model_fields if field in settings}
    try:
        init = configure(**own).init
    except ConfigError as error:
        raise ConfigError("arm", f"{spec[:40]}: {error.message}") from None
    fields = [field for field in InitConfig.model_fields if field in OF_AN_ARM or field in own]
    return {field: getattr(init, field) for field in fields} | settings


def named_by(spec: str) -> list[str]:
    """The settings that the spelling of an arm names beside scheme, scale and control. Raises ConfigError."""
    return [_setting(text)[0] for text in spec.split(",")[1:]]


def _setting(text: str) -> tuple[str, Any]:
    field, equals, value = text.strip().partition("=")
    field = field.replace("-", "_")
    if not equals or field not in OF_A_SPEC:
        near = near_miss(field, OF_A_SPEC)
        raise ConfigError("arm", f"{text[:40]!r} is no setting of an arm; write for example residual=zero{near}")
    return field, value_said(field, value)


def value_said(field: str, text: str) -> Any:
    """The value of a setting that a shell or a link spells; the config reads numbers from text itself."""
    return None if may_be_empty(field) and text in (EMPTY.get(field), "none") else text


def parse_variation(spec: str) -> tuple[str, list[Any]]:
    """A setting and the values that it takes, one condition each: 'norm=pre,post'. Raises ConfigError."""
    field, equals, values = spec.strip().partition("=")
    field = field.strip().replace("-", "_")
    field = next((name for name, short in SHORTER.items() if short == field), field)
    if field not in OF_A_SPEC:
        why = "arms say that themselves" if field in TOLD[:3] else "there is no such setting to vary"
        near = near_miss(field, OF_A_SPEC)
        raise ConfigError("vary", f"{spec[:40]!r} does not work, {why}; write for example depth=2,8{near}")
    if not equals or not values:
        raise ConfigError("vary", f"{spec[:40]!r} has no values; write for example {field}=a,b")
    return field, [value_said(field, value.strip()) for value in values.split(",")]


def in_full(number: float) -> str:
    """A number that is read back as it was."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def size_words(data: DataConfig) -> str:
    """How much there is to train on: '200 images', 'all clips'."""
    examples = DATASETS[data.dataset].examples
    return f"{data.train_size:,} {examples}" if data.train_size else f"all {examples}"


def percent(share: float | None) -> str:
    """An accuracy as people read it: '81.3%'; a dash where there is none yet."""
    return "–" if share is None else f"{share:.1%}"


def counted(count: int, what: str) -> str:
    """How many there are of something: '1 patch', '2,401 scores', '30 guesses'."""
    return f"{count:,} {what}{'' if count == 1 else 'es' if what.endswith(('ch', 'ss')) else 's'}"


def setting_words(field: str) -> str:
    """What people call a setting: 'patch size'."""
    return field.replace("_", " ")


def option_name(field: str) -> str:
    """The name of a setting's option, without dashes in front: 'patch-size'."""
    return SHORTER.get(field, field.replace("_", "-"))


def value_words(field: str, value: Any) -> str:
    """A setting with its value, as people read it: 'depth 8', 'all images', 'flip on'."""
    if isinstance(value, bool):
        return f"{setting_words(field)} {'on' if value else 'off'}"
    if field == "fork":
        return fork_words(value)
    if value is None:
        return f"{setting_words(field)} {EMPTY.get(field, 'none')}"
    return f"{setting_words(field)} {_decimal(value, digits=6) if isinstance(value, float) else value}"


def told_value(field: str, value: Any) -> str:
    """A value beside the name of its setting, as tables have them."""
    return fork_words(value) if field == "fork" else str(value)


def fork_words(fork: ForkConfig | None) -> str:
    """What a run goes on from: 'from step 100', 'from step 100 with queries, keys × 2', 'from the start'."""
    if fork is None:
        return "from the start"
    factors = [f"{GROUP_NAMES[group]}{_times(factor)}" for group, factor in fork.factors.items()]
    return f"from step {fork.step:,}" + (f" with {'; '.join(factors)}" if factors else "")


def fork_spec(fork: ForkConfig) -> str:
    """What a run goes on from, as a shell spells it and its factors after it: 'a1b2c3d4e5@100 qk=2'."""
    return " ".join([f"{fork.run}@{fork.step}", *(f"{group}={in_full(one)}" for group, one in fork.factors.items())])


def warm_up_words(config: RunConfig) -> str:
    """A sentence on a run that ends before its learning rate has risen to what is set; of others, nothing."""
    steps, warm_up = config.total_steps, config.optim.warmup_steps
    if steps > warm_up:
        return ""
    shorter = f"{steps // 10} warm-up steps would leave it time"
    return f"All {steps:,} steps are warm-up, which takes {warm_up:,}: the learning rate only rises; {shorter}."


def noise_words(share: float) -> str:
    """How many labels are wrong: '40% noisy labels', 'clean labels'."""
    return f"{share * 100:g}% noisy labels" if share else "clean labels"


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
        near = near_miss(dataset, DATASETS)
        raise ConfigError("task", f"there is no data set {dataset[:40]!r}; choose {one_of(list(DATASETS))}{near}")
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
