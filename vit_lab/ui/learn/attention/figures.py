"""The figures of the lesson on self-attention, in the order in which a token's question is answered."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.analysis.chart_style import SpecMaker
from vit_lab.lessons.seen import Array
from vit_lab.ui.figures import matrix, patch_map
from vit_lab.ui.learn.attention.steps import Look

MOST_COLUMNS = 64  # of the heads side by side


def queries_keys_values(look: Look) -> None:
    """Three projections of every token, under one head."""
    named = {"Queries": look.found.q, "Keys": look.found.k, "Values": look.found.v}
    for column, (name, values) in zip(st.columns(3), named.items(), strict=True):
        with column:
            st.markdown(f"**{name} of head {look.head + 1}**")
            words = f"{name} of all tokens"
            matrix.matrix(values[look.head], matrix.FEATURES, name.lower(), words, rows=look.shown.tokens)


def scores_over_image(look: Look) -> None:
    """The scores of the chosen query, where the keys are."""
    row = look.found.scores[look.head, look.query]
    _over_image(look, row, patch_map.SCORES, "score-map", "Scores of the chosen query")


def all_scores(look: Look) -> None:
    """The scores of all queries and keys."""
    _between_tokens(look, look.found.scores[look.head], matrix.SCORES, "scores", "Scores of all queries and keys")


def weights_over_image(look: Look) -> None:
    """The weights of the chosen query, where the keys are."""
    row = look.found.weights[look.head, look.query]
    _over_image(look, row, patch_map.WEIGHTS, "weight-map", "Attention map of the chosen query")


def all_weights(look: Look) -> None:
    """The weights of all queries and keys."""
    _between_tokens(look, look.found.weights[look.head], matrix.WEIGHTS, "weights", "Attention weights")


def weighted_values(look: Look) -> None:
    """Every value times its weight for the chosen query, and their sum."""
    found, head, query = look.found, look.head, look.query
    told = np.vstack([found.weights[head, query][:, None] * found.v[head], found.heads[head, query]])
    matrix.matrix(told, matrix.FEATURES, "told", "Weighted values and their sum", rows=[*look.shown.tokens, "sum"])


def every_head_over_image(look: Look) -> None:
    """Where the chosen query looks, head by head."""
    heads = len(look.found.weights)
    grid = st.grid(min(heads, 8), min_column_width=140, gap="small")
    for head in range(heads):
        with grid.cell():
            st.caption(f"head {head + 1}, entropy {look.found.entropy[head]:.2f}")
            row = look.found.weights[head, look.query]
            _over_image(look, row, patch_map.HEAD, f"head-map-{head}", f"Attention map of head {head + 1}")


def joined_and_projected(look: Look) -> None:
    """What the heads say side by side, and after the projection that mixes them."""
    named = {"Heads side by side": look.found.joined, "After the output projection": look.found.out}
    for column, (title, values) in zip(st.columns(2), named.items(), strict=True):
        with column:
            st.markdown(f"**{title}**")
            key = title.split()[0].lower()
            matrix.matrix(values[:, :MOST_COLUMNS], matrix.TOKENS, key, title, rows=look.shown.tokens)


def causal(look: Look) -> None:
    """The mask of a decoder, and the weights without it and with it."""
    weights, masked = look.found.weights[look.head], look.found.masked[look.head]
    tables = (
        ("The mask: who may read whom", matrix.MASK, look.found.mask),
        ("Weights without it", matrix.WEIGHTS, weights),
        ("Weights with it", matrix.WEIGHTS, masked),
    )
    for column, (title, spec, values) in zip(st.columns(3), tables, strict=True):
        with column:
            st.markdown(f"**{title}**")
            _between_tokens(look, values, spec, f"causal-{title}", title)


def _between_tokens(look: Look, values: NDArray[Any], spec: SpecMaker, key: str, words: str) -> None:
    matrix.matrix(values, spec, key, words, rows=look.shown.tokens, columns=look.shown.tokens)


def _over_image(look: Look, row: Array, spec: SpecMaker, key: str, words: str) -> None:
    before = len(row) - look.shown.model.num_patches  # the class token
    patch_map.patch_map(row[before:], spec, key, words, chosen=look.query - before, image=look.chosen.image)
