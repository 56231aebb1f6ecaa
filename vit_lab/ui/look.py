"""Rules of style that Streamlit has no option for, for as long as what draws them is on the page."""

import streamlit as st

JS = """
export default function ({ data, parentElement }) { parentElement.querySelector("style").textContent = data.css }
"""
HIDDEN = '[data-testid="stLayoutWrapper"]:has(> [class*="st-key-look_"]) { display: none; }\n'  # or its place is a gap
_LOOK = st.components.v2.component("vit_lab_look", html="<style></style>", js=JS, isolate_styles=False)


def look(css: str, key: str) -> None:
    """Apply rules to the whole page; they hold nothing that a person has typed."""
    with st.container(key=f"look_{key}"):
        _LOOK(key=f"look_of_{key}", data={"css": HIDDEN + css})
