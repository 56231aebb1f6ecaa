"""Where things are on the screen, and how to read them."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

HEADER_PIXELS, ROW_PIXELS = 36, 35  # of the table, which is one canvas


def settle(page: Page) -> None:
    """Wait until the page has run and nothing on it is out of date."""
    expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-stale="true"]')).to_have_count(0)


def no_exception(page: Page) -> None:
    """Assert that no part of the page has failed."""
    expect(page.get_by_test_id("stException")).to_have_count(0)


def button(page: Page, key: str) -> Locator:
    """A button by its key; Streamlit draws one that has help twice, the second time for a telephone."""
    return page.locator(f".st-key-{key} button").first


def states(page: Page, word: str) -> Locator:
    """The arms that are in the state with that word."""
    return page.locator(".stMarkdownBadge").filter(has_text=re.compile(f"^{word}$"))


def steps(page: Page, arms: int = 2) -> list[int]:
    """How far each arm says it is, once all of them are on the page."""
    bars = page.get_by_test_id("stProgress")
    expect(bars).to_have_count(arms)
    texts = bars.all_inner_texts()
    return [int(re.search(r"step ([\d,]+) of", text).group(1).replace(",", "")) for text in texts]


def chart(page: Page, words: str) -> Locator:
    """The picture of a chart, by what it says to those who cannot see it."""
    return page.locator(f'[data-testid="stVegaLiteChart"][aria-label^="{words}"] svg')


def points(page: Page, words: str) -> int:
    """How many points a chart shows, the invisible ones that span its axis left out."""
    return chart(page, words).locator('.mark-symbol path:not([opacity="0"])').count()


def wait_until(page: Page, true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Look again every fifth of a second."""
    for _ in range(int(seconds * 5)):
        if true():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def table(page: Page) -> list[tuple[str, str]]:
    """Name and state of each run in the table, from the copy that a screen reader sees."""
    return [(name, state) for name, state, _ in _rows(page)]


def ticked(page: Page) -> list[bool]:
    """Which rows of the table are selected."""
    return [selected == "true" for _, _, selected in _rows(page)]


def _rows(page: Page) -> list[list[str]]:
    """Read in one go, for the rows may change at any moment."""
    return page.locator('[data-testid="stDataFrame"] canvas table tbody tr').evaluate_all(
        "rows => rows.map(row => [row.cells[0].textContent, row.cells[1].textContent, row.ariaSelected])"
    )


def tick(page: Page, row: int) -> None:
    """Click the box of a row."""
    before = ticked(page)[row]
    area = page.locator('[data-testid="stDataFrame"] canvas').first.bounding_box()
    x, y = area["x"] + 16, area["y"] + HEADER_PIXELS + (row + 0.5) * ROW_PIXELS
    page.mouse.move(x + 2, y + 2)  # the canvas asks what lies under the pointer before it takes a click
    page.wait_for_timeout(100)
    page.mouse.click(x, y, delay=50)
    wait_until(page, lambda: ticked(page)[row] != before, f"row {row} is ticked or no longer", 10)
    settle(page)
