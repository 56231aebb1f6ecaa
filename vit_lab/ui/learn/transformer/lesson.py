"""The figures of the lesson on the Transformer, from the lab's own model, data, loss and learning rate."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from vit_lab.config import RunConfig, TransformerConfig
from vit_lab.presets import preset
from vit_lab.settings import ConfigError, configure, parse
from vit_lab.ui.learn.models import latest_run, model_of
from vit_lab.ui.learn.transformer import charts
from vit_lab.ui.learn.transformer.drawing import drawing
from vit_lab.ui.serving.lab import problems_told

LONGEST = 20  # symbols of a sequence whose attention can still be read
TRAIN_SEQUENCES = 10_000
LOOKS = {"Cross": "cross", "Decoder": "decoder", "Encoder": "encoder"}
MEAN = "mean of all heads"


def task(dataset: str) -> RunConfig:
    """The preset `copy`, or its sibling."""
    return configure(preset("copy"), dataset=dataset)


def figure_one(config: RunConfig) -> int:
    """Encoder and decoder as boxes, with the shapes and parameters of the model that this config builds; returns how many."""
    rows, total = _figure_one(config.model_dump_json())
    st.vega_lite_chart(rows, charts.DRAWING, key="drawing", alt="Encoder and decoder of the Transformer, box by box")
    return total


def mask_and_positions(config: RunConfig) -> None:
    """Which place may read which, and the sines and cosines that are added to the embeddings."""
    mask, positions = _mask_and_positions(config.model_dump_json())
    left, right = st.columns(2)
    with left:
        st.markdown("**The causal mask**")
        st.vega_lite_chart(mask, charts.MASK, key="mask", alt="The causal mask: a lower triangle")
    with right:
        st.markdown("**Positions**")
        st.vega_lite_chart(positions, charts.POSITIONS, key="positions", alt="Sines and cosines by place and feature")


def smoothing(epsilon: float) -> None:
    """The loss against confidence, without smoothing and with it."""
    st.vega_lite_chart(_smoothing(epsilon), charts.SMOOTHED, key="smoothing", alt="Loss against the probability of the right symbol")  # fmt: skip


def rates(warmup: int) -> None:
    """The learning rate of the preset by step, with that warm-up: as in the paper, and with a cosine."""
    from vit_lab.training.schedule import learning_rate

    found = []
    for arm, schedule in (("A", "noam"), ("B", "cosine")):
        config = configure(preset("copy"), schedule=schedule, warmup_steps=warmup, steps=2_000).optim
        found += [
            {"arm": arm, "step": step, "value": learning_rate(config, step, TRAIN_SEQUENCES)}
            for step in range(0, 2_000, 10)
        ]
    st.vega_lite_chart(pd.DataFrame(found), charts.RATES, key="rates", alt="Learning rate by step")


def writing(dataset: str) -> bool:
    """A sequence that the person types, written symbol by symbol by the latest model that was trained to, and where it looks.

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
        st.info(
            f"No model has been trained to {dataset} yet, so an untrained one writes, as it starts. Train it above."
        )
    first = " ".join(str((3 * place) % last + 1) for place in range(length))
    text = st.text_input(
        f"Source: {length} numbers from 1 to {last}", first, max_chars=200, key=f"writing_source-{length}-{last}"
    )
    with problems_told():
        try:
            found = _decoded(config.model_dump_json(), run.id if run else None, text)
        except ConfigError as error:
            st.error(error.message)  # without the field: there is only one
            return False
        _writing(found, dataset, c)
        return True
    return False


def _writing(found: dict[str, Any], dataset: str, c: TransformerConfig) -> None:
    source, written = found["source"], found["written"]
    wanted = source if dataset == "copy" else source[::-1]
    length = c.sequence_length
    place = st.slider("Symbols written", 1, length, length, key=f"writing_place-{length}")
    marks = [f":green-badge[{one}]" if one == right else f":red-badge[{one}]"
             for one, right in zip(written[:place], wanted, strict=False)]  # fmt: skip
    st.markdown(f"Source {' '.join(f':gray-badge[{one}]' for one in source)}\n\nWritten " + " ".join(marks)
                + " :gray-badge[…]" * (place < length))  # fmt: skip
    right = sum(one == other for one, other in zip(written[:place], wanted, strict=False))
    st.caption(f"{right} of {place} right. Green is right for the task {dataset}, red is wrong.")
    left, side = st.columns([0.6, 0.4], gap="large")
    with left:
        look = st.segmented_control(
            "Attention",
            list(LOOKS),
            default="Cross",
            required=True,
            key="writing_look",
            help="Cross: the decoder reads the source. Decoder: it reads what is written. Encoder: the source reads itself.",
        )
        one, two = st.columns(2)
        block = one.selectbox("Block", range(1, c.depth + 1), c.depth - 1, key=f"writing_block-{c.depth}")
        head = two.selectbox("Head", [MEAN, *range(1, c.heads + 1)], key=f"writing_head-{c.heads}")
        weights = found[LOOKS[look]][block - 1]
        table = weights.mean(axis=0) if head == MEAN else weights[int(head) - 1]
        rows = attention_rows(table, LOOKS[look], source, written, place)
        st.vega_lite_chart(rows, charts.ATTENTION, key="attention", alt=f"Attention weights: {look}")
    with side:
        st.markdown(f"**Choosing symbol {place}**")
        likely = found["probabilities"][place - 1]
        symbols = [{"symbol": str(symbol), "i": symbol, "value": value, "chosen": symbol == written[place - 1]}
                   for symbol, value in enumerate(likely)]  # fmt: skip
        st.vega_lite_chart(pd.DataFrame(symbols), charts.SYMBOLS, key="symbols", alt="Probability of each symbol")
        st.caption("Greedy decoding: the likeliest is written, and read from then on. 0 is the start symbol.")


