"""What a class and a developer do to a server: sharing it, ending it, and editing it while it works."""

import shutil
import signal
import sqlite3
from types import SimpleNamespace

import pytest
from a_server import ROOT, Dashboard
from conftest import Visitor
from playwright.sync_api import expect
from screen import button, no_exception, settle, states, steps, table, tick, wait_until

from vit_lab.data.splits import load_run_data
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train as train_without_a_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("ctrl_c"),
]

SINGLE = "/?arms=1&patch_size=14&dim=32&depth=2&heads=2&train_size=1000&steps=20000&seed=1"
SLOW = "/?arms=1&patch_size=4&dim=256&depth=4&heads=8&steps=1000&batch_size=1024"  # many seconds a step


@pytest.fixture
def server(browser, tmp_path):
    """Makes servers with a home of their own, and ends them."""
    made = []

    def make(**options):
        made.append(Dashboard(tmp_path, **options))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def arrive(browser):
    """Makes visitors of a server."""
    contexts = []

    def make(server):
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 1000}))
        return Visitor(contexts[-1], server.url)

    yield make
    for context in contexts:
        context.close()


def stored(server):
    store = Store(server.home / "runs.sqlite3")
    runs = store.runs()
    store.close()
    return runs


def stored_as_it_is(server):
    """The runs as another program reads them, which changes nothing: the server is at work."""
    with sqlite3.connect(server.home / "runs.sqlite3", timeout=10) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT status, step FROM runs").fetchall()
    db.close()
    return [SimpleNamespace(**dict(row)) for row in rows]


def train(page):
    button(page, "train").click(timeout=60_000)
    expect(states(page, "running").first).to_be_visible(timeout=60_000)


# What Ctrl-C does where workers are processes, tests/test_cli_signals.py says of a command.
@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_server_that_is_asked_to_end_leaves_its_run_interrupted_with_a_checkpoint(server, arrive, how):
    dashboard = server()
    page = arrive(dashboard).open(SINGLE)
    train(page)
    wait_until(page, lambda: steps(page, arms=1)[0] > 20, "the first steps")
    dashboard.stop(how)
    (run,) = stored(dashboard)
    assert run.status == Status.INTERRUPTED
    checkpoint = load_checkpoint(dashboard.home / "checkpoints" / f"{run.id}.safetensors")
    assert checkpoint.step >= run.step > 20


@pytest.mark.long  # tests/runs/test_killed.py says the same of servers without a page
def test_a_server_that_is_killed_leaves_a_run_that_resumes_and_ends_equal_to_the_bit(server, arrive):
    dashboard = server()
    page = arrive(dashboard).open(SINGLE.replace("steps=20000", "steps=500"))
    train(page)
    wait_until(page, lambda: stored_as_it_is(dashboard)[0].step > 0, "some steps")
    page.wait_for_timeout(700)
    (before,) = stored_as_it_is(dashboard)
    dashboard.kill()
    (run,) = stored(dashboard)
    assert run.status == Status.INTERRUPTED and run.step >= before.step > 0
    dashboard.start()
    page.goto(f"{dashboard.url}/?experiment={run.experiment}")
    button(page, "resume").click(timeout=60_000)
    expect(states(page, "running").or_(states(page, "finished")).first).to_be_visible(timeout=60_000)
    expect(states(page, "finished")).to_have_count(1, timeout=120_000)
    (run,) = stored(dashboard)
    whole = train_without_a_server(run.config, load_run_data(run.config))
    for _ in whole:
        pass
    kept = load_checkpoint(dashboard.home / "checkpoints" / f"{run.id}.safetensors").tensors
    assert all((kept[name] == tensor).all() for name, tensor in whole.checkpoint().tensors.items())


@pytest.mark.long
def test_a_server_deep_in_a_long_step_ends_in_time_all_the_same(server, arrive):
    dashboard = server()
    page = arrive(dashboard).open(SLOW)
    train(page)
    page.wait_for_timeout(3_000)
    dashboard.stop()
    (run,) = stored(dashboard)
    assert run.status == Status.INTERRUPTED


@pytest.mark.long
def test_editing_a_page_neither_loses_nor_doubles_the_workers(server, arrive, tmp_path):
    root = tmp_path / "lab"
    for name in ("pages", "vit_lab", ".streamlit"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "dashboard.py", root)
    dashboard = server(root=root)
    page = arrive(dashboard).open(SINGLE)
    train(page)
    wait_until(page, lambda: steps(page, arms=1)[0] > 0, "the first steps")
    everyone = 1 + min(2, usable_cores())  # the server, and workers for a pair
    wait_until(page, lambda: len(list((dashboard.home / "processes").iterdir())) == everyone, "all workers are up")
    processes = set((dashboard.home / "processes").iterdir())
    for edit in range(2):
        before = steps(page, arms=1)[0]
        for file in (root / "pages" / "train.py", root / "dashboard.py"):
            file.write_text(file.read_text(encoding="utf-8") + f"# edit {edit}\n", encoding="utf-8")
        page.reload()
        wait_until(page, lambda before=before: steps(page, arms=1)[0] > before, f"steps beyond {before}")
    no_exception(page)
    (run,) = stored(dashboard)
    assert (run.status, run.turn) == (Status.RUNNING, 1), "claimed once, and still at work"
    assert set((dashboard.home / "processes").iterdir()) == processes, "one store, one set of workers"
    settle(page)
    button(page, "stop").click()
    expect(states(page, "stopped")).to_have_count(1)


@pytest.mark.long  # tests/app/test_visitors.py says the same of pages, without a browser
def test_in_a_class_a_student_cannot_stop_or_delete_the_run_of_another(server, arrive):
    dashboard = server(VIT_LAB_CLASS="1")
    ann, bob = arrive(dashboard), arrive(dashboard)
    page = ann.open(SINGLE)
    train(page)
    wait_until(page, lambda: steps(page, arms=1)[0] > 0, "the first steps")
    other = bob.open("/")
    expect(states(other, "running")).to_have_count(1, timeout=60_000)
    settle(other)
    for key in ("pause", "stop"):
        expect(button(other, key)).to_be_disabled()
    second = ann.open("/")  # another tab of the same browser
    expect(button(second, "stop")).to_be_enabled(timeout=60_000)
    button(second, "stop").click()
    expect(states(second, "stopped")).to_have_count(1)
    other.goto(dashboard.url + "/runs")
    wait_until(other, lambda: len(table(other)) == 1, "the run in the table")
    settle(other)
    tick(other, 0)
    expect(button(other, "delete")).to_be_disabled()
    expect(button(other, "again")).to_be_enabled()
    no_exception(other)
