"""A dashboard in a process and a home of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.executors.executor import usable_cores

ROOT = Path(__file__).resolve().parents[1]
# Streamlit 1.67, now and then where cores are busy: a click is looked at while the script before it, told to end, still
# adds a field. That click is lost, the next one is heard.
RACE_OF_STREAMLIT = re.compile(
    r"in _call_callbacks\b(?:(?!Traceback|_run_callback).)*?dictionary changed size during iteration", re.S
)
START_SECONDS, STOP_SECONDS = 60, 5  # to stop: if a core is free; longer in step with what else is running


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

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self._process is not None
        return self._process.pid

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
        assert said.count("Traceback") == len(RACE_OF_STREAMLIT.findall(said)), said

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
