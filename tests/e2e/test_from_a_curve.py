"""A click on a curve opens Inside at that step, once, while the curve goes on being drawn."""

import re

import pytest
from playwright.sync_api import expect
from screen import button, chart, no_exception, points, settle, states, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

SMALL = "patch_size=14&dim=32&depth=2&heads=2&train_size=1000"
PAIR = f"/?{SMALL}&steps=10000"  # long enough to leave them and come back, and points come soon
INSIDE = re.compile(r"/inside\?.*step=\d+")


def click_a_point(page):
    """Click beside a point of the loss, as far from it as a finger lands."""
    around = chart(page, "Loss").locator('.mark-symbol path[opacity="0"]')
    boxes = [box for box in (one.bounding_box() for one in around.all()) if box and box["width"] > 15]
    box = boxes[len(boxes) // 2]
    page.mouse.click(box["x"] + box["width"] / 2 + 6, box["y"] + box["height"] / 2)


def test_a_click_on_a_live_curve_leads_inside_once(dashboard, visitor):
    page = visitor().open(PAIR)
    button(page, "train").click(timeout=60_000)
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    wait_until(page, lambda: points(page, "Loss") > 0, "the loss chart has points")
    page.get_by_text("Latest runs").click()  # beside all points: nothing is opened
    click_a_point(page)
    expect(page).to_have_url(INSIDE)

    # Back again one stays, and the curve goes on in the same picture; another click leads inside again
    page.go_back()
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    wait_until(page, lambda: points(page, "Loss") > 0, "the loss chart is back")
    picture, drawn = chart(page, "Loss"), points(page, "Loss")
    picture.evaluate("picture => { picture.seenBefore = true }")
    wait_until(page, lambda: points(page, "Loss") > drawn, f"more than {drawn} points")
    assert picture.evaluate("picture => picture.seenBefore === true") and "/inside" not in page.url
    click_a_point(page)
    expect(page).to_have_url(INSIDE)

    # Stopped runs have no result, so nothing is said of them; the button of the weights' page leads inside as well
    page.go_back()
    button(page, "stop").click(timeout=60_000)
    expect(states(page, "stopped")).to_have_count(2, timeout=60_000)
    expect(page.get_by_text("a demonstration, not evidence.")).to_have_count(0)
    page.get_by_test_id("stTopNavLink").filter(has_text="Weights").click()
    button(page, "look").click(timeout=60_000)
    expect(page).to_have_url(INSIDE)
    settle(page)
    no_exception(page)
