"""What only a browser can tell: narrow screens, both colour schemes, links on a cold server, and what a link keeps."""

import pytest
from playwright.sync_api import expect
from screen import button, chart, no_exception, settle, table, wait_until
from tiny import pair

from vit_lab.config import GROUPS
from vit_lab.events import Evaluated, Finished, Probed, Started, StepMeasured
from vit_lab.places import Place
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"width": 390, "height": 844}
SPILLS = "() => document.documentElement.scrollWidth - window.innerWidth"
MAIN_SPILLS = "main => main.scrollWidth - main.clientWidth"


@pytest.fixture(scope="module")
def finished_pair(dashboard):
    """Two finished runs of another process, one with the longest name there can be."""
    store = Store(dashboard.home / "runs.sqlite3")
    configs = [configure(steps=2), configure(steps=2, scheme="xavier", variance_scale=100, qk_scale=0.001)]
    for run_id in store.add(pair(configs, "link")):
        places = [Place(group=group) for group in GROUPS]
        rows = tuple((measure, place, 0.1) for measure in ("weight_std", "weight_distance") for place in places)
        events = [Started(step=0, total_steps=2, parameters=1, train_images=1, validation_images=1, test_images=1)]
        for step in range(3):
            events.append(Probed(step=step, rows=rows))
            events.append(Evaluated(step=step, split="validation", loss=2.3 - step, accuracy=step / 2))
            events.append(StepMeasured(step=step, loss=2.3, accuracy=0.1, learning_rate=0.1, gradient_norm=1.0))
        events.append(
            Finished(
                step=2, test_loss=0.1, test_accuracy=1.0, best_step=2, best_val_accuracy=0.5, best_test_accuracy=1.0
            )
        )
        store.append(run_id, [(0.1, event) for event in events], 1.0, 123_456.0)
        store.end(run_id, Status.FINISHED)
    store.rename(run_id, "endless" * 30)
    store.close()


def test_a_link_to_the_runs_works_on_a_server_that_has_shown_nothing_yet(dashboard, visitor):
    """This test comes first, for there are no runs yet; the server has just started, as under an open tab."""
    dashboard.restart()
    page = visitor().open("/runs")
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=60_000)
    settle(page)
    expect(page.get_by_test_id("stTopNavLink").filter(has_text="Train")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
    no_exception(page)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_nothing_spills_over_the_edge_of_a_telephone(visitor, finished_pair, scheme):
    phone = visitor(viewport=PHONE, color_scheme=scheme)
    train, runs = phone.open("/?experiment=link"), phone.open("/runs")
    expect(chart(train, "Distance from the init, relative to its size: classifier")).to_be_visible(timeout=60_000)
    wait_until(runs, lambda: len(table(runs)) == 2, "both runs in the table")
    for page in (train, runs):
        settle(page)
        no_exception(page)
        assert page.evaluate(SPILLS) <= 0
        assert page.get_by_test_id("stMain").evaluate(MAIN_SPILLS) <= 0
        ground = page.get_by_test_id("stApp").evaluate("app => getComputedStyle(app).backgroundColor")
        assert (min(int(part) for part in ground[4:-1].split(",")) > 200) == (scheme == "light"), ground


def test_a_preset_in_the_address_is_still_that_preset(visitor):
    page = visitor().open()
    preset = page.locator(".st-key-preset").get_by_role("radio", name="vit-notes")
    preset.click(timeout=60_000)
    expect(page.locator(".st-key-dim input")).to_have_value("8")
    settle(page)
    page.reload()
    expect(page.locator(".st-key-dim input")).to_have_value("8", timeout=60_000)
    settle(page)
    expect(preset).to_be_checked()


def test_what_cannot_be_is_said_and_mended_without_a_reload(visitor):
    page = visitor().open("/?heads=3")
    expect(page.get_by_text("3 does not divide width 64; choose 1, 2, 4, 8, 16 or 32", exact=True)).to_be_visible(
        timeout=60_000
    )
    expect(button(page, "train")).to_have_count(0)
    heads = page.locator(".st-key-heads input")
    heads.fill("2")
    heads.press("Enter")
    expect(button(page, "train")).to_be_enabled()
    expect(page.get_by_text("does not divide")).to_have_count(0)
    assert "heads=2" in page.url
