"""The arms under comparison: one letter and one colour each, on every page and in every report.

The colours stand in .streamlit/config.toml too, where Streamlit reads its own; a test holds them together.
"""

LETTERS = "ABCDEF"
COLOURS = ("#3b82f6", "#f97316", "#10b981", "#a855f7", "#ec4899", "#eab308")


def letter(arm: int) -> str:
    """An arm's letter."""
    return LETTERS[arm % len(LETTERS)]
