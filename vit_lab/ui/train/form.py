"""The form of the Train page. Labels, help, defaults and limits come from the config; every setting is in the URL."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from vit_lab.analysis.arms import LETTERS
from vit_lab.config import GROUPS, NEEDS, STANDARD_RATES, RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.init.schemes import SCHEMES
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.places import GROUP_NAMES
from vit_lab.refusals import divisors
from vit_lab.runs.designs import FEWEST_FOR_EVIDENCE, MOST_SEEDS
from vit_lab.settings import ConfigError, bounds, choices, configure, describe, settings_of
from vit_lab.spelling import setting_words, warm_up_words
from vit_lab.ui.arms import chip, coloured_labels
from vit_lab.ui.prose import prose
from vit_lab.ui.train.link import arriving_link, link, link_unless_empty, number_in
from vit_lab.ui.train.presets import follow_kind
from vit_lab.ui.train.widgets import ARM_DEFAULTS, DEFAULTS, EPOCHS, SCALE_DEFAULTS, SCALES, STANDARD
from vit_lab.ui.words import KINDS_SAID

KINDS_HELP = "".join(f"\n- **{kind}**: {words}" for kind, words in KINDS_SAID.items())
SCHEMES_HELP = "".join(f"\n- `{name}`: {scheme.summary}" for name, scheme in SCHEMES.items())
SEEDS_HELP = prose(f"""
    Each arm is trained from this many seeds, beginning with the one on the left. One pair is a demonstration; from
    {FEWEST_FOR_EVIDENCE} on a result counts as evidence.
