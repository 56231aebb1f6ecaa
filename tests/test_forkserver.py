"""Processes of the lab's own: what they are given, how their end is told, and what becomes of them without a server."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import with_this_path
from waiting import wait_for

from vit_lab.forkserver import client
from vit_lab.forkserver.calls import compute
from vit_lab.forkserver.client import ForkServer, start

linux = pytest.mark.skipif(not client.CAN_FORK, reason="It forks on Linux only.")
TARGET = "children"


@pytest.fixture(params=[pytest.param(True, marks=linux), False], ids=["forked", "a new Python"])
def way(request, monkeypatch):
    monkeypatch.setattr(client, "CAN_FORK", request.param)
    return request.param


def test_a_child_has_the_arguments_environment_and_folder_of_now(way, tmp_path, monkeypatch):
    monkeypatch.setenv("A_WORD", "größer")
    monkeypatch.chdir(tmp_path)
    child = start(f"{TARGET}:describe", "a b", "ö")
    told = json.loads(child.stdout.readline())
    assert (told["words"], told["folder"], told["word"]) == (["a b", "ö"], str(tmp_path), "größer")
    assert told["path"][: len(sys.path)] == sys.path
    assert child.poll() is None and child.pid != os.getpid()
    child.stdin.close()
    assert child.wait(20) == child.poll() == 3
    if way:
        assert told["torch"], "loaded once, by the fork server"
        assert told["open"] == [0, 1, 2], "a pipe that a child holds open would never end for whoever reads it"


def test_how_a_child_ends_is_told(way):
    assert start(f"{TARGET}:break_down").wait(20) == 1
    killed = start(f"{TARGET}:describe")
    killed.stdout.readline()
    killed.kill()
    assert killed.wait(20) == -signal.SIGKILL
    killed.kill()  # whoever has its number now is left alone
    with pytest.raises(subprocess.TimeoutExpired):
        start(f"{TARGET}:describe").wait(0.2)


@linux
def test_a_child_has_the_bundled_digits_and_one_thread():
    assert compute(f"{TARGET}:held_ready", seconds=20, memory=2**28) == (["mnist-10k"], 1, 1)
    [server] = client._servers
    assert len(list(Path(f"/proc/{server._process.pid}/task").iterdir())) == 1, "a fork copies no other"


@linux
def test_a_child_is_there_in_a_moment_and_many_are_told_apart():
    start(f"{TARGET}:describe").stdout.readline()  # now the fork server is there
    began = time.monotonic()
    children = [start(f"{TARGET}:describe", str(number)) for number in range(20)]
    told = [json.loads(child.stdout.readline())["words"] for child in children]
    assert time.monotonic() - began < 5, "torch alone takes a second each"
    assert told == [[str(number)] for number in range(20)]
    assert len({child.pid for child in children}) == 20
    for child in children:
        child.stdin.close()
    assert [child.wait(20) for child in children] == [3] * 20


@linux
def test_a_fork_server_that_dies_takes_its_children_along_and_is_replaced():
    child = start(f"{TARGET}:describe")
    parent = json.loads(child.stdout.readline())["parent"]
    os.kill(parent, signal.SIGKILL)
    assert child.wait(20) == -signal.SIGKILL
    wait_for(lambda: not Path(f"/proc/{child.pid}").exists())
    other = start(f"{TARGET}:describe")
    assert json.loads(other.stdout.readline())["parent"] != parent
    other.stdin.close()
    assert other.wait(20) == 3


@linux
def test_a_fork_server_that_cannot_load_is_told_as_the_end_of_its_children(monkeypatch, capfd):
    monkeypatch.setattr(client, "PRELOAD", ("vit_lab.nowhere",))
    server = ForkServer()
    assert server.start(f"{TARGET}:describe").wait(20) == 1
    assert "vit_lab.nowhere" in capfd.readouterr().err
    wait_for(lambda: server.has_ended)
    late = server.start(f"{TARGET}:describe")
    late.kill()
    assert late.wait(20) == 1
    with pytest.raises(OSError, match="no process was started"):
        _ = late.pid


@linux
def test_children_end_by_their_stdin_when_their_server_is_killed_and_the_fork_server_after_them(tmp_path):
    program = f"""
from vit_lab.forkserver.client import start
child = start("{TARGET}:describe")
print(child.stdout.readline(), flush=True)
child.wait()
"""
    server = subprocess.Popen([sys.executable, "-c", with_this_path(program)], stdout=-1, text=True)
    told = json.loads(server.stdout.readline())
    server.kill()
    server.communicate()
    wait_for(lambda: not Path(f"/proc/{told['parent']}").exists())
