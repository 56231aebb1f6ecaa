"""The arms under comparison: one letter and one colour each, on every page.

The colours stand in .streamlit/config.toml too, where Streamlit reads its own; a test holds them together.
"""

LETTERS = "ABCDEF"
COLOURS = ("#3b82f6", "#f97316", "#10b981", "#a855f7", "#ec4899", "#eab308")
MARKDOWN_COLOURS = ("blue", "orange", "green", "violet", "red", "yellow")


def chip(arm: int, words: str = "") -> str:
    """Markdown for an arm's letter in its colour, or for other words in that colour."""
    return f":{MARKDOWN_COLOURS[arm % 6]}-badge[{words or LETTERS[arm % 6]}]"
