"""The figures of the lesson on patches: from an image to tokens, and what the embedding looks for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vit_lab.config import VitConfig
from vit_lab.data.bundled import SIDE
from vit_lab.refusals import divisors
from vit_lab.runs.records import RunRecord
from vit_lab.settings import configure
from vit_lab.ui.figures import matrix
from vit_lab.ui.figures.picture import sheet, show_picture
from vit_lab.ui.learn.digit import Digit
from vit_lab.ui.learn.lesson import look_for
from vit_lab.ui.learn.models import as_input, latest_vit, run_words, vit
from vit_lab.ui.train.form import train_link

PATCH_SIZES = divisors(SIDE)
MOST_ROWS, MOST_COLUMNS = 49, 64  # of a matrix that is shown
MOST_PRINCIPAL = 28  # as many as in the paper's figure
SHEET_PIXELS = 420  # about, width of the pictures of filters


@dataclass(frozen=True)
class Stages:
    """An image on its way into a ViT: N patches of P*P*C grey levels, then N tokens of D numbers."""

    rows: NDArray[np.float32]  # (N, P*P*C), 0 to 1
    embedded: NDArray[np.float32]  # (N, D)
    tokens: NDArray[np.float32]  # (N, D), or one more with a class token
    shapes: tuple[tuple[int, ...], ...]  # of image, rows and tokens, as the model had them


def choose_run(patch_size: int) -> RunRecord | None:
    """The run that the whole page looks into: the latest with this patch size, and with positions."""
    return latest_vit(lambda model: model.patch_size == patch_size and model.position != "none")


def embedding_lesson(chosen: Digit, patch_size: int, run: RunRecord | None) -> None:
    """Rows of pixels, then tokens before and after positions, each with its shape."""
    config = run.config if run else configure(patch_size=patch_size)
    found = _stages(chosen.pixels, config.model_dump_json(), run.id if run else None)
    image, rows, tokens = found.shapes
    st.subheader("Each patch becomes a row of pixels", anchor=False)
    st.markdown(
        f"`(B, C, H, W)` = `{image}` becomes `(B, N, P·P·C)` = `{rows}`: **{counted(rows[1], 'patch')} of {counted(rows[2], 'number')}**."
    )
    matrix.matrix(found.rows[:MOST_ROWS], matrix.PIXELS, "rows", "Pixels of each patch as a row")
    where = "The one row is the whole image" if rows[1] == 1 else "Row 1 is the patch at the top left"
    dark = "" if rows[1] == 1 else " Dark rows are empty patches."
    look_for(f"{where}, read like a line of text.{dark}"
             f"{_shown(found.rows, SIDE**2)}")  # fmt: skip

    st.subheader("Each row becomes a token", anchor=False)
    model = config.model
    assert isinstance(model, VitConfig)
    st.markdown(
        f"One linear layer, shared by all patches, maps `(B, N, P·P·C)` = `{rows}` to `(B, N, D)` = `{(*rows[:2], model.dim)}`; then "
        + ("a class token comes first and " if model.pool == "cls" else "")
        + f"the positions are added. The numbers are those of {run_words(run) if run else 'the classroom model at its init'}."
    )
    st.latex(r"\mathbf{z}_0 = [\,\mathbf{x}_p^1\mathbf{E};\;\mathbf{x}_p^2\mathbf{E};\;\dots;\;\mathbf{x}_p^N\mathbf{E}\,]"
             r" + \mathbf{E}_{pos}")  # fmt: skip
    before, after = st.columns(2)
    with before:
        st.markdown("**Before positions**")
        matrix.matrix(found.embedded[:MOST_ROWS, :MOST_COLUMNS], matrix.TOKENS, "embedded", "Tokens before positions")
    with after:
        st.markdown("**What enters the first block**")
        names = ["class"] if tokens[1] > rows[1] else []
        names += [str(place + 1) for place in range(rows[1])]
        matrix.matrix(found.tokens[:MOST_ROWS, :MOST_COLUMNS], matrix.TOKENS, "tokens", "Tokens with positions",
                      rows=names[:MOST_ROWS])  # fmt: skip
    alike = ("The only patch is the whole image, so its place tells nothing." if rows[1] == 1 else
             "Empty patches are all alike before positions, and can be told apart after.")  # fmt: skip
    look_for(f"{alike}{_shown(found.embedded, MOST_COLUMNS)} "
             "(Dosovitskiy et al. 2021, Sec. 3.1, Eq. 1, there with a class token in front.)")  # fmt: skip


def filters_lesson(patch_size: int, run: RunRecord | None) -> None:
    """The filters of a run with this patch size beside the same filters at its init."""
    st.subheader("What the embedding looks for", anchor=False)
    config = run.config if run else configure(patch_size=patch_size)
    principal = st.toggle("Principal components", key="principal", disabled=patch_size == 1,
                          help="The directions in which the filters differ most, as the paper's Fig. 7 (left) shows them.")  # fmt: skip
    principal = principal and patch_size > 1
    left, right = st.columns(2)
    with left:
        st.markdown("**At its init**")
        _filters(config.model_dump_json(), None, principal)
    with right:
        if run:
            st.markdown("**After training**")
            _filters(config.model_dump_json(), run.id, principal)
        else:
            st.info(
                f"No run with patch size {patch_size} and positions has finished here yet. Train one, and its filters stand here."
            )
            st.page_link("pages/train.py", label=f"Train with patch size {patch_size}", icon=":material/play_circle:",
                         query_params=train_link([config]))  # fmt: skip
    which = (f"Both are of {run_words(run)}; training has moved the filters by {_moved(config.model_dump_json(), run.id):.0%} of their size. "
             "After a few hundred steps most of what is seen is still the noise of the init. Each picture has its own scale, on which its "
             "largest weight is black or white." if run else "These are of the classroom model.")  # fmt: skip
    tile = ("A tile is a direction in which the filters differ, the widest first: grey is 0, white and black are opposites." if principal else
            "A tile is one dimension of a token: grey is 0, white counts a pixel for it, black against.")  # fmt: skip
    look_for(f"{tile} {which} The smooth filters of Dosovitskiy et al. 2021, Fig. 7 left, are principal components in a far larger model, trained on millions of images.")  # fmt: skip


def cost_lesson(patch_size: int) -> None:
    """How tokens and attention scores grow as patches shrink."""
    st.subheader("What small patches cost", anchor=False)
    table = costs()
    side = SIDE // patch_size
    st.markdown(
        f"N grows as 1/P² and attention as N²: patches of {patch_size} × {patch_size} make **{counted(side**2, 'token')}** and "
        f"**{counted(side**4, 'score')}** in each head of each block. A patch of half the side means 4 times the tokens and 16 times the scores."
    )
    st.table(table)
    look_for(
        f"Each row is an image in the same {SIDE**2} pixels; what changes is in how many pieces attention sees it."
    )


def costs() -> pd.DataFrame:
    """Patch size, tokens, numbers a patch, and scores a head for each patch size that divides the image."""
    rows = []
    for size in PATCH_SIZES:
        patches = configure(patch_size=size).model.num_tokens
        rows.append({"patch size P": f"{size}", "tokens N": f"{patches:,}", "numbers a patch P²": f"{size**2:,}",
                     "scores a head N²": f"{patches**2:,}"})  # fmt: skip
    return pd.DataFrame(rows).set_index("patch size P")


@st.cache_data(show_spinner=False, max_entries=64)
def _stages(pixels: bytes, config_json: str, run_id: str | None) -> Stages:
    from vit_lab.models.vit import patchify

    model, image = vit(config_json, run_id), as_input(pixels, config_json)
    size = model.config.patch_size
    grey = as_input(pixels, configure(normalise=False).model_dump_json())
    rows = patchify(image, size)
    embedded, tokens = model.embed(rows), model.tokens(image)
    shapes = tuple(tuple(x.shape) for x in (image, rows, tokens))
    return Stages(patchify(grey, size)[0].numpy(), embedded[0].numpy(), tokens[0].numpy(), shapes)


def _filters(config_json: str, run_id: str | None, principal: bool) -> None:
    picture = _filter_sheet(config_json, run_id, principal)
    show_picture(picture, alt=f"Patch filters {'after training' if run_id else 'at the init'}")


@st.cache_data(show_spinner=False, max_entries=32)
def _filter_sheet(config_json: str, run_id: str | None, principal: bool) -> NDArray[np.uint8]:
    from vit_lab.probes.filters import patch_filters, principal_filters

    model = vit(config_json, run_id)
    found = principal_filters(model)[:MOST_PRINCIPAL] if principal else patch_filters(model)[:MOST_COLUMNS]
    filters = found[:, 0].numpy()
    columns = min(len(filters), 7 if principal else 8)
    zoom = max(1, SHEET_PIXELS // (columns * filters.shape[-1]))
    return sheet(as_grey(filters).repeat(zoom, axis=1).repeat(zoom, axis=2), columns, gap=4)


@st.cache_data(show_spinner=False, max_entries=32)
def _moved(config_json: str, run_id: str) -> float:
    """How far training has moved the filters, over their size at the init (see `vit_lab.probes.weights.weight_rows`)."""
    from vit_lab.probes.weights import layers, weight_rows

    now, start = ({"embed": layers(vit(config_json, which))["embed"]} for which in (run_id, None))
    return next(value for measure, _, value in weight_rows(now, start) if measure == "weight_distance")


def as_grey(filters: NDArray[Any]) -> NDArray[np.uint8]:
    """Weights as grey levels: 0 is the middle, and the largest of all, whatever its sign, is black or white. (n, P, P)."""
    return np.round(127.5 + 127.5 * filters / max(np.abs(filters).max(), 1e-12)).astype(np.uint8)


def counted(count: int, what: str) -> str:
    """How many there are of something: '1 patch', '2,401 scores'."""
    return f"{count:,} {what}{'' if count == 1 else 'es' if what.endswith('ch') else 's'}"


def _shown(values: NDArray[Any], most_columns: int) -> str:
    limits = (MOST_ROWS, "rows"), (most_columns, "columns")
    parts = [
        f"{most} of {count} {what}" for count, (most, what) in zip(values.shape, limits, strict=True) if count > most
    ]
    return f" The first {' and '.join(parts)} are shown." if parts else ""
