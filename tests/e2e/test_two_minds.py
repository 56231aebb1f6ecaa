"""A digit drawn into a pair that trains: both arms answer, their maps change, and the page follows the newest step."""

import re

import pytest
from playwright.sync_api import Page, expect
from screen import button, no_exception, settle, states, wait_until
from test_learn_pad import draw

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAIR = "/?patch_size=14&dim=16&depth=2&heads=2&train_size=500&steps=60000&a_variance_scale=0.01&b_variance_scale=30"
PICTURES = "maps => maps.map(map => map.toDataURL()).join()"


def maps(page: Page, arm: str) -> str:
    """What all maps of an arm look like."""
    return page.locator(f'canvas[aria-label^="Attention: arm {arm}"]').evaluate_all(PICTURES)


def answer(page: Page, arm: str) -> str:
    """What an arm says, and with which probability."""
    return page.locator(f'[aria-label^="Arm {arm} says"]').get_attribute("aria-label")


def steps(page: Page) -> list[int]:
    """The steps that both arms are shown at."""
    words = page.locator(".words").filter(has_text="step").all_inner_texts()
    return [int(re.search(r"step ([\d,]+)", text).group(1).replace(",", "")) for text in words]


def test_a_digit_drawn_into_a_running_pair_is_answered_by_both_arms(dashboard, visitor):
    page = visitor().open(PAIR)
    button(page, "train").click(timeout=60_000)
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    page.get_by_test_id("stTopNavLink").filter(has_text="Inside").click()
    expect(page.locator('canvas[aria-label^="Attention: arm B"]')).to_have_count(4, timeout=60_000)
    page.get_by_role("radio", name="Draw one").click()
    pad = page.get_by_role("img", name="Pad to draw a digit on")
    expect(pad).to_be_visible()
    wait_until(page, lambda: len(set(steps(page))) == 1, "both arms at one step", 20)
    before = steps(page)
    wait_until(page, lambda: min(steps(page)) > max(before), "the page follows the newest step", 40)

    blank = {arm: (maps(page, arm), answer(page, arm)) for arm in "AB"}
    draw(page, pad, (0.3, 0.2), (0.7, 0.2), (0.45, 0.85))
    for arm in "AB":
        wait_until(page, lambda arm=arm: maps(page, arm) != blank[arm][0], f"the maps of {arm} change", 20)
        wait_until(page, lambda arm=arm: answer(page, arm) != blank[arm][1], f"{arm} answers", 20)

    page.locator(".st-key-inside_step_slider").get_by_role("slider").press("Home")
    wait_until(page, lambda: steps(page) == [0, 0], "scrubbed back to the start", 20)
    page.wait_for_timeout(2_500)
    assert steps(page) == [0, 0], "who has scrubbed back is left there"
    even, staring = maps(page, "A"), maps(page, "B")
    page.locator('canvas[aria-label^="The example"]').click(position={"x": 20, "y": 20})
    wait_until(page, lambda: maps(page, "B") != staring, "another patch reads elsewhere", 20)
    wait_until(page, lambda: "reads=1" in page.url, "the address says which", 10)
    assert maps(page, "A") != even, "the patch that reads is framed, or reads a little else"
    page.locator('canvas[aria-label="Attention: arm B: 2, head 1"]').click()
    expect(page.get_by_text("Block 2, head 1")).to_be_visible()
    settle(page)
    assert all(part in page.url for part in ("step=0", "drawing=", "reads=1", "open=2.1")), page.url

    guest = visitor().open(page.url.removeprefix(dashboard.url))
    expect(guest.get_by_text("Block 2, head 1")).to_be_visible(timeout=60_000)
    wait_until(guest, lambda: maps(guest, "B") == maps(page, "B"), "a link opens the same view", 20)
    no_exception(guest)
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").click()
    button(page, "stop").click()
    expect(states(page, "stopped")).to_have_count(2, timeout=30_000)
    no_exception(page)
