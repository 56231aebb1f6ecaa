"""Links that only a browser follows as people do: to a server that has just started, and from page to page."""

import re

import pytest
from playwright.sync_api import expect
from screen import button, no_exception, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

COLD = "/?kind=transformer&dim=16&depth=1&heads=2&steps=5&warmup_steps=2&a_variance_scale=0.4&sequence_length=6"


def chosen(page):
    """The kind of model that the form shows."""
    return page.locator('.st-key-kind [data-testid="stButtonGroup"] button[aria-checked="true"]')


def test_a_link_fills_the_form_on_a_cold_server_and_over_a_form_that_is_filled_in(dashboard, visitor):
    dashboard.restart()
    page = visitor().open(COLD)
    expect(page.get_by_text("6 symbols")).to_be_visible()
    expect(chosen(page)).to_have_text("transformer")
    settle(page)
    button(page, "train").click()
    expect(page.locator(".stMarkdownBadge").filter(has_text=re.compile("^finished$"))).to_have_count(2, timeout=60_000)
    settle(page)

    # Another kind of model, and other settings
    page.locator(".st-key-kind button").filter(has_text="timesformer").click()
    expect(page.get_by_text("8 frames of 16 patches")).to_be_visible()
    settle(page)
    assert "kind=timesformer" in page.url and "dim=16" in page.url and "sequence_length" not in page.url
    page.get_by_role("spinbutton", name="Depth").fill("3")
    page.get_by_role("spinbutton", name="Depth").press("Enter")
    expect(page.get_by_text("3 blocks of 2 heads")).to_be_visible()
    settle(page)

    # A link from another page says everything anew
    page.get_by_test_id("stTopNavLink").filter(has_text="Compare").click()
    page.get_by_role("link", name="Use these settings in Train").click()
    expect(page.get_by_text("6 symbols")).to_be_visible()
    expect(page.get_by_text("1 encoder and 1 decoder block of 2 heads")).to_be_visible()
    expect(page.locator(".st-key-a_variance_scale")).to_contain_text("0.4")
    settle(page)
    assert "form=new" not in page.url and "kind=transformer" in page.url
    page.reload()
    expect(page.get_by_text("1 encoder and 1 decoder block of 2 heads")).to_be_visible()
    no_exception(page)