def attention_rows(table: Any, look: str, source: list[int], written: list[int], place: int) -> pd.DataFrame:
    """Rows for ATTENTION: one look's weights (L, L), as far as `place` symbols are written; the latest one is framed."""
    read = written if look == "decoder" else source
    columns = [f"{number} · {symbol}" for number, symbol in enumerate(read, start=1)]
    if look == "decoder":
        columns = ["start", *columns[:-1]]  # a place reads what stands before it
    own = source if look == "encoder" else written
    places = [f"{number} · {symbol}" for number, symbol in enumerate(own, start=1)]
    shown = len(places) if look == "encoder" else place
    return pd.DataFrame(
        [
            {"x": column, "y": row, "i": i, "j": j, "value": float(table[i, j]) if i < shown else None,
             "chosen": look != "encoder" and i == place - 1}
            for i, row in enumerate(places) for j, column in enumerate(columns)
        ]
    )  # fmt: skip


def _can_write(config: RunConfig, dataset: str) -> bool:
    c = config.model
    return isinstance(c, TransformerConfig) and config.data.dataset == dataset and 2 <= c.sequence_length <= LONGEST


@st.cache_data(show_spinner="Building the model", max_entries=20)
def _figure_one(config_json: str) -> tuple[pd.DataFrame, int]:
    import torch

    from vit_lab.probes.anatomy import anatomy

    config, model = parse(config_json), model_of(config_json)
    assert isinstance(config.model, TransformerConfig)
    pieces = anatomy(model, torch.ones((1, 2, config.model.sequence_length), dtype=torch.int64))
    return drawing(pieces, config.model), sum(p.numel() for p in model.parameters())


@st.cache_data(show_spinner=False, max_entries=20)
def _mask_and_positions(config_json: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    from vit_lab.models.transformer import causal_mask
    from vit_lab.models.vit import sinusoidal_positions

    c = parse(config_json).model
    assert isinstance(c, TransformerConfig)
    found = []
    for table in (causal_mask(c.sequence_length).numpy(), sinusoidal_positions(c.sequence_length, c.dim).numpy()):
        rows = [{"x": str(j + 1), "y": str(i + 1), "i": i, "j": j, "value": float(value), "chosen": False}
                for (i, j), value in np.ndenumerate(table)]  # fmt: skip
        found.append(pd.DataFrame(rows))
    return found[0], found[1]


@st.cache_data(show_spinner=False, max_entries=50)
def _smoothing(epsilon: float) -> pd.DataFrame:
    """The loss of one symbol, its right one given probability x and the rest shared evenly by the others."""
    import torch

    from vit_lab.models.loss import training_loss

    config = preset("copy")
    others = config.model.num_classes - 1
    shares = np.concatenate([np.linspace(0.02, 0.98, 97), 1 - np.geomspace(0.018, 1e-4, 40)])
    rows = []
    for arm, share in (("A", 0.0), ("B", epsilon)):
        optim = configure(config, label_smoothing=share).optim
        losses = []
        for p in shares:
            logits = torch.tensor([[p, *[(1 - p) / others] * others]], dtype=torch.float64).log()
            losses.append(float(training_loss(logits, torch.tensor([0]), optim)))
        rows += [{"kind": "loss", "arm": arm, "x": p, "value": loss} for p, loss in zip(shares, losses, strict=True)]
        least = int(np.argmin(losses))
        rows.append({"kind": "least", "arm": arm, "x": shares[least], "value": losses[least]})
    return pd.DataFrame(rows)


@st.cache_data(show_spinner="Writing", max_entries=50)
def _decoded(config_json: str, run_id: str | None, text: str) -> dict[str, Any]:
    """What a model writes for a text, as plain numbers. Raises ConfigError for a text that is no source."""
    import torch

    from vit_lab.data.sequences import START, parse_symbols
    from vit_lab.models.transformer import Transformer
    from vit_lab.probes.decoding import decoded

    config = parse(config_json)
    assert isinstance(config.model, TransformerConfig)
    source = parse_symbols(text, config.model)
    model = model_of(config_json, run_id)
    assert isinstance(model, Transformer)
    found = decoded(model, torch.tensor(source), START)
    tables = {name: getattr(found, name).numpy() for name in ("probabilities", "encoder", "decoder", "cross")}
    return {"source": source, "written": found.written.tolist()} | tables
