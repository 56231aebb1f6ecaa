"""Paragraphs: the source holds them in lines of its own width, a page shows each as one."""

import re

import streamlit as st

SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")  # which mean something in Streamlit's Markdown


NO_ICON = ""  # or Streamlit looks for an emoji in the text, and for the first one it builds a table: 0.1 s and more


def literal(text: str) -> str:
    """Markdown that shows a text as a person has typed it, whatever signs it has."""
    return SIGNS.sub(r"\\\1", text)


def prose(text: str) -> str:
    """A paragraph without the line breaks and the indentation that it has in the source."""
    return " ".join(text.split())


UNSAFE = dict.fromkeys(range(32), " ") | {ord("`"): "'"}  # in the code span that shows what a link says
LONGEST_SHOWN = 24  # letters


def as_code(text: str) -> str:
    """What somebody typed into an address, as Markdown that shows it and draws nothing of it."""
    return f"`{text[:LONGEST_SHOWN].translate(UNSAFE)}{'…' if len(text) > LONGEST_SHOWN else ''}`"


def say(text: str) -> None:
    """A paragraph on the page, in Markdown."""
    st.markdown(prose(text))


def note(text: str) -> None:
    """A paragraph in small grey letters, in Markdown."""
    st.caption(prose(text))


def inform(text: str) -> None:
    """A paragraph that says what there is, or is not yet."""
    st.info(prose(text), icon=NO_ICON)


def warn(text: str) -> None:
    """A paragraph that warns."""
    st.warning(prose(text), icon=NO_ICON)
