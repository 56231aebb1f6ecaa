"""Preflight on the Train page: all arms before the first step, as the sliders move."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from vit_lab.analysis.arms import LETTERS
from vit_lab.config import GROUPS, RunConfig
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.places import GROUP_NAMES, Place
from vit_lab.runs.limits import data_bytes, look_images
from vit_lab.spelling import arm_label
from vit_lab.ui.arms import chip
from vit_lab.ui.prose import say
from vit_lab.ui.serving.apart import apart, memory
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.words import GLOSSARY, scheme_words, unmet_words

if TYPE_CHECKING:
    import pandas as pd

    from vit_lab.analysis.chart_style import SpecMaker
    from vit_lab.probes.gauge import Preflight

TOO_LARGE = "A look at every model of this size would take too much of this machine; choose larger patches or less."
CHART_WIDTH = 400  # pixels at least: names of lines stand at its right
GAUGE_HELP = "How the model is before its first step. This judges the init, not the learning rate."
SATURATES = "Each token looks at hardly more than one other, and the softmax lets little gradient through."
HEALTHY = "Signal, attention and loss look healthy."
MEANT = {  # findings that a scheme is made for, as the gauge says them
    "impulse": {"attention saturates": "attention saturates, as impulse means it to: a head begins at one neighbour"}
}
MEANINGS = {
    "blocks are silent": "A block adds less than 2.5 % to the tokens it is given: for now, depth does nothing.",
    "attention saturates": SATURATES,
    "signal explodes": "The tokens grow more than fivefold on their way: late blocks drown out what early ones say.",
    "not a number": "The numbers overflow already on the way through the model: no training can start from here.",
    "overconfident start": "The loss is far above ln(classes): the first steps go into unlearning random certainty.",
}


def gauge_badge(config: RunConfig) -> str:
    """Markdown for how a model starts, in a word or two."""
    try:
        look = _preflight(config)
    except CannotStartError:
        return ":gray-badge[not looked at: too many processes]"
    if look is None:
        return ":gray-badge[too large to look at]"
    meant = MEANT.get(config.init.scheme, {})
    told = (f":gray-badge[{meant[one]}]" if one in meant else f":red-badge[{one}]" for one in look.findings)
    return " ".join(told) or ":green-badge[healthy start]"


def preflight_panel(configs: Sequence[RunConfig]) -> None:
    """The probes of step 0 for all arms, in a fold that is computed only when open."""
    fold = st.expander(
        "Preflight: before the first step", key="preflight", on_change="rerun", icon=":material/troubleshoot:"
    )
    if not fold.open:
        return
    import pandas as pd  # with the charts it takes a second, and the fold is seldom open when a page begins

    from vit_lab.ui.figures import charts

    looks: dict[int, Preflight] = {}
    with suppress(CannotStartError):  # which the badges say
        looks = {arm: look for arm, config in enumerate(configs) if (look := _preflight(config))}
    if len(looks) < len(configs):
        fold.info(TOO_LARGE)
    if not looks:
        return
    tables = [_table(arm, look, arm_label(configs[arm].init)) for arm, look in looks.items()]
    table = pd.concat(tables, ignore_index=True)
    with fold:
        for arm, look in looks.items():
            start, words = look.start, " ".join(MEANINGS[finding] for finding in look.findings) or HEALTHY
            even = f"ln {start.num_classes} = {math.log(start.num_classes):.2f}"
            say(f"{chip(arm)} {words} Loss {start.loss:.2f} nats; guessing evenly would give {even}.")
            st.markdown(f"{chip(arm)} {scheme_words(configs[arm].init.scheme)} {unmet_words(configs[arm])}")
        with st.grid(2, min_column_width=CHART_WIDTH):
            _chart(table, "activation_rms", charts.DEPTH_RMS, "Size of the tokens after each block.")
            _chart(table, "gradient_norm", charts.LAYER_GRADIENT, "Norm of the gradient that reaches each layer.")
            entropy = "A point a head: 1 looks everywhere, 0 at one token."
            _chart(table, "attention_entropy", charts.HEAD_ENTROPY, entropy)
            _chart(table, "max_attention_logit", charts.HEAD_LOGIT, "Largest |q·k|/√d of each head: large saturates.")
        st.markdown("**Spread (std) of the weights: what the scheme's formula promises, and what was drawn**")
        st.table(_promises(looks))
        st.markdown("**Structure: the norm of all matrices of a group, and the singular values in the first block**")
        st.table(_spectra(looks))
        say("""
            The norm is the size of all matrices together. Singular values say how much a matrix stretches: if all are
            alike, as of *orthogonal*, it keeps lengths; wide apart, it lets some directions pass and not others.
        """)
        with st.popover("Words", icon=":material/menu_book:"):
            st.markdown(GLOSSARY)


def _chart(table: "pd.DataFrame", measure: str, spec: "SpecMaker", words: str) -> None:
    from vit_lab.ui.figures.rows import named, placed

    rows = named(placed(table[table["measure"] == measure]))
    with st.container():
        st.vega_lite_chart(rows, spec(), key=f"preflight-{measure}", alt=words)
        st.caption(words)


def _table(arm: int, look: "Preflight", name: str) -> "pd.DataFrame":
    from vit_lab.ui.figures.rows import by_place

    return by_place(look.rows).assign(arm=LETTERS[arm], run=LETTERS[arm], name=name)


def _promises(looks: Mapping[int, "Preflight"]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for arm, look in looks.items():
        values = {(measure, place): value for measure, place, value in look.rows}
        for measure, word in (("expected_std", "promised"), ("weight_std", "drawn")):
            stds = [values[measure, Place(group=group)] for group in GROUPS]
            columns[f"{LETTERS[arm]} {word}"] = ["–" if math.isnan(std) else f"{std:.4f}" for std in stds]
    return pd.DataFrame(columns, index=[GROUP_NAMES[group] for group in GROUPS])


def _spectra(looks: Mapping[int, "Preflight"]) -> "pd.DataFrame":
    import pandas as pd

    columns = {}
    for arm, look in looks.items():
        values = {(measure, place): value for measure, place, value in look.rows}
        norms, smallest, largest = (
            [values[measure, Place(group=group)] for group in GROUPS]
            for measure in ("weight_norm", "smallest_singular_value", "largest_singular_value")
        )
        columns[f"{LETTERS[arm]} norm"] = [f"{norm:.3g}" for norm in norms]
        spans = zip(smallest, largest, strict=True)
        columns[f"{LETTERS[arm]} singular values"] = [f"{low:.2g} to {high:.2g}" for low, high in spans]
    return pd.DataFrame(columns, index=[GROUP_NAMES[group] for group in GROUPS])


@st.cache_data(show_spinner="Looking at both arms before the first step", max_entries=500, hash_funcs=BY_CONFIG)
def _preflight(config: RunConfig) -> "Preflight | None":
    """None, which is kept as well, if a look would take too much of this machine."""
    images = look_images(config, memory())
    look: Preflight | None = None
    with suppress(TooMuchError):
        if images:
            look = apart("vit_lab.training.first_look:first_look", config, images, beside=data_bytes(config))
    return look
