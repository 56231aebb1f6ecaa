"""One end of a websocket to a server, which talks as a browser does, or as none would."""

import re
from contextlib import ExitStack

from a_server import Dashboard
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

ANN, BOB = (f"_streamlit_xsrf=2|01020304|{token * 16}|1700000000" for token in ("aa", "bb"))


class Peer:
    """One end of a websocket to a server; remembers what the page last was."""

    def __init__(self, server: Dashboard, cookie: str = ""):
        self._stack = ExitStack()
        opening = connect(
            f"ws://127.0.0.1:{server.port}/_stcore/stream",
            additional_headers={"Cookie": cookie},
            subprotocols=["streamlit", "PLACEHOLDER"],
            max_size=None,
            open_timeout=30,
            compression=None,
        )
        self._socket = self._stack.enter_context(opening)
        self.elements: dict[tuple[int, ...], Delta] = {}
        self.pages: list[str] = []  # whose scripts have begun, whole or in part

    def send(self, message: BackMsg | bytes | str) -> None:
        """Anything, whatever it says."""
        self._socket.send(message.SerializeToString() if isinstance(message, BackMsg) else message)

    def open(self, query: str = "", page: str = "", click: str = "", seconds: float = 60.0) -> "Peer":
        """Ask for a page, perhaps with one of its buttons pressed, and read until it is drawn."""
        self.ask(query, page, click)
        return self.read(seconds)

    def ask(self, query: str = "", page: str = "", click: str = "") -> None:
        """Ask for a page, and read nothing."""
        message = BackMsg()
        message.rerun_script.query_string, message.rerun_script.page_name = query, page
        message.rerun_script.context_info.timezone = "UTC"
        message.rerun_script.widget_states.SetInParent()
        if click:
            pressed = WidgetState(id=self.id_of(click), trigger_value=True)
            message.rerun_script.widget_states.widgets.add().CopyFrom(pressed)
        self.send(message)

    def tick(self) -> BackMsg:
        """What the timer of the part of the page says that draws itself again and again."""
        message = BackMsg()
        message.rerun_script.fragment_id = next(one.fragment_id for one in self.elements.values() if one.fragment_id)
        message.rerun_script.page_script_hash, message.rerun_script.is_auto_rerun = self.pages[-1], True
        return message

    def read(self, seconds: float = 60.0) -> "Peer":
        """Until the script has come to its end."""
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=seconds))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.pages.append(message.new_session.page_script_hash)
                if not list(message.metadata.run.fragment_ids):
                    self.elements.clear()
            elif kind == "delta":
                self.elements[tuple(message.metadata.delta_path)] = message.delta
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return self

    @property
    def text(self) -> str:
        """All that stands on the page, and more."""
        return "\n".join(str(element) for element in self.elements.values())

    def id_of(self, key: str) -> str:
        """The id of a widget."""
        found = re.findall(rf'id: "(\$\$ID-[^"]*-{key})"', self.text)
        assert found, f"there is no {key} on the page"
        return found[0]

    def close(self) -> None:
        """Leave."""
        self._stack.close()