""")


class Form:
    """The settings as the person left them. Each widget leaves a slot behind it for a complaint about its value.

    A setting that the chosen kind of model does not have is left out. On arrival with a link, every setting that the
    link does not name has its default (see `vit_lab.ui.train.link`).
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.slots: dict[str, tuple[str, Any]] = {}  # what a field is called, and where to say what is wrong with it
        self.seed_count = 1
        self.wrong = ""  # which setting cannot be, and why
        self.link = arriving_link()

    def kind(self) -> str:
        """Which model is trained; every field below follows it."""
        kind = st.segmented_control(
            "Model",
            list(KINDS),
            default="vit",
            required=True,
            key="kind",
            bind=link_unless_empty("kind"),
            on_change=follow_kind,
            help=KINDS_HELP,
        )
        self.values["kind"] = st.session_state["drawn_kind"] = kind
        return kind

    def number(self, field: str, label: str, *, step: float | None = None, empty: str | None = None) -> None:
        """A number; with `empty`, it may be left out, which that text explains.

        The field knows no limits: a browser keeps to itself what lies beyond them, and the old value would be trained.
        The config refuses such a value instead.
        """
        if not self._has(field):
            return
        default = self.standard_rate() if field == "learning_rate" else DEFAULTS[field]
        whole = isinstance(default, int) or (default is None and step is not None and float(step).is_integer())
        kind: Any = int if whole else float
        self.values[field] = st.number_input(
            label,
            value=default,
            step=kind(step) if step else None,
            format=None if whole else "%g",
            placeholder=empty,
            help=describe(field),
            key=field,
            bind=link(field),
        )
        self._slot(field, label)

    def patch_sizes(self) -> list[int]:
        """Those that divide an image of the chosen data set, whose field is drawn further down."""
        kind = self.values["kind"]
        chosen = st.session_state.get("dataset", self.link.get("dataset"))
        asked = DATASETS[chosen if chosen in datasets_for(kind) else datasets_for(kind)[0]].asks
        return divisors(asked["image_size"]) if asked else []

    def standard_rate(self) -> float:
        """The learning rate that comes with the chosen optimiser, whose field is drawn further down."""
        chosen = st.session_state.get("optimiser", st.query_params.get("optimiser"))
        return STANDARD_RATES.get(chosen, DEFAULTS["learning_rate"])

    def choice(
        self, field: str, label: str, options: list[Any] | None = None, on_change: Callable[[], None] | None = None
    ) -> None:
        """One of a few words or numbers, as the command line and a link spell them."""
        if not self._has(field):
            return
        kind = self.values["kind"]
        default = getattr(STANDARD[kind].data, field, DEFAULTS[field])
        options = options or list(datasets_for(kind) if field == "dataset" else choices(field))
        self.values[field] = st.selectbox(
            label,
            options,
            index=options.index(default) if default in options else len(options) // 2,
            help=describe(field),
            key=field,
            bind="query-params",
            on_change=on_change,
        )
        self._slot(field, label)

    def switch(self, field: str, label: str) -> None:
        """Yes or no."""
        if not self._has(field):
            return
        self.values[field] = st.toggle(
            label, value=DEFAULTS[field], help=describe(field), key=field, bind="query-params"
        )

    def length(self) -> None:
        """How long a run lasts, in steps or in epochs."""
        unit = st.segmented_control(
            "Length in",
            ["steps", "epochs"],
            default="steps",
            required=True,
            key="length",
            bind=link_unless_empty("length"),
        )
        if unit == "epochs":
            self.values["epochs"] = st.number_input(
                "Epochs", value=EPOCHS, step=1, help=describe("epochs"), key="epochs", bind=link("epochs")
            )
            self._slot("epochs", "Epochs")
        else:
            self.number("steps", "Steps", step=50)

    def seeds(self) -> int:
        """How many seeds each arm is trained from."""
        self.seed_count = st.number_input(
            "How many seeds",
            value=1,
            step=1,
            help=SEEDS_HELP,
            key="seeds",
            bind=link("seeds"),
        )
        self._slot("seeds", "How many seeds")
        return self.seed_count

    def clipping(self) -> None:
        """The largest norm of a gradient, unless clipping is switched off."""
        if st.toggle("Gradient clipping", value=True, help=describe("clip_norm"), key="clip", bind="query-params"):
            self.number("clip_norm", "Largest gradient norm", step=0.1)
        else:
            self.values["clip_norm"] = None

    def arms(self, count: int) -> list[dict[str, Any]]:
        """The inits of all arms, two in a row."""
        parts = ("scheme", "variance_scale")
        coloured_labels({f"{LETTERS[arm].lower()}_{part}": arm for arm in range(count) for part in parts})
        values = []
        for first in range(0, count, 2):
            row = st.columns(2, wrap=False) if count > 1 else [st.container()]
            for arm, column in enumerate(row[: count - first], start=first):
                with column:
                    values.append(self.arm(arm))
        return values

    def arm(self, arm: int) -> dict[str, Any]:
        """The init of one arm: scheme, variance scale and the scales of single groups."""
        letter = LETTERS[arm].lower()
        schemes: list[str] = list(SCHEMES)
        scheme = st.selectbox(
            f"{LETTERS[arm]} init",
            schemes,
            index=schemes.index(ARM_DEFAULTS[arm]),
            help=describe("scheme") + SCHEMES_HELP,
            key=f"{letter}_scheme",
            bind="query-params",
        )
        scale = self._scale(letter, "variance_scale", f"{LETTERS[arm]} variance", SCALE_DEFAULTS[arm])
        self._slot(f"{letter}_init", f"{letter.upper()} init")
        values: dict[str, Any] = {"scheme": scheme, "variance_scale": scale}
        if scheme == "gamma":
            values["gamma"] = st.number_input(
                "Power γ",
                value=DEFAULTS["gamma"],
                step=0.1,
                format="%g",
                help=describe("gamma"),
                key=(key := f"{letter}_gamma"),
                bind=link(key),
            )
        with st.popover(
            f"{LETTERS[arm]} more", help="Single groups, ends of branches, biases, a control.", width="stretch"
        ):
            for field, label in (("residual", "Ends of residual branches"), ("biases", "Biases start")):
                values[field] = st.selectbox(
                    label, choices(field), help=describe(field), key=f"{letter}_{field}", bind="query-params"
                )
            values["norm_matched"] = st.toggle(
                "Control: random, of the same norms",
                help=describe("norm_matched"),
                key=f"{letter}_norm_matched",
                bind="query-params",
            )
            st.markdown(f"{chip(arm)} **further factors on the variance**")
            for group in GROUPS:
                values[f"{group}_scale"] = self._scale(letter, f"{group}_scale", GROUP_NAMES[group])
        for field, needed in NEEDS.get(scheme, {}).items():  # below, so that the arms' buttons stand in a row
            st.caption(f"It asks for {needed} {setting_words(field)}s, and all arms have them.")
        return values

    def configs(self, arms: list[dict[str, Any]]) -> list[RunConfig]:
        """A config for each arm; what cannot be is said beside its field and in `wrong`, and the list is then empty."""
        configs = []
        if not 1 <= self.seed_count <= MOST_SEEDS:
            self._refuse("seeds", f"{self.seed_count} does not work; choose 1 to {MOST_SEEDS}")
            return []
        for arm, init in enumerate(arms):
            try:
                configs.append(configure(**self._shared(arms), **init))
            except ConfigError as error:
                known = error.field if error.field in self.slots else f"{LETTERS[arm].lower()}_init"
                self._refuse(known, error.message.replace(" dim ", " width "))  # as the form calls it
                return []
        if configs and (words := warm_up_words(configs[0])):
            self.slots["epochs" if "epochs" in self.slots else "steps"][1].caption(words)
        for arm, config in enumerate(configs):
            if (twin := configs.index(config)) != arm:
                self._refuse(f"{LETTERS[arm].lower()}_init", f"the same as arm {LETTERS[twin]}; arms must differ")
                return []
        return configs

    def _shared(self, arms: list[dict[str, Any]]) -> dict[str, Any]:
        """All settings but those of the inits. What an arm's scheme asks for and nobody has set, all arms have."""
        needed = {field: value for arm in arms for field, value in NEEDS.get(arm["scheme"], {}).items()}
        return {
            field: needed.get(field, value) if value == DEFAULTS[field] else value
            for field, value in self.values.items()
        }

    def _refuse(self, slot: str, sentence: str) -> None:
        label, place = self.slots[slot]
        place.error(sentence)
        self.wrong = f"**{label}**: {sentence}."

    def _has(self, field: str) -> bool:
        return field in settings_of(self.values["kind"])

    def _scale(self, letter: str, field: str, label: str, default: str = "1") -> float:
        key, (low, high) = f"{letter}_{field}", bounds(field)
        places = {float(scale): scale for scale in SCALES}
        for text in (st.query_params.get(key), st.session_state.get(key)):  # one that is not offered, but in use
            if (number := number_in(text)) is not None and low < number <= high:
                places[number] = str(text)
        picked = st.select_slider(
            f"{label} ×",
            [places[number] for number in sorted(places)],
            value=places[float(default)],
            help=describe(field),
            key=key,
            bind="query-params",
        )
        return float(picked)

    def _slot(self, field: str, label: str) -> None:
        self.slots[field] = label, st.empty()
