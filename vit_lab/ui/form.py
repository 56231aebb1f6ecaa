"""The form of the Train page. Labels, help, defaults and limits come from the config; every setting is in the URL."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import streamlit as st

from vit_lab.config import GROUPS, IMAGE_DATASETS, ConfigError, RunConfig, choices, configure, describe, flat, limits
from vit_lab.presets import PRESETS
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE, MOST_SEEDS
from vit_lab.runs.records import arm_label
from vit_lab.schemes import SCHEMES
from vit_lab.ui.arms import LETTERS, chip
from vit_lab.ui.words import GROUP_NAMES

DEFAULTS = flat(RunConfig())
SCALES = [
    "0.001",
    "0.002",
    "0.005",
    "0.01",
    "0.02",
    "0.05",
    "0.1",
    "0.2",
    "0.3",
    "0.5",
    "1",
    "2",
    "3",
    "5",
    "10",
    "20",
    "30",
    "50",
    "100",
]  # as a link spells them
OFFERED: dict[str, list[Any]] = {"dataset": list(IMAGE_DATASETS)}  # where the form has fewer words than the config
OFFERED_PRESETS = [name for name, preset in PRESETS.items() if preset.config.model.kind == "vit"]
PATCH_SIZES = [1, 2, 4, 7, 14, 28]
EPOCHS = 5  # what the field shows when a person turns from steps to epochs
ARM_DEFAULTS = ("linear-default", "xavier", "kaiming", "vit", "normal", "xavier")
SCALE_DEFAULTS = ("1", "1", "1", "1", "0.1", "10")


class Form:
    """The settings as the person left them. Each widget leaves a slot behind it for a complaint about its value."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.slots: dict[str, Any] = {}

    def number(self, field: str, label: str, *, step: float | None = None, empty: str | None = None) -> None:
        """A number; with `empty`, it may be left out, which that text explains."""
        default = DEFAULTS[field]
        low, high = limits(field)
        whole = isinstance(default, int) or (default is None and step is not None and float(step).is_integer())
        kind: Any = int if whole else float
        self.values[field] = st.number_input(
            label,
            value=default,
            min_value=None if math.isinf(low) else kind(low),
            max_value=None if math.isinf(high) else kind(high),
            step=kind(step) if step else None,
            format=None if whole else "%g",
            placeholder=empty,
            help=describe(field),
            key=field,
            bind=_link(field),
        )
        self._slot(field)

    def choice(self, field: str, label: str, options: list[Any] | None = None) -> None:
        """One of a few words or numbers, as the command line and a link spell them."""
        options = options or OFFERED.get(field) or list(choices(field))
        self.values[field] = st.selectbox(
            label,
            options,
            index=options.index(DEFAULTS[field]),
            help=describe(field),
            key=field,
            bind="query-params",
        )
        self._slot(field)

    def switch(self, field: str, label: str) -> None:
        """Yes or no."""
        self.values[field] = st.toggle(
            label, value=DEFAULTS[field], help=describe(field), key=field, bind="query-params"
        )

    def length(self) -> None:
        """How long a run lasts, in steps or in epochs."""
        unit = st.segmented_control(
            "Length in", ["steps", "epochs"], default="steps", required=True, key="length", bind="query-params"
        )
        if unit == "epochs":
            low, high = limits("epochs")
            self.values["epochs"] = st.number_input(
                "Epochs", int(low), int(high), EPOCHS, help=describe("epochs"), key="epochs", bind=_link("epochs")
            )
            self._slot("epochs")
        else:
            self.number("steps", "Steps", step=50)

    def seeds(self) -> int:
        """How many seeds each arm is trained from."""
        return st.number_input(
            "How many seeds",
            1,
            MOST_SEEDS,
            1,
            help="Each arm is trained from this many seeds, beginning with the one on the left. One pair is a "
            f"demonstration; from {FEWEST_FOR_EVIDENCE} on a result counts as evidence.",
            key="seeds",
            bind=_link("seeds"),
        )

    def clipping(self) -> None:
        """The largest norm of a gradient, unless clipping is switched off."""
        if st.toggle("Gradient clipping", value=True, help=describe("clip_norm"), key="clip", bind="query-params"):
            self.number("clip_norm", "Largest gradient norm", step=0.1)
        else:
            self.values["clip_norm"] = None

    def arm(self, arm: int) -> dict[str, Any]:
        """The init of one arm: scheme, variance scale and the scales of single groups."""
        letter = LETTERS[arm].lower()
        schemes: list[str] = list(SCHEMES)
        scheme = st.selectbox(
            f"{chip(arm)} init",
            schemes,
            index=schemes.index(ARM_DEFAULTS[arm]),
            help=describe("scheme") + "".join(f"\n- `{name}`: {scheme.summary}" for name, scheme in SCHEMES.items()),
            key=f"{letter}_scheme",
            bind="query-params",
        )
        scale = self._scale(letter, "variance_scale", "Variance", SCALE_DEFAULTS[arm])
        self._slot(f"{letter}_init")
        values = {"scheme": scheme, "variance_scale": scale}
        with st.popover("By group", help="Scale the variance of one group of matrices further.", width="stretch"):
            for group in GROUPS:
                values[f"{group}_scale"] = self._scale(letter, f"{group}_scale", GROUP_NAMES[group])
        return values

    def configs(self, arms: list[dict[str, Any]]) -> list[RunConfig]:
        """A config for each arm; what cannot be is said beside its field, and the list is then empty."""
        configs = []
        for arm, init in enumerate(arms):
            try:
                configs.append(configure(**self.values, **init))
            except ConfigError as error:
                slot = self.slots.get(error.field) or self.slots.get(f"{LETTERS[arm].lower()}_init")
                (slot or st).error(error.message)
                return []
        for arm, config in enumerate(configs):
            if (twin := configs.index(config)) != arm:
                self.slots[f"{LETTERS[arm].lower()}_init"].error(f"the same as arm {LETTERS[twin]}; arms must differ")
                return []
        return configs

    def _scale(self, letter: str, field: str, label: str, default: str = "1") -> float:
        picked = st.select_slider(
            f"{label} ×", SCALES, value=default, help=describe(field), key=f"{letter}_{field}", bind="query-params"
        )
        return float(picked)

    def _slot(self, field: str) -> None:
        self.slots[field] = st.empty()


