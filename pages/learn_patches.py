"""Learn: Patches."""

import streamlit as st

from vit_lab.data.bundled import SIDE
from vit_lab.settings import configure
from vit_lab.ui.figures.picture import apart, show_picture
from vit_lab.ui.learn.digit import choose_digit
from vit_lab.ui.learn.lesson import end_of_lesson, lesson, look_for
from vit_lab.ui.learn.patches.tokens import (
    PATCH_SIZES,
    choose_run,
    cost_lesson,
    counted,
    embedding_lesson,
    filters_lesson,
)

lesson("learn_patches")
st.markdown("A Transformer reads a sequence of vectors, not a picture. So a Vision Transformer cuts the image into square "
            "patches and turns each into one vector, a **token** (Dosovitskiy et al. 2021, Sec. 3.1).")  # fmt: skip

controls, picture = st.columns([0.4, 0.6], gap="large")
with controls:
    patch_size = st.segmented_control(
        "Patch size", PATCH_SIZES, default=7, required=True, key="patch", format_func=lambda size: f"{size} px"
    )
    chosen = choose_digit("patches")
side = SIDE // patch_size
with picture:
    show_picture(apart(chosen.image, patch_size), width=300, alt=f"{chosen.words} in patches of {patch_size} pixels")
    look_for(
        f"{SIDE} / {patch_size} = {side}, so {chosen.words} comes apart into {side} × {side} = **{counted(side**2, 'patch')}**."
    )

run = choose_run(patch_size)
embedding_lesson(chosen, patch_size, run)
filters_lesson(patch_size, run)
cost_lesson(patch_size)
end_of_lesson("learn_patches", f"Train with patches of {patch_size} pixels", configure(patch_size=patch_size))
