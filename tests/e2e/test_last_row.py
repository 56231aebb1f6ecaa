"""What the last row of a class sees: curves without scrolling, names in them, letters that are large enough."""

import pytest
from playwright.sync_api import expect
from screen import button, chart, no_exception, settle, states, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PROJECTOR = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}
PAIR = "/?patch_size=14&dim=32&depth=2&heads=2&train_size=1000&steps=20000&warmup_steps=20"
CURVES = ("Loss of each arm by step", "Accuracy of each arm by step")


def boxes(page, *names):
    """Where charts are, once they are drawn."""
    for name in names:
        expect(chart(page, name)).to_be_visible(timeout=60_000)  # the first picture waits for two runs that train
    return [chart(page, name).bounding_box() for name in names]


def letters(picture):
    """The sizes of all words in a picture, in pixels on the screen."""
    return picture.evaluate(
        "svg => [...svg.querySelectorAll('text')].filter(t => t.textContent.trim())"
        ".map(t => parseFloat(getComputedStyle(t).fontSize))"
    )


def test_a_pair_that_trains_is_seen_without_scrolling_and_presented_in_large_letters(dashboard, visitor):
    page = visitor(viewport=PROJECTOR).open(PAIR)
    expect(button(page, "train")).to_be_visible(timeout=60_000)
    button(page, "train").click()
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    settle(page)
    for box in boxes(page, *CURVES):
        assert box["y"] + box["height"] <= PROJECTOR["height"], "a curve ends below the screen"
    for name, curve in (("A  linear-default", "Loss"), ("B  xavier", "Accuracy")):
        wait_until(page, lambda name=name, curve=curve: name in chart(page, curve).text_content(), f"{name} in {curve}")

    chart(page, "Loss").hover()
    page.locator('[data-testid="stFullScreenFrame"]', has=chart(page, "Loss")).get_by_role(
        "button", name="Fullscreen"
    ).click()
    wait_until(page, lambda: min(letters(chart(page, "Loss"))) >= 18, "letters of 18 pixels on a full screen")
    page.keyboard.press("Escape")

    button(page, "present").click()
    large = [f"{name}, large" for name in CURVES]
    for box in boxes(page, *large):
        assert box["y"] + box["height"] <= PROJECTOR["height"]
        assert box["height"] > 350
    assert min(min(letters(chart(page, name))) for name in large) >= 18
    expect(page.get_by_text("no verdict yet")).to_be_in_viewport()
    no_exception(page)
    page.get_by_role("link", name="Back to Train").click()
    button(page, "stop").click()
    expect(states(page, "stopped")).to_have_count(2)


def test_on_a_phone_both_curves_come_before_any_card(dashboard, visitor):
    page = visitor(viewport=PROJECTOR).open(PAIR)
    button(page, "train").click(timeout=60_000)
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    phone = visitor(viewport=PHONE).open("/")
    expect(states(phone, "running")).to_have_count(2, timeout=60_000)
    settle(phone)
    (loss, accuracy), card = boxes(phone, *CURVES), phone.get_by_test_id("stMetric").first.bounding_box()
    assert loss["y"] < accuracy["y"] < card["y"], "both curves come before any card"
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"], "nothing is cut"
    phone.close()
    button(page, "stop").click()
    expect(states(page, "stopped")).to_have_count(2)
