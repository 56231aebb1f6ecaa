"""Browsers that watch a page over real websockets, as Streamlit's own front end does, without drawing anything.

A viewer opens a page, learns from the server which fragment wants to be run again and how often, and asks for it at
that rate. A tick lasts from the request to the message that the fragment has run: the wait for the server, and its
time.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from vit_lab.paths import data_folder

ROOT = Path(__file__).resolve().parents[1]
UP_SECONDS, ANSWER_SECONDS = 60.0, 60.0


@dataclass(frozen=True)
class Server:
    """A dashboard on this machine."""

    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def dashboard(home: str | Path, *program: str) -> Iterator[Server]:
    """A server as the README starts it, on a free port, with a lab home of its own and the data of this one.

    `program` is what to start in place of streamlit: a module and its first arguments.
    """
    environment = dict(os.environ, VIT_LAB_HOME=str(home), VIT_LAB_DATA=str(data_folder()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.headless=true", f"--server.port={port}", "--server.fileWatcherType=none"]
    command = [sys.executable, "-m", *(program or ["streamlit"]), "run", "dashboard.py", *options]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + UP_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError(f"the dashboard did not answer within {UP_SECONDS:.0f} s") from None
                time.sleep(0.1)
        yield Server(port, server)
    finally:
        server.send_signal(signal.SIGCONT)  # in case it stands still
        server.terminate()
        server.wait(15)


class Clock:
    """The time that a viewer goes by: that of `time.monotonic`."""

    def now(self) -> float:
        """Seconds."""
        return time.monotonic()

    async def reach(self, moment: float) -> None:
        """Wait for a moment of this clock."""
        await asyncio.sleep(max(0.0, moment - self.now()))


class Component(NamedTuple):
    """A component on a page: when it was last drawn, in which fragment, and with what, as JSON."""

    drawn: float
    fragment: str
    data: str


class Viewer:
    """One browser session. `ticks` are (when it was asked for, seconds that it took) of each run of a fragment."""

    def __init__(self, port: int, query: str = "", clock: Clock | None = None, page: str = ""):
        self.port, self.query, self.clock, self.page = port, query, clock or Clock(), page
        self.ticks: list[tuple[float, float]] = []
        self.problems: list[str] = []
        self.buttons: dict[str, str] = {}  # what is written on a button, and its id
        self.components: dict[str, Component] = {}  # by id
        self._page = ""

    async def watch(self, until: float, press: str | None = None) -> None:
        """Open the page, press a button if one is named, and watch until that moment of its clock."""
        async with self._connected() as connection:
            fragments = await self._run(connection)
            if press is not None:
                fragments = await self._run(
                    connection, button=next(i for label, i in self.buttons.items() if press in label)
                )
            due = dict.fromkeys(fragments, self.clock.now())
            while self.clock.now() < until:
                fragment = min(due, key=lambda some: due[some], default="")
                await self.clock.reach(due[fragment] if due else until)
                if due:
                    asked = self.clock.now()
                    fragments |= await self._run(connection, fragment=fragment)
                    self.ticks.append((asked, self.clock.now() - asked))
                    due[fragment] = asked + fragments[fragment]

    def _connected(self) -> websockets.connect:
        url, protocols = f"ws://127.0.0.1:{self.port}/_stcore/stream", [websockets.Subprotocol("streamlit")]
        return websockets.connect(url, subprotocols=protocols, max_size=None)

    async def _run(
        self,
        connection: websockets.ClientConnection,
        button: str = "",
        fragment: str = "",
        states: Mapping[str, str] | None = None,
    ) -> dict[str, float]:
        """Have the page, or one fragment of it, run; which fragments want to run again, and after how many seconds.

        `states` are what components say, as JSON, by their ids.
        """
        request = BackMsg()
        rerun = request.rerun_script
        rerun.query_string, rerun.page_script_hash, rerun.fragment_id = self.query, self._page, fragment
        rerun.is_auto_rerun = bool(fragment) and not states
        if not self._page:
            rerun.page_name = self.page
        for component, text in (states or {}).items():
            said = rerun.widget_states.widgets.add()
            said.id, said.json_value = component, text
        if button:
            state = rerun.widget_states.widgets.add()
            state.id, state.trigger_value = button, True
        await connection.send(request.SerializeToString())
        fragments: dict[str, float] = {}
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(connection.recv(), ANSWER_SECONDS))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page = message.new_session.page_script_hash
            elif kind == "navigation":
                self._page = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                fragments[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                self.problems.append(message.delta.new_element.exception.message)
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
                self.buttons[message.delta.new_element.button.label] = message.delta.new_element.button.id
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "bidi_component":
                component = message.delta.new_element.bidi_component
                self.components[component.id] = Component(self.clock.now(), message.delta.fragment_id, component.json)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return fragments
