"""A lesson on what the init does: a slider turns a healthy start sick, a pair trains, its steps are leafed through."""

import pytest
from playwright.sync_api import Page, expect
from screen import button, chart, no_exception, settle, states, wait_until

from vit_lab.ui.menu import PAGES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CHARTS = ("Weight histograms of arm A", "Weight histograms of arm B", "The std of all weights", "Size of one step")
CHARTS += ("Activation RMS of arm A", "Gradient norm of arm B", "One point a head", "How many directions")
PAIR = "/?patch_size=14&dim=16&depth=2&heads=2&train_size=500&steps=60&warmup_steps=5"


def move(page: Page, key: str, where: str) -> None:
    """Put a slider's thumb to one end, as a person at the keyboard does."""
    page.locator(f".st-key-{key}").get_by_role("slider").press(where)
    settle(page)


def shape(page: Page, words: str) -> str | None:
    """The outline of a chart's first line or area."""
    return chart(page, words).locator(".mark-area path, .mark-line path").first.get_attribute("d")


def test_a_lesson_on_the_inside_of_a_run(dashboard, visitor):
    teacher = visitor()
    page = teacher.open(PAIR)
    expect(states(page, "healthy start")).to_have_count(2, timeout=60_000)
    move(page, "a_variance_scale", "Home")
    expect(states(page, "blocks are silent")).to_have_count(1)
    assert "a_variance_scale=0.001" in page.url
    move(page, "b_variance_scale", "End")
    expect(states(page, "attention saturates")).to_have_count(1)
    expect(states(page, "healthy start")).to_have_count(0)

    page.get_by_text("Preflight: before the first step").click()
    for words in ("Size of the tokens", "Norm of the gradient", "A point a head", "Largest"):
        expect(chart(page, words)).to_be_visible()
    expect(page.get_by_text("what was drawn")).to_be_visible()
    no_exception(page)

    button(page, "train").click()
    expect(states(page, "finished")).to_have_count(2, timeout=120_000)
    page.get_by_test_id("stTopNavLink").filter(has_text="Weights").click()
    for words in CHARTS:
        expect(chart(page, words)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Showing step 30.")).to_be_visible()
    settle(page)
    in_the_middle = shape(page, "How far the weights")
    move(page, "step", "Home")
    expect(page.get_by_text("Showing step 0.")).to_be_visible()
    wait_until(page, lambda: shape(page, "How far the weights") != in_the_middle, "the scrubber moves the charts")
    no_exception(page)


@pytest.mark.long  # tests/e2e/test_look.py says the same of the runs
def test_a_link_to_the_weights_works_on_a_server_that_has_shown_nothing_yet(dashboard, visitor):
    dashboard.restart()
    page = visitor().open("/weights")
    expect(chart(page, "The std of all weights")).to_be_visible(timeout=60_000)
    shown = [title for _, title, *_ in PAGES[""] if title != "Present"]
    assert page.get_by_test_id("stTopNavLink").count() == len(shown), "the page stands in its frame"
    no_exception(page)
