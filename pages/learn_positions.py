"""Learn: Positions."""

import streamlit as st

from vit_lab.settings import configure
from vit_lab.ui.learn.lesson import end_of_lesson, lesson
from vit_lab.ui.learn.positions.shuffle import shuffle_lesson
from vit_lab.ui.learn.positions.vectors import KINDS, SIZES, encoding_lesson, similarity_lesson

lesson("learn_positions")
st.markdown("To attention, tokens are a set: nothing says which patch was where. So each token is told its place, by adding to it a "
            "vector that only depends on the place. The vector is either fixed, made of sines and cosines (Vaswani et al. 2017, "
            "Sec. 3.5), or learned like any weight (Dosovitskiy et al. 2021, Sec. 3.1).")  # fmt: skip
left, right = st.columns(2)
kind = left.segmented_control("Positions", KINDS, default="sinusoidal", required=True, key="kind")
patch_size = right.segmented_control("Patch size", SIZES, default=7, required=True, key="positions_patch",
                                     format_func=lambda size: f"{size} px")  # fmt: skip
similarity_lesson(kind, encoding_lesson(kind, patch_size))
shuffle_lesson()
end_of_lesson("learn_positions", "Train without positions", configure(position="none"))
