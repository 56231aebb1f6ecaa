"""From `streamlit run dashboard.py` on an empty home to a training that moves, as a person with a browser waits for it.

Each start is a new server and a new browser profile; the files of the installation may be in the operating system's
memory, as they are for everyone who starts the dashboard a second time.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
STARTS = 3
GIVE_UP_SECONDS = 120.0
FIRST_STEPS = """() => {
    const bars = [...document.querySelectorAll('[data-testid="stProgress"]')].map(bar => bar.innerText);
    return bars.length === 2 && bars.every(text => !/step 0 of/.test(text));
}"""


def measure(root: Path = ROOT, starts: int = STARTS) -> tuple[list[Figure], dict[str, Any]]:
    """Seconds from the start of the process to each sight of a cold start, the median of several."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("there is no chromium here, so nobody can wait for the page")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        waits = [cold_start(browser, root) for _ in range(starts)]
        browser.close()
    return [
        Figure(
            f"cold start: {sight}", statistics.median(wait[sight] for wait in waits), "s", note=f"median of {starts}"
        )
        for sight in waits[0]
    ], {"all": waits}


def cold_start(browser: "Browser", root: Path = ROOT) -> dict[str, float]:
    """Start a server of its own over an empty home, open Train, click, and stop the server again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", str(root / "dashboard.py"), *options]
    waits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        environment, quiet = os.environ | {"VIT_LAB_HOME": home}, subprocess.DEVNULL
        server = subprocess.Popen(command, cwd=root, env=environment, stdout=quiet, stderr=quiet)

        def note(name: str) -> None:
            waits[name] = round(time.perf_counter() - started, 2)

        try:
            _wait_for_health(f"http://127.0.0.1:{port}/_stcore/health", started)
            note("the server answers")
            page = browser.new_context().new_page()
            page.set_default_timeout(GIVE_UP_SECONDS * 1e3)
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator(".st-key-train button").wait_for()
            note("the Train button shows")
            page.get_by_text("healthy start").nth(1).wait_for()
            note("the gauges are filled in")
            page.locator(".st-key-train button").click()
            page.wait_for_function(FIRST_STEPS)
            note("first steps of both runs")
            page.context.close()
        finally:
            server.terminate()
            server.wait()
    return waits


def _wait_for_health(url: str, started: float) -> None:
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.perf_counter() - started > GIVE_UP_SECONDS:
                raise
            time.sleep(0.05)
