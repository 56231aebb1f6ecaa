"""What the menu does beside leading to pages: on a telephone, where it covers them, it closes after a choice."""

import streamlit as st

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
LOOK = """<style>[data-testid="stLayoutWrapper"]:has(> .st-key-menu_closes) { display: none; }</style>"""  # and no gap
LESSON = """<style>[data-testid="stTopNavSection"] { font-weight: 600; border-radius: 0.5rem;
background: color-mix(in srgb, currentColor 10%, transparent); }</style>"""
_CLOSES = st.components.v2.component("vit_lab_menu", html="<i></i>", js=JS)


def menu_closes(page: str) -> None:
    """Close the menu of a narrow screen if another page is shown than before."""
    st.html(LOOK)
    with st.container(key="menu_closes"):
        _CLOSES(key="menu", data={"page": page})


def highlight_lessons() -> None:
    """Light up the menu's section of lessons, as the menu itself does for single pages."""
    st.html(LESSON)
