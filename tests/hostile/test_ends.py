"""How servers and commands end when they are told to, however early and however many look on."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from peer import ANN, Peer

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("ctrl_c")


@pytest.mark.parametrize("count", [12, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_server_with_many_tabs_ends_in_time(server, how, count):
    tabs = [Peer(server, ANN).open("", page="runs") for _ in range(count)]
    began = time.monotonic()
    server.stop(how)  # asserts that it takes less than five seconds
    assert time.monotonic() - began < 5 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert len(tabs) == count


@pytest.mark.parametrize(
    "seconds", [0.5, 1.5, *(pytest.param(0.2 * tenth, marks=pytest.mark.long) for tenth in range(1, 25))]
)
def test_ctrl_c_in_the_first_seconds_of_a_command_is_told_in_a_sentence_and_in_json(home, seconds):
    command = [sys.executable, "-m", "vit_lab", "train", "--steps=100000", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True)
    try:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "Traceback" not in err, err
    if out:  # Python itself takes a moment to begin, and then nobody has read the command yet
        assert json.loads(out.splitlines()[-1])["status"] == "interrupted" and process.returncode == 1


def test_a_server_may_open_many_files_although_the_system_offers_few(tmp_path, server):
    limits = Path(f"/proc/{server.pid}/limits").read_text()
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert int(soft) == min(int(hard), 65_536) >= resource.getrlimit(resource.RLIMIT_NOFILE)[0]
