"""A dashboard in a process and a home of its own, and a real browser in front of it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from a_server import Dashboard
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store

HARMLESS = ("/_stcore/", "ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED")  # probes for a server; no network

expect.set_options(timeout=20_000)


class Visitor:
    """A browser profile that opens pages and remembers what its console complained about."""

    def __init__(self, context: BrowserContext, url: str):
        self.context, self.url = context, url
        self.complaints: list[str] = []

    def open(self, path: str = "/") -> Page:
        """Open a page in a new tab."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.goto(self.url + path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(word in text for word in HARMLESS):
            self.complaints.append(text)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory) -> Iterator[Dashboard]:
    """One server for all files whose tests do not mind what others have trained; not started yet."""
    server = Dashboard(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def dashboard(browser, shared_server) -> Dashboard:
    """A running dashboard, empty at first, for all tests of a file; none where there is no browser."""
    store = Store(shared_server.home / "runs.sqlite3")
    if any(run.status in ACTIVE for run in store.runs()):  # a test of another file has failed
        shared_server.stop()
    store.delete([run.id for run in store.runs()])
    store.close()
    if not shared_server.is_started:
        shared_server.start()
    return shared_server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, best the one without windows, which takes half the processor.

    For one file at a time: while it runs, no other test of the process can use asyncio.
    """
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("There is no chromium here, so nobody looked at the pages; apt-get install chromium-headless-shell.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def visitor(browser, dashboard):
    """Makes visitors, closes them after the test and asserts that no console complained."""
    visitors: list[Visitor] = []

    def arrive(**options) -> Visitor:
        options.setdefault("viewport", {"width": 1400, "height": 1000})
        visitors.append(Visitor(browser.new_context(**options), dashboard.url))
        return visitors[-1]

    yield arrive
    for one in visitors:
        one.context.close()
    assert not [complaint for one in visitors for complaint in one.complaints]
