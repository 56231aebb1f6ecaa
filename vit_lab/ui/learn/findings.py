"""The findings of docs/findings, by number, as a page shows them and links lead to them."""

import re

import streamlit as st

from vit_lab import paths

PAGE, ICON = "pages/finding.py", ":material/menu_book:"


@st.cache_data(show_spinner=False)
def findings_here() -> dict[str, str]:
    """By number, as "001": the title, which begins with it, of each finding that this copy of the lab has."""
    found = {}
    for file in sorted((paths.top() / "docs" / "findings").glob("[0-9][0-9][0-9]-*.md")):
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        found[file.name[:3]] = first.lstrip("# ").strip()
    return found


def text_of(number: str) -> str:
    """A finding in Markdown. Files that it refers to are named, for they are not served."""
    [file] = (paths.top() / "docs" / "findings").glob(f"{number}-*.md")
    return re.sub(r"\[([^\]]+)\]\((?!https?:)([^)]+)\)", r"\1 (`\2`)", file.read_text(encoding="utf-8"))


def finding_link(number: str) -> None:
    """A link that opens a finding in the app, if it is here."""
    if title := findings_here().get(number):
        st.page_link(PAGE, label=f"Finding {title}", icon=ICON, query_params={"finding": number})
