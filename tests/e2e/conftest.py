"""A dashboard in a process and a home of its own, and a real browser in front of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.executors.executor import usable_cores
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 60, 5  # to stop: if a core is free; longer in step with what else is running
HARMLESS = ("/_stcore/", "ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED")  # probes for a server; no network

expect.set_options(timeout=20_000)


class Dashboard:
    """`streamlit run dashboard.py` over one lab home; it may be stopped and started again."""

    def __init__(self, home: Path, root: Path = ROOT, **environment: str):
        self.home, self.log, self.root, self.environment = home, home / "server.log", root, environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = 0  # bytes of the log that earlier stops have looked at

    @property
    def is_started(self) -> bool:
        """Whether it has been started and not been ended since."""
        return self._process is not None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        here = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={self.port}"]
        command = [sys.executable, "-m", "streamlit", "run", str(self.root / "dashboard.py"), *here]
        environment = os.environ | {"VIT_LAB_HOME": str(self.home)} | self.environment
        for theirs in ("VIT_LAB_DATA", VARIABLE):
            environment.pop(theirs, None)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, f"no server:\n{self.said()}"
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask the server to end; it must do so quickly and cleanly, also in the middle of a run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        seconds = STOP_SECONDS * max(1.0, os.getloadavg()[0] / usable_cores())
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the server did not end within {seconds:.1f} s:\n{self.said()}")
        said, self._heard = self.said(), self.log.stat().st_size
        assert code == 0, f"the server ended with code {code}:\n{said}"
        assert "Traceback" not in said, said

    def restart(self) -> None:
        """End the server and start another, which has shown nothing yet."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End it as a power cut does: kill -9."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait()

    def said(self) -> str:
        """What the server has written to its terminal since it was last stopped."""
        return self.log.read_bytes()[self._heard :].decode("utf-8", errors="replace")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


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
    """Debian's Chromium. For one file at a time: while it runs, no other test of the process can use asyncio."""
    chromium = shutil.which("chromium")
    if chromium is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("There is no chromium here, so nobody looked at the pages; apt-get install chromium.")
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