def variance_words(config: RunConfig) -> str:
    """The scheme and its scale, with the sigma and sigma squared of a square matrix of the chosen width, before truncation if there is any."""
    dim = config.model.dim
    variance = SCHEMES[config.init.scheme].variance(dim, dim) * config.init.variance_scale
    return f"**{arm_label(config)}**: σ = {math.sqrt(variance):.3g}, σ² = {variance:.3g} at width {dim}"


def preset_picker() -> None:
    """Buttons that fill the whole form; the one that matches what is filled in is lit."""
    st.session_state["preset"] = next((name for name in OFFERED_PRESETS if _is_filled_in(name)), None)
    st.segmented_control(
        "Start from",
        OFFERED_PRESETS,
        key="preset",
        on_change=_fill_in,
        help=" ".join(f"**{name}**: {PRESETS[name].summary}" for name in OFFERED_PRESETS),
    )


def _fill_in() -> None:
    name = st.session_state["preset"]
    if name in OFFERED_PRESETS:
        st.session_state.update(_as_widgets(PRESETS[name].config))


def _is_filled_in(name: str) -> bool:
    wanted = _as_widgets(PRESETS[name].config)
    standard = _as_widgets(RunConfig())
    return all(st.session_state.get(key, standard[key]) == value for key, value in wanted.items())


def _as_widgets(config: RunConfig) -> dict[str, Any]:
    """The form's widgets as a config would leave them; the arms and the seed stay as they are."""
    fixed = ("kind", "image_size", "channels", "num_classes", "seed", "scheme")
    values = {k: v for k, v in flat(config).items() if k not in fixed and not k.endswith("_scale")}
    optim = config.optim
    return values | {
        "length": "epochs" if optim.epochs else "steps",
        "epochs": optim.epochs or EPOCHS,
        "clip": optim.clip_norm is not None,
        "clip_norm": optim.clip_norm or DEFAULTS["clip_norm"],
    }


def train_link(arms: Sequence[RunConfig]) -> dict[str, str]:
    """The query parameters that open the page Train with these arms, which differ in nothing but their init."""
    standard, wanted = _as_widgets(RunConfig()), _as_widgets(arms[0])
    link = {key: value for key, value in wanted.items() if value != standard[key]}
    for arm, config in enumerate(arms):
        letter = LETTERS[arm].lower()
        link[f"{letter}_scheme"] = config.init.scheme
        for field, value in config.init.model_dump(exclude={"scheme"}).items():
            if value != 1 or (field == "variance_scale" and SCALE_DEFAULTS[arm] != "1"):
                link[f"{letter}_{field}"] = f"{value:g}"
    return {key: str(value) for key, value in (link | {"arms": len(arms)}).items() if value is not None}


def _link(field: str) -> Literal["query-params"] | None:
    """Ties a number to its place in the URL, save where an infinite one stands there: Streamlit cannot take that."""
    try:
        return "query-params" if math.isfinite(float(st.query_params.get(field, 0))) else None
    except ValueError:
        return "query-params"
