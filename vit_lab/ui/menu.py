"""What the menu does beside leading to pages: on a telephone, where it covers them, it closes after a choice."""

import streamlit as st

from vit_lab.ui.look import HIDDEN, look

JS = """
const NARROW = 768  // pixels, below which Streamlit lays the sidebar over the page

export default function ({ data }) {
  const before = window.vitLabPage
  window.vitLabPage = data.page
  if (before === undefined || before === data.page || window.innerWidth >= NARROW) return
  const close = document.querySelector('[data-testid="stSidebarCollapseButton"] button')
  if (close && close.getBoundingClientRect().left >= 0) close.click()
}
"""
LESSON = """
[data-testid="stTopNavSection"] { font-weight: 600; border-radius: 0.5rem;
                                  background: color-mix(in srgb, currentColor 10%, transparent); }
"""
_CLOSES = st.components.v2.component("vit_lab_menu", html=f"<style>{HIDDEN}</style>", js=JS, isolate_styles=False)


def menu_closes(page: str) -> None:
    """Close the menu of a narrow screen if another page is shown than before."""
    with st.container(key="look_menu"):  # takes no place: see vit_lab.ui.look
        _CLOSES(key="menu", data={"page": page})


def highlight_lessons() -> None:
    """Light up the menu's section of lessons, as the menu itself does for single pages."""
    look(LESSON, "lessons")
