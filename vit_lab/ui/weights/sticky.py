"""What stays in sight while a long page moves: which step it shows, and whose colours are whose."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vit_lab.ui.look import look

LOOK = """
[data-testid="stLayoutWrapper"]:has(> .st-key-weights_bar) { position: sticky; top: 3.5rem; z-index: 90; }
.st-key-weights_bar { padding: 0.35rem 0.5rem; border-radius: 0.5rem; backdrop-filter: blur(14px);
                      background: color-mix(in srgb, Canvas 75%, transparent); }
.st-key-weights_bar p { overflow-wrap: anywhere; }
"""


def sticky_bar() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for a scrubber and for the words beside it; on a phone for those below it."""
    look(LOOK, "weights")
    with st.container(key="weights_bar"):
        scrubber, words = st.columns([0.62, 0.38], gap="medium", vertical_alignment="center")
    return scrubber, words
