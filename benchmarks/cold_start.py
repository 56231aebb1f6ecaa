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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
STARTS = 10
EMPTY_APP = "import streamlit as st; st.button('Press')"
GIVE_UP_SECONDS = 120.0
BUTTON, GAUGES, STEPS = "the Train button shows", "the gauges are filled in", "first steps of both runs"
FIRST_STEPS = """() => {
    const bars = [...document.querySelectorAll('[data-testid="stProgress"]')].map(bar => bar.innerText);
    return bars.length === 2 && bars.every(text => !/step 0 of/.test(text));
}"""


def measure(root: Path = ROOT, starts: int = STARTS) -> tuple[list[Figure], dict[str, Any]]:
    """Seconds from the start of the process to each sight of a cold start, against an app that has but a button.

    Each start is followed by one of the empty app, and by one import of torch, so all three meet the same machine.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if chromium is None:
        raise RuntimeError("there is no chromium here, so nobody can wait for the page")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        waits, empty, torch = [], [], []
        for _ in range(starts):
            waits.append(cold_start(browser, root))
            empty.append(empty_app(browser))
            torch.append(seconds_of_torch())
        browser.close()
    sights = {sight: [wait[sight] for wait in waits] for sight in waits[0]}
    button, note = sights[BUTTON], f"median of {starts}"
    figures = [Figure(f"cold start: {sight}", statistics.median(of), "s", note=note) for sight, of in sights.items()]
    over = statistics.median(mine / theirs for mine, theirs in zip(button, empty, strict=True))
    note = f"{statistics.median(empty):.1f} s, median of {starts} pairs"
    figures.append(Figure("button over the first button of an empty app", over, "x", 1.5, at_most=True, note=note))
    note = f"import torch takes {statistics.median(torch):.1f} s"
    for sight, most in ((GAUGES, 1.2), (STEPS, 1.8)):
        later = [
            (mine - first) / once for mine, first, once in zip(sights[sight], button, torch, strict=True)
        ]  # in imports of torch
        what = f"{sight}, after the button, over import torch"
        figures.append(Figure(what, statistics.median(later), "x", most, at_most=True, note=note))
    slowest = max(sights[STEPS]) / statistics.median(sights[STEPS])
    figures.append(Figure("slowest start over the median", slowest, "x", note=f"first steps, of {starts}"))
    return figures, {"all": waits, "empty": empty, "torch": torch}


def seconds_of_torch() -> float:
    """What `import torch` takes in a process of its own, without Python's own start."""
    code = "import time; began = time.perf_counter(); import torch; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def cold_start(browser: "Browser", root: Path = ROOT) -> dict[str, float]:
    """Start a server of its own over an empty home, open Train, click, and stop the server again."""
    waits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home, _server(root / "dashboard.py", home) as (url, started):

        def note(name: str) -> None:
            waits[name] = round(time.perf_counter() - started, 2)

        _wait_for_health(url, started)
        note("the server answers")
        page = browser.new_context().new_page()
        page.set_default_timeout(GIVE_UP_SECONDS * 1e3)
        page.goto(url)
        page.locator(".st-key-train button").wait_for()
        note(BUTTON)
        page.get_by_text("healthy start").nth(1).wait_for()
        note(GAUGES)
        page.locator(".st-key-train button").click()
        page.wait_for_function(FIRST_STEPS)
        note(STEPS)
        page.context.close()
    return waits


def empty_app(browser: "Browser") -> float:
    """Seconds from the start of an app that has but a button, to that button."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "app.py"
        script.write_text(EMPTY_APP, encoding="utf-8")
        with _server(script, folder) as (url, started):
            _wait_for_health(url, started)
            page = browser.new_context().new_page()
            page.set_default_timeout(GIVE_UP_SECONDS * 1e3)
            page.goto(url)
            page.get_by_text("Press").wait_for()
            took = time.perf_counter() - started
            page.context.close()
    return took


@contextmanager
def _server(script: Path, home: str) -> Iterator[tuple[str, float]]:
    """A server of Streamlit on a free port: its address, and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    environment, quiet = os.environ | {"VIT_LAB_HOME": home}, subprocess.DEVNULL
    started = time.perf_counter()
    server = subprocess.Popen(command, cwd=script.parent, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield f"http://127.0.0.1:{port}", started
    finally:
        server.terminate()
        server.wait()


def _wait_for_health(url: str, started: float) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.perf_counter() - started > GIVE_UP_SECONDS:
                raise
            time.sleep(0.05)
