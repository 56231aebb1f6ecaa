"""The figures of Inside, a function each: what they show of both arms, on one scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from vit_lab.model_config import ModelConfig, TimesformerConfig, TransformerConfig, VitConfig
from vit_lab.training.looks import MEAN, Array
from vit_lab.ui.arms import chip
from vit_lab.ui.figures import matrix
from vit_lab.ui.inside import looks
from vit_lab.ui.inside.choice import CLASS, OWN, Place
from vit_lab.ui.inside.grid import (
    EVEN,
    LOSS,
    PICTURE,
    PROBABILITY,
    SHARE,
    Asks,
    Maps,
    Scale,
    clicked,
    maps_grid,
)
from vit_lab.ui.inside.held import choose, held, key_of, take
from vit_lab.ui.inside.shown import Shown, class_names
from vit_lab.ui.prose import prose

FOLLOWED = prose("""
    By the figures of what the arms know, what they need, and how likely it was, step by step. At first it is the true
    class, and of a drawing what each arm answers.
""")
WHICH = {"cross": "The decoder reads the source", "decoder": "The decoder reads itself", "": "The encoder"}
MOST_ACROSS = 8  # maps in a row, of blocks one after the other
LARGE, EXAMPLE = 320, 240  # pixels of a map that stands alone


def place_of(shown: Shown) -> Place | None:
    """Which token reads, as the visitor has chosen it; None of sequences, whose maps are whole."""
    return chosen_place(shown.run.config.model)


def chosen_place(model: Any) -> Place | None:
    """The same for a model."""
    if isinstance(model, TransformerConfig):
        return None
    state = st.session_state
    frame = min(state.get("inside_frame", 1), model.num_frames) - 1 if isinstance(model, TimesformerConfig) else 0
    patch = held("inside_reads", MEAN)
    patch = patch if isinstance(patch, int) else MEAN
    has_class = isinstance(model, VitConfig) and model.pool == "cls"
    is_one = 0 <= patch < model.num_patches or patch == MEAN or (patch == CLASS and has_class)
    return Place(model, patch if is_one else MEAN, frame)


def choose_place(shown: Shown) -> None:
    """The example in its patches, of which one can be clicked, and boxes that say the same."""
    model = shown.run.config.model
    place = chosen_place(model)
    if place is None or isinstance(model, TransformerConfig):
        source, written = shown.glance.example
        st.markdown(f"It reads  \n`{' '.join(map(str, source))}`")
        st.markdown(f"and has before its last place  \n`{' '.join(map(str, written))}`")
        return
    side = round(model.num_patches**0.5)
    picture = ink(shown)
    frames = [place.patch] if place.patch >= 0 else []
    if isinstance(model, TimesformerConfig):
        _choose_frame(model, picture)
        picture = picture[place.frame]
    blank = np.zeros((1, 1, side, side))
    example = Maps("", "", "", blank, pictures=picture, frames=frames)
    maps_grid(
        [example], PICTURE, "inside_example", "The example, in patches", most=EXAMPLE, asks=Asks("part", _take_patch)
    )
    options = [MEAN, CLASS] if isinstance(model, VitConfig) and model.pool == "cls" else [MEAN]
    options += range(model.num_patches)
    words = {MEAN: "the mean of all tokens", CLASS: "the class token"}
    st.selectbox(
        "Who reads",
        options,
        options.index(place.patch),
        format_func=lambda patch: words.get(patch, f"patch {patch + 1}"),
        key=key_of("inside_reads"),
        on_change=take,
        args=("inside_reads",),
        help="Click a patch of the example. Maps show how much of each patch that token reads.",
    )


def follow(shown: Shown) -> None:
    """The class that is followed through blocks, patches and steps."""
    names = class_names(shown.run)
    if st.session_state.get("inside_of") not in range(len(names)):
        st.session_state["inside_of"] = OWN
    st.selectbox(
        "Class followed",
        [OWN, *range(len(names))],
        format_func=lambda of: "true, or answered" if of == OWN else names[of],
        key="inside_of",
        help=FOLLOWED,
    )


def class_asked() -> int | None:
    """The class that somebody has chosen to follow."""
    of = st.session_state.get("inside_of", OWN)
    return of if isinstance(of, int) and of != OWN else None


def followed(shown: Sequence[Shown]) -> str:
    """That class in words."""
    if class_asked() is None and shown[0].glance.label < 0:
        return "each arm's own answer"
    return f"class {class_names(shown[0].run)[shown[0].glance.of]}"


def _choose_frame(model: TimesformerConfig, pictures: Array) -> None:
    st.session_state["inside_frame"] = min(st.session_state.get("inside_frame", 1), model.num_frames)
    st.slider("Frame", 1, model.num_frames, key="inside_frame", help="Of the clip: who reads, and what is shown.")


def _take_patch() -> None:
    """The patch that was clicked reads; the same again, and it is the mean."""
    if (found := clicked("inside_example")) is not None:
        choose("inside_reads", MEAN if held("inside_reads", MEAN) == found[2] else found[2])


def _take_part() -> None:
    if (found := clicked("inside_opened")) is not None:
        choose("inside_reads", found[2])


def _open() -> None:
    if (found := clicked("inside_maps")) is not None:
        text = f"{found[0] + 1}.{found[1] + 1}"
        st.session_state["inside_open"] = "" if st.session_state.get("inside_open") == text else text


def _close() -> None:
    st.session_state["inside_open"] = ""


def ink(shown: Shown) -> Array:
    """The example as 0 to 255, (S, S), or (T, S, S) of a clip; colours as grey."""
    levels = (255 * np.clip(shown.glance.example, 0, 1)).astype(np.uint8)
    return levels.mean(axis=-3).astype(np.uint8)


def choose_attention(model: ModelConfig) -> str:
    """Which attention of a Transformer is shown, a key of WHICH; of other models there is one."""
    if not isinstance(model, TransformerConfig):
        return ""
    which: str = st.segmented_control(
        "Attention", list(WHICH), format_func=WHICH.__getitem__, default="cross", required=True, key="inside_which"
    )
    return which


def attention_maps(shown: Sequence[Shown], which: str = "") -> None:
    """A map a head, blocks from the top; a click opens one large."""
    panels, opened = [], _opened(shown[0])
    for one in shown:
        values, drawn = _attention(one, which)
        blocks, heads = values.shape[:2]
        names = {"row_names": _counted("", blocks), "column_names": _counted("head " if heads < 7 else "", heads)}
        panels.append((one, values, drawn, names))
    if not panels[0][1].size:
        st.info("Sequences as long as these have maps that are too fine to be drawn.")
        return
    if opened is not None:
        block, head = opened
        large = [one.maps(values[block : block + 1, head : head + 1], **drawn) for one, values, drawn, _ in panels]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Block {block + 1}, head {head + 1}**", width="content")
            st.button("Close", icon=":material/close:", key="inside_close", on_click=_close)
        asks = Asks("part" if place_of(shown[0]) else "", _take_part)
        maps_grid(large, SHARE, "inside_opened", "One head, large", most=LARGE, asks=asks)
    grids = [one.maps(values, **drawn, **names) for one, values, drawn, names in panels]
    maps_grid(grids, SHARE, "inside_maps", "Attention", most=150, asks=Asks("cell", _open, opened))


def _opened(shown: Shown) -> tuple[int, int] | None:
    parts = str(st.session_state.get("inside_open", "")).split(".")
    model = shown.run.config.model
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    block, head = (int(part) - 1 for part in parts)
    return (block, head) if 0 <= block < model.depth and 0 <= head < model.heads else None


def _counted(word: str, count: int) -> list[str]:
    return [f"{word}{number + 1}" for number in range(count)]


def _attention(one: Shown, which: str) -> tuple[Array, dict[str, Any]]:
    """(E, H, h, w) numbers of one arm, and what is drawn over them."""
    place, found = place_of(one), one.glance
    if place is None:
        chosen = {"decoder": found.decoder, "cross": found.cross}.get(which, found.reads)
        return (found.reads[..., :0, :0] if chosen is None else chosen), {}
    values, frames = found.reads, [place.patch] if place.patch >= 0 else []
    if isinstance(place.model, TimesformerConfig):
        patches = place.model.num_patches
        if values.shape[-1] > patches:  # joint: what it reads of this frame
            values = values[..., place.frame * patches : (place.frame + 1) * patches]
        picture = ink(one)[place.frame]
    else:
        values = values[..., values.shape[-1] - place.model.num_patches :]  # without the class token
        picture = ink(one)
    return square(values), {"pictures": picture, "frames": frames}


def square(values: Array) -> Array:
    """Numbers of patches where the patches are: (..., P) -> (..., s, s)."""
    side = round(values.shape[-1] ** 0.5)
    return values.reshape(*values.shape[:-1], side, side)


def over_time(shown: Sequence[Shown]) -> None:
    """How much of each frame the place that reads takes in, block by block, of each head."""
    panels = []
    for one in shown:
        time = one.glance.time
        assert time is not None
        blocks, heads = time.shape[:2]
        bars = time.reshape(blocks, heads, 1, -1).repeat(2, axis=2)
        panels.append(one.maps(bars, row_names=_counted("", blocks), column_names=_counted("head ", heads)))
    maps_grid(panels, SHARE, "inside_time", "Attention over time", most=150)


def rollout_map(shown: Sequence[Shown]) -> None:
    """Where what the answer is read from comes from."""
    _over_example(shown, [one.glance.rollout for one in shown], EVEN, "inside_rollout", "Rollout", even=True)


def occlusion_map(shown: Sequence[Shown], example: Any) -> None:
    """What the class loses where a part is blanked."""
    lost = [looks.occluded(one.run, one.weights, example, one.glance.of) for one in shown]
    _over_example(shown, [found.reshape(-1) for found in lost], LOSS, "inside_occlusion", "Occlusion")


def _over_example(
    shown: Sequence[Shown], numbers: Sequence[Array], scale: Scale, key: str, alt: str, *, even: bool = False
) -> None:
    """A number for each part of the example, over it: frame by frame of a clip, symbol by symbol of a sequence."""
    panels = []
    for one, found in zip(shown, numbers, strict=True):
        values = found * len(found) if even else found
        model = one.run.config.model
        if isinstance(model, TransformerConfig):
            panels.append(one.maps(values.reshape(1, 1, 1, -1).repeat(2, axis=2)))
            continue
        values = values[len(values) % model.num_patches :]  # without the class token
        frames = square(values.reshape(-1, model.num_patches))[None]
        panels.append(one.maps(frames, pictures=ink(one), row_names=[""] if frames.shape[1] > 1 else []))
    maps_grid(panels, scale, key, alt, most=LARGE)


def lens_chart(shown: Sequence[Shown]) -> None:
    """What the classifier would say after each block, every class."""
    names = class_names(shown[0].run)
    for column, one in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            st.markdown(f"{chip(one.run.arm)} {one.name}")
            rows = _counted("block ", len(one.glance.lens))
            words = f"What arm {one.letter} would say after each block"
            matrix.matrix(one.glance.lens, matrix.LENS, f"inside_lens-{one.run.arm}", words, rows=rows, columns=names)


def token_maps(shown: Sequence[Shown]) -> None:
    """The same of each token alone, for the class that is followed, block by block."""
    panels = []
    for one in shown:
        tokens, model = one.glance.tokens, one.run.config.model
        if isinstance(model, TransformerConfig):
            panels.append(one.maps(tokens[None, None]))
            continue
        place = place_of(one)
        assert place is not None
        picture = ink(one)
        if isinstance(model, TimesformerConfig):
            tokens = tokens[:, place.frame * model.num_patches : (place.frame + 1) * model.num_patches]
            picture = picture[place.frame]
        tokens = square(tokens[:, tokens.shape[1] - model.num_patches :])
        across = min(len(tokens), MOST_ACROSS)
        spare = np.full((-len(tokens) % across, *tokens.shape[1:]), np.nan)
        values = np.concatenate([tokens, spare]).reshape(-1, across, *tokens.shape[1:])
        names = _counted("block ", across) if len(values) == 1 else []
        rows = [str(row * across + 1) for row in range(len(values))] if len(values) > 1 else []
        panels.append(one.maps(values, pictures=picture, column_names=names, row_names=rows))
    maps_grid(panels, PROBABILITY, "inside_tokens", "Each token alone", most=150)
