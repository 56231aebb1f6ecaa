"""The Transformer of Vaswani et al. 2017, Fig. 1, as rows that one constant chart draws, labelled from a real model.

The sheet is 100 wide; rows count upwards. The encoder stands on the left, the decoder on the right.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vit_lab.model_config import TransformerConfig
from vit_lab.probes.piece import Piece

Row = dict[str, Any]
LEFT, RIGHT, WIDTH, HALF = 7.0, 56.0, 38.0, 0.36  # left edges of the two towers; a box's width and half its height
LANE = 4.0  # how far left of the boxes a residual line runs
FEED_FORWARD = ("mlp", "Feed-forward", "mlp")
TOWERS = {  # by stack: the paths of its embedding and of its final norm; path, title and colour of a block's sublayers
    "encoder": ("source_embed", "norm_encoder", (("attention", "Self-attention", "attention"), FEED_FORWARD)),
    "decoder": (
        "target_embed",
        "norm_decoder",
        (
            ("attention", "Masked self-attention", "attention"),
            ("cross", "Cross-attention", "attention"),
            FEED_FORWARD,
        ),
    ),
}


def drawing(pieces: Mapping[str, Piece], c: TransformerConfig) -> pd.DataFrame:
    """Rows for DRAWING: the model of config `c`, whose pieces are known by their paths in it."""
    length = c.sequence_length
    rows = _tower(LEFT, pieces, c, "encoder", f"source: {length} symbols")
    rows += _tower(RIGHT, pieces, c, "decoder", f"start, and {length - 1} written")
    centre = RIGHT + WIDTH / 2
    rows += _box(RIGHT, 13, "Linear", pieces["head"], "linear")
    rows += _line("to head", (centre, 12 + HALF), (centre, 13 - HALF)) + _arrow("up", centre, 13 - HALF - 0.08)
    rows += _line("out", (centre, 13 + HALF), (centre, 14.1)) + _arrow("up", centre, 14.1)
    rows.append(_words(centre, 14.6, f"softmax: {c.vocabulary} probabilities a place"))
    between = (LEFT + WIDTH + RIGHT - LANE) / 2  # the memory goes from the top of the encoder to cross-attention
    middle = LEFT + WIDTH / 2
    rows += _line("memory", (middle, 9 + HALF), (middle, 10), (between, 10), (between, 7), (RIGHT, 7))
    rows += [*_arrow("right", RIGHT - 0.8, 7), _words(middle, 10.35, f"memory: {length} × {c.dim}")]
    return pd.DataFrame(rows)


def _tower(x: float, pieces: Mapping[str, Piece], c: TransformerConfig, stack: str, enters: str) -> list[Row]:
    """Embedding, positions, one framed block that stands for all, and the final norm."""
    embed, norm, sublayers = TOWERS[stack]
    middle = x + WIDTH / 2
    rows = [_words(middle, 0, enters), *_box(x, 1, f"Embedding × √{c.dim}", pieces[embed], "embed"), *_plus(middle, 2)]
    rows += _line(f"{stack} in", (middle, 0.25), (middle, 1 - HALF)) + _arrow("up", middle, 1 - HALF - 0.08)
    rows += _line(f"{stack} embedded", (middle, 1 + HALF), (middle, 2))
    rows += [_words(x + WIDTH - 7, 2, "positions")]
    below, row = 2.0, 3
    for name, title, fill in sublayers:
        path = f"{stack}.0.{name}"
        heads = f", {c.heads} heads" if fill == "attention" and len(title) < 16 else ""
        rows += _box(x, row, "LayerNorm", pieces[f"{stack}.0.norm_{name}"], "norm")
        rows += _box(x, row + 1, f"{title}{heads}", pieces[path], fill) + _plus(middle, row + 2)
        rows += _line(f"{path} 1", (middle, below), (middle, row - HALF)) + _arrow("up", middle, row - HALF - 0.08)
        rows += _line(f"{path} 2", (middle, row + HALF), (middle, row + 1 - HALF))
        rows += _line(f"{path} 3", (middle, row + 1 + HALF), (middle, row + 2))
        lane = x - LANE
        corners = ((middle, below + 0.42), (lane, below + 0.42), (lane, row + 2), (middle, row + 2))
        rows += _line(f"{path} around", *corners)
        below, row = row + 2.0, row + 3
    top = row - 1 + 0.45
    rows.append({"kind": "frame", "x": x - LANE - 2.5, "x2": x + WIDTH + 2.5, "y": 2.3, "y2": top})
    rows.append(_words(x + WIDTH - 4, top - 0.3, f"{c.depth} ×"))
    rows += _box(x, row, "LayerNorm", pieces[norm], "norm")
    rows += _line(f"{stack} out", (middle, below), (middle, row - HALF)) + _arrow("up", middle, row - HALF - 0.08)
    return rows


def _box(x: float, y: float, name: str, piece: Piece, fill: str) -> list[Row]:
    detail = f"{' × '.join(map(str, piece.shape))} · {piece.parameters:,}"
    middle = x + WIDTH / 2
    sheet = {"x": x, "x2": x + WIDTH, "y": y - HALF, "y2": y + HALF}
    return [
        {"kind": "box", "name": name, "detail": detail, "fill": fill} | sheet,
        {"kind": "name", "x": middle, "y": y + 0.15, "name": name},
        {"kind": "detail", "x": middle, "y": y - 0.17, "name": detail},
    ]


def _line(name: str, *points: tuple[float, float]) -> list[Row]:
    return [{"kind": "line", "line": name, "order": order, "x": x, "y": y} for order, (x, y) in enumerate(points)]


def _plus(x: float, y: float) -> list[Row]:
    return [{"kind": "plus", "x": x, "y": y}]


def _arrow(way: str, x: float, y: float) -> list[Row]:
    return [{"kind": way, "x": x, "y": y}]


def _words(x: float, y: float, text: str) -> Row:
    return {"kind": "words", "x": x, "y": y, "name": text}
