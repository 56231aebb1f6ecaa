"""A whole experiment as a person sees it: launched with one click, followed seed by seed, judged, taken home."""

import re

import pytest
from playwright.sync_api import expect
from screen import button, no_exception, settle, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# Runs long enough to be watched on a quick machine
SMALL = "patch_size=14&dim=16&depth=1&heads=2&train_size=200&batch_size=32&steps=200&warmup_steps=5"


def headline(page):
    """The verdict on the screen."""
    found = page.locator("h4").all_inner_texts()
    return found[0] if found else ""


def test_an_experiment_from_launch_to_report(visitor, tmp_path):
    page = visitor().open(f"/?{SMALL}&seeds=4")
    button(page, "train").click()
    expect(page).to_have_url(re.compile(r"/compare\?.*experiment=\w{10}"), timeout=60_000)

    # The verdict tightens seed by seed and names no winner before the last pair
    seen = set()

    def decided():
        text = headline(page)
        seen.add(re.sub(r"[\d.+−-]+", "#", text))
        return "(95 % interval" in text and "to come" not in text

    wait_until(page, decided, "a verdict over all pairs", 180)
    settle(page)
    assert "4 pairs" in headline(page)
    assert any("to come" in text or "No pair has finished" in text for text in seen), seen
    no_exception(page)

    # A reload, the baseline and the score
    page.reload()
    wait_until(page, lambda: "4 pairs" in headline(page), "the verdict after a reload")
    sentence = headline(page)
    page.locator('[class*="st-key-baseline"] input').click()
    page.get_by_role("option").nth(1).click()
    card = page.get_by_test_id("stMarkdown").filter(has_text=re.compile(r"A\s*against\s*B"))
    expect(card).to_have_count(1)
    settle(page)
    assert headline(page) == sentence, "the same comparison from the other arm reads the same"
    no_exception(page)

    # More seeds, and the report
    page.get_by_role("button", name="More seeds").click()
    page.locator(".st-key-seeds_to_add input").fill("1")
    page.keyboard.press("Enter")
    button(page, "add_seeds").click()
    wait_until(page, lambda: "5 pairs" in headline(page), "the fifth pair", 120)
    settle(page)
    expect(page.get_by_text("Seeds were added to this experiment")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report").click()
    saved = tmp_path / "report.html"
    download.value.save_as(saved)
    page.context.set_offline(True)
    page.goto(saved.as_uri())
    expect(page.get_by_role("heading", name="Which init is better here?")).to_be_visible()
    assert page.locator("svg").count() == 2
    assert "python -m vit_lab compare" in page.locator("code").first.inner_text()
    assert "5 pairs" in page.locator(".verdict").first.inner_text()
