"""A lesson, as a person sees it: train a pair, watch it, come back to it, tidy up, and survive a restart."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from screen import button, chart, no_exception, points, settle, states, steps, table, tick, ticked, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

PAIR = "/?patch_size=14&dim=32&depth=2&heads=2&train_size=1000&steps=1200&warmup_steps=20"
SINGLE = "/?arms=1&patch_size=14&dim=32&depth=2&heads=2&train_size=1000&steps=20000&seed=1"
NEW_NAME = "<b>small</b> & 🦊"


def experiment(page):
    """The experiment in the address of the page."""
    return parse_qs(urlsplit(page.url).query).get("experiment", [None])[0]


def step(page):
    """How far a single run is."""
    return steps(page, arms=1)[0]


def still_the_same(picture):
    """Whether this is the picture that was marked before, and not one drawn anew in its place."""
    return picture.evaluate("picture => picture.seenBefore === true")


def grow(page):
    """Wait until both arms are further and the loss curves longer, in the same picture."""
    picture = chart(page, "Loss")
    wait_until(page, lambda: picture.count() == 1 and points(page, "Loss") > 0, "the loss chart has points")
    picture.evaluate("picture => { picture.seenBefore = true }")
    before, drawn = steps(page), points(page, "Loss")
    wait_until(page, lambda: all(b > a for a, b in zip(before, steps(page), strict=True)), f"steps beyond {before}")
    wait_until(page, lambda: points(page, "Loss") > drawn, f"more than {drawn} points")
    assert still_the_same(picture), "the chart was drawn anew instead of being continued"


def test_a_lesson(dashboard, visitor):
    teacher = visitor()
    page = teacher.open(PAIR)
    expect(page.get_by_text("No runs yet: train your first pair.")).to_be_visible(timeout=60_000)
    button(page, "train").click()
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    launched = experiment(page)
    assert launched
    grow(page)

    # A reload in the middle of the run
    page.reload()
    expect(states(page, "running")).to_have_count(2, timeout=60_000)
    assert experiment(page) == launched
    expect(page.locator(".st-key-steps input")).to_have_value("1200")
    grow(page)

    # Somebody else opens the bare address
    student = visitor().open("/")
    expect(student.get_by_test_id("stProgress")).to_have_count(2, timeout=60_000)
    expect(student.get_by_text("linear-default").first).to_be_visible()
    assert all(there >= 1 for there in steps(student))
    no_exception(student)

    # The end of the run reaches both screens without a click
    for screen in (page, student):
        expect(states(screen, "finished")).to_have_count(2, timeout=200_000)
        assert steps(screen) == [1200, 1200]
        expect(button(screen, "pause")).to_be_disabled()
        expect(
            screen.get_by_test_id("stMetric").filter(has_text=re.compile(r"Test.*\d\d\.\d%", re.DOTALL))
        ).to_have_count(2)
    assert still_the_same(chart(page, "Loss")), "the end of the run drew the chart anew"
    for screen in (page, student):
        settle(screen)
        no_exception(screen)
    assert points(page, "Accuracy") == points(student, "Accuracy") > 2
    student.close()

    # Tidying up on the other page
    page.get_by_test_id("stTopNavLink").filter(has_text="Runs").click()
    wait_until(page, lambda: len(table(page)) == 2, "both runs in the table")
    settle(page)
    assert table(page) == [("xavier, seed 0", "finished"), ("linear-default, seed 0", "finished")]
    tick(page, 0)
    with page.expect_download() as download:
        button(page, "csv").click()
    assert download.value.path().read_text().startswith("run_id,arm,condition,seed,step,seconds,measure,value\n")
    button(page, "edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(NEW_NAME)
    button(page, "save").click()
    expect(dialog).to_have_count(0)
    wait_until(page, lambda: table(page)[0][0] == NEW_NAME, "the new name in the table")
    tick(page, 0)
    tick(page, 1)
    button(page, "delete").click()
    expect(dialog.get_by_text("This cannot be undone")).to_be_visible()
    expect(dialog.get_by_text("linear-default, seed 0")).to_be_visible()
    button(page, "delete-confirmed").click()
    wait_until(page, lambda: table(page) == [(NEW_NAME, "finished")], "one run is left")
    settle(page)
    assert ticked(page) == [False], "the run that is left was never chosen"
    expect(button(page, "delete")).to_be_disabled()
    no_exception(page)
    page.close()

    # A long run is paused, and goes on where it was
    page = teacher.open(SINGLE)
    button(page, "train").click()
    expect(states(page, "running")).to_have_count(1, timeout=60_000)
    wait_until(page, lambda: step(page) > 0, "the first steps")
    button(page, "pause").click()
    expect(states(page, "paused")).to_have_count(1)
    settle(page)
    paused_at = step(page)
    button(page, "resume").click()
    expect(states(page, "running")).to_have_count(1, timeout=60_000)
    wait_until(page, lambda: step(page) > paused_at, f"steps beyond {paused_at}")
    no_exception(page)
    address = page.url
    page.close()

    # The server ends in the middle of it, and another takes over the same home
    dashboard.restart()
    page = teacher.open(address.removeprefix(dashboard.url))
    expect(states(page, "interrupted")).to_have_count(1, timeout=60_000)
    settle(page)
    interrupted_at = step(page)
    assert interrupted_at > paused_at
    page.get_by_test_id("stTopNavLink").filter(has_text="Runs").click()
    wait_until(page, lambda: len(table(page)) == 2, "both runs in the table")
    assert table(page) == [("linear-default, seed 1", "interrupted"), (NEW_NAME, "finished")]
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").click()
    button(page, "resume").click()
    expect(states(page, "running")).to_have_count(1, timeout=60_000)
    wait_until(page, lambda: step(page) > interrupted_at, f"steps beyond {interrupted_at}")
    button(page, "stop").click()
    expect(states(page, "stopped")).to_have_count(1)
    no_exception(page)
