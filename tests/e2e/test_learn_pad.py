"""A digit drawn with a mouse or a finger becomes patches, and nothing that the page does takes it off the pad."""

import pytest
from playwright.sync_api import Locator, Page, expect
from screen import no_exception, settle, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

GREYS = "canvas.getContext('2d').getImageData(0, 0, 28, 28).data"
INK = f"canvas => {GREYS}.reduce((sum, grey, i) => sum + (i % 4 ? 0 : grey), 0)"


def open_pad(page: Page) -> Locator:
    """Turn to the pad."""
    page.get_by_role("radio", name="Draw one").click(timeout=60_000)
    pad = page.get_by_role("img", name="Pad to draw a digit on")
    expect(pad).to_be_visible()
    settle(page)
    return pad


def draw(page: Page, pad: Locator, *path: tuple[float, float]) -> None:
    """One stroke with the mouse, in shares of the pad's sides."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def patches(page: Page) -> str | None:
    """Where the picture of the patches comes from: another picture has another name."""
    return page.locator('[data-testid="stImage"] img').first.get_attribute("src")


def choose(page: Page, name: str) -> None:
    """Click one of the words of a row of words."""
    page.get_by_role("radio", name=name, exact=True).click()
    settle(page)


def test_a_drawing_becomes_patches_and_stays(visitor):
    page = visitor().open("/learn_patches")
    pad = open_pad(page)
    blank = patches(page)
    draw(page, pad, (0.5, 0.15), (0.5, 0.85))
    wait_until(page, lambda: patches(page) != blank, "the patches show the stroke", 20)
    settle(page)
    one_stroke, ink = patches(page), pad.evaluate(INK)
    assert ink > 20 * 2 * 255, "a line of 20 pixels, about two wide"

    draw(page, pad, (0.3, 0.8), (0.7, 0.8))
    wait_until(page, lambda: patches(page) != one_stroke, "a second stroke joins the first", 20)
    settle(page)
    drawn, ink = patches(page), pad.evaluate(INK)

    for size in ("14 px", "4 px", "7 px"):
        choose(page, size)
        assert pad.evaluate(INK) == ink, f"a rerun at {size} keeps the drawing"
    wait_until(page, lambda: patches(page) == drawn, "the same patches as before", 20)
    expect(page.get_by_text("your drawing comes apart into 4 × 4")).to_be_visible()

    choose(page, "A bundled digit")
    wait_until(page, lambda: patches(page) != drawn, "the patches of the digit", 20)
    page.get_by_role("button", name="Clear").wait_for(state="detached")
    open_pad(page)
    page.get_by_role("button", name="Clear").click()
    wait_until(page, lambda: patches(page) == blank, "Clear takes everything away", 20)
    assert pad.evaluate(INK) == 0
    no_exception(page)


def test_a_finger_draws_on_a_dark_telephone_and_attention_reads_it(visitor):
    phone = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark")
    page = phone.open("/learn_attention")
    pad = open_pad(page)
    pad.scroll_into_view_if_needed()
    expect(page.get_by_text("Draw a digit")).to_be_visible()
    box = pad.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text("Draw a digit")).to_have_count(0)
    assert pad.evaluate(INK) > 0
    settle(page)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0
    no_exception(page)
