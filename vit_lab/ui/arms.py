"""An arm's mark on a page: its letter in its colour."""

from vit_lab.analysis.arms import letter

MARKDOWN_COLOURS = ("blue", "orange", "green", "violet", "red", "yellow")


def chip(arm: int, words: str = "") -> str:
    """Markdown for an arm's letter in its colour, or for other words in that colour."""
    return f":{MARKDOWN_COLOURS[arm % len(MARKDOWN_COLOURS)]}-badge[{words or letter(arm)}]"
