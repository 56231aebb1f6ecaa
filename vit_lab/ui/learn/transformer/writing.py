"""A model writes: the last part of the lesson on the Transformer, symbol by symbol, with where it looks."""

from typing import Any

import pandas as pd
import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.data.typed import parse_symbols
from vit_lab.lessons.seen import Written
from vit_lab.model_config import TransformerConfig
from vit_lab.settings import ConfigError
from vit_lab.ui.learn.models import computed, latest_run, weights_of
from vit_lab.ui.learn.transformer import charts
from vit_lab.ui.learn.transformer.figures import task
from vit_lab.ui.prose import inform, prose
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.serving.lab import problems_told

LONGEST = 20  # symbols of a sequence whose attention can still be read
LOOKS = {"Cross": "cross", "Decoder": "decoder", "Encoder": "encoder"}
LOOKS_HELP = prose("""
    Cross: the decoder reads the source. Decoder: it reads what is written. Encoder: the source reads itself.
""")
MEAN = "mean of all heads"


def writing(dataset: str) -> bool:
    """A sequence that the person types, written by the latest model that was trained to, and where it looks.

    Returns whether it could be written.
    """
    run = latest_run(lambda config: _can_write(config, dataset))
    config = run.config if run else task(dataset)
    c = config.model
    assert isinstance(c, TransformerConfig)
    length, last = c.sequence_length, c.vocabulary - 1
    if run:
        st.caption(f"Run {run.number} writes, which got {run.test_accuracy or 0:.1%} of the symbols of its test right.")
    else:
        inform(f"""
            No model has been trained to {dataset} yet, so an untrained one writes, as it starts. Train it above.
        """)
    first = " ".join(str((3 * place) % last + 1) for place in range(length))
    text = st.text_input(
        f"Source: {length} numbers from 1 to {last}", first, max_chars=200, key=f"writing_source-{length}-{last}"
    )
    with problems_told():
        try:
            found = _decoded(config, run.id if run else None, text)
        except ConfigError as error:
            st.error(error.message)  # without the field: there is only one
            return False
        _writing(found, dataset, c)
        return True
    return False


def _writing(found: dict[str, Any], dataset: str, c: TransformerConfig) -> None:
    length = c.sequence_length
    place = st.slider("Symbols written", 1, length, length, key=f"writing_place-{length}")
    _marked(found["source"], found["written"], dataset, place)
    left, side = st.columns([0.6, 0.4], gap="large")
    with left:
        _attention(found, c, place)
    with side:
        st.markdown(f"**Choosing symbol {place}**")
        symbols = pd.DataFrame({"value": found["probabilities"][place - 1]}).rename_axis("i").reset_index()
        symbols = symbols.assign(symbol=symbols["i"].astype(str), chosen=symbols["i"] == found["written"][place - 1])
        st.vega_lite_chart(symbols, charts.SYMBOLS(), key="symbols", alt="Probability of each symbol")
        st.caption("Greedy decoding: the likeliest is written, and read from then on. 0 is the start symbol.")


def _marked(source: list[int], written: list[int], dataset: str, place: int) -> None:
    """The source, and what is written of it so far, each symbol marked right or wrong."""
    wanted = source if dataset == "copy" else source[::-1]
    right = [one == other for one, other in zip(written[:place], wanted, strict=False)]
    colours = ("green" if one else "red" for one in right)
    marks = [f":{colour}-badge[{one}]" for colour, one in zip(colours, written, strict=False)]
    more = " :gray-badge[…]" * (place < len(source))
    st.markdown(f"Source {' '.join(f':gray-badge[{one}]' for one in source)}\n\nWritten {' '.join(marks)}{more}")
    st.caption(f"{sum(right)} of {place} right. Green is right for the task {dataset}, red is wrong.")


def _attention(found: dict[str, Any], c: TransformerConfig, place: int) -> None:
    ways = list(LOOKS)
    look = st.segmented_control("Attention", ways, default="Cross", required=True, key="writing_look", help=LOOKS_HELP)
    one, two = st.columns(2)
    block = one.selectbox("Block", range(1, c.depth + 1), c.depth - 1, key=f"writing_block-{c.depth}")
    head = two.selectbox("Head", [MEAN, *range(1, c.heads + 1)], key=f"writing_head-{c.heads}")
    weights = found[LOOKS[look]][block - 1]
    table = weights.mean(axis=0) if head == MEAN else weights[int(head) - 1]
    rows = attention_rows(table, LOOKS[look], found["source"], found["written"], place)
    st.vega_lite_chart(rows, charts.ATTENTION(), key="attention", alt=f"Attention weights: {look}")


def attention_rows(table: Any, look: str, source: list[int], written: list[int], place: int) -> pd.DataFrame:
    """Rows for ATTENTION: one look's weights (L, L) when `place` symbols are written; the latest one is framed."""
    read = written if look == "decoder" else source
    columns = [f"{number} · {symbol}" for number, symbol in enumerate(read, start=1)]
    if look == "decoder":
        columns = ["start", *columns[:-1]]  # a place reads what stands before it
    own = source if look == "encoder" else written
    places = [f"{number} · {symbol}" for number, symbol in enumerate(own, start=1)]
    shown = len(places) if look == "encoder" else place
    rows = []
    for i, row in enumerate(places):
        chosen = look != "encoder" and i == place - 1
        for j, column in enumerate(columns):
            value = float(table[i, j]) if i < shown else None
            rows.append({"x": column, "y": row, "i": i, "j": j, "value": value, "chosen": chosen})
    return pd.DataFrame(rows)


def _can_write(config: RunConfig, dataset: str) -> bool:
    c = config.model
    return isinstance(c, TransformerConfig) and config.data.dataset == dataset and 2 <= c.sequence_length <= LONGEST


@st.cache_data(show_spinner="Writing", max_entries=50, hash_funcs=BY_CONFIG)
def _decoded(config: RunConfig, run_id: str | None, text: str) -> dict[str, Any]:
    """What a model writes for a text, as plain numbers. Raises ConfigError for a text that is no source."""
    assert isinstance(config.model, TransformerConfig)
    source = parse_symbols(text, config.model)
    found: Written = computed("sequences:written", config, weights_of(run_id), source)
    return {"source": source} | found._asdict()
