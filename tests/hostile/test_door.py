"""Who gets through the door of a server, by the headers of what they send (docs/security.md)."""

import asyncio
import http.client
import re

import pytest
from peer import ANN

from vit_lab.ui.serving import visitor
from vit_lab.ui.serving.door import NO_UPLOADS, NOT_THIS_MACHINE, Door

OURS = ["localhost", "localhost:8501", "LOCALHOST.:8501", "127.0.0.1:8501", "127.3.2.1", "[::1]:8501"]
FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "8.8.8.8",
    "",
    "[::1",
]
FOREIGN += ["localhost@evil.example", "evil.example#localhost", "[2001:db8::1]:8501"]


async def streamlit(scope, receive, send):
    """Stands in for what is behind the door."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})


def answer(path="/", kind="http", method="GET", **headers):
    """What comes back through the door: status and text of a page, or whether a websocket is accepted."""
    scope = {
        "type": kind,
        "path": path,
        "method": method,
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    sent = []

    async def receive():
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(Door(streamlit)(scope, receive, send))
    if kind == "websocket":
        return sent[0]["type"] == "websocket.accept"
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


def is_let_in(**headers):
    return answer("/_stcore/stream", "websocket", **headers)


@pytest.fixture
def local(monkeypatch):
    monkeypatch.delenv("VIT_LAB_CLASS", raising=False)
    monkeypatch.setattr(visitor, "_all_are_visitors", lambda: False)
    options = {"server.address": "127.0.0.1", "server.allowedHosts": [], "server.corsAllowedOrigins": []}
    monkeypatch.setattr("streamlit.get_option", options.get)
    return options


@pytest.mark.parametrize("host", OURS)
def test_this_machine_has_its_own_names(local, host):
    assert answer(host=host) == (200, "welcome")
    assert is_let_in(host=host, origin=f"http://{host}")


@pytest.mark.parametrize("host", FOREIGN)
def test_under_another_name_nobody_gets_in(local, host):
    for path in ("/", "/_stcore/health", "/media/x.csv"):
        assert answer(path, host=host) == (403, NOT_THIS_MACHINE + "\n")
    assert not is_let_in(host=host, origin=f"http://{host}")


def test_the_host_can_name_it(local):
    local["server.allowedHosts"] = ["Lab.example"]
    assert answer(host="lab.example:8501") == (200, "welcome")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:9999", "null", "file://", "http://localhost", "http://[::1", ""]
)
def test_a_page_of_another_site_gets_in_nowhere(local, origin):
    assert not is_let_in(host="localhost:8501", origin=origin)
    local["server.address"] = "0.0.0.0"
    assert not is_let_in(host="192.168.0.7:8501", origin=origin)


def test_in_a_class_any_name_gets_in_and_nobody_is_host_by_a_foreign_one(local, monkeypatch):
    local["server.address"] = "0.0.0.0"
    for host in [*OURS, "teacher.school.example", "192.168.0.7:8501"]:
        assert is_let_in(host=host, origin=f"http://{host}")

    class Context:
        ip_address, cookies = None, {"_streamlit_xsrf": ANN.partition("=")[2]}
        headers: dict[str, str]

    monkeypatch.setattr(visitor.st, "context", Context)
    for host in OURS:
        Context.headers = {"Host": host}
        assert visitor.visitor() == ""
    for host in FOREIGN:
        Context.headers = {"Host": host}
        assert len(visitor.visitor()) == 16


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
def test_nothing_is_uploaded(local, method):
    refused = answer("/_stcore/upload_file/session/file", method=method, host="localhost")
    assert refused == (403, NO_UPLOADS + "\n")


# A real server


def ask(server, path="/", **headers):
    """The status of an answer, with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_server_has_that_door(server):
    assert ask(server, Host=f"localhost:{server.port}") == 200
    assert ask(server, Host="evil.example") == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": "streamlit"}
    ours = f"127.0.0.1:{server.port}"
    assert ask(server, "/_stcore/stream", Host=ours, **upgrade) == 101
    for host, origin in ((ours, "http://evil.example"), ("evil.example", "http://evil.example")):
        assert ask(server, "/_stcore/stream", Host=host, Origin=origin, **upgrade) == 403


def test_the_link_with_the_key_leads_to_a_page_without_it(class_server):
    [link] = re.findall(r"/host\?key=\S+", class_server.said())
    sent_to = []
    for asked in (link, link[:-1]):
        connection = http.client.HTTPConnection("127.0.0.1", class_server.port, timeout=20)
        connection.request("GET", asked)
        answer = connection.getresponse()
        assert answer.status == 303
        sent_to.append(answer.getheader("location"))
        connection.close()
    assert re.fullmatch(r"round\?host=[\w-]{24}", sent_to[0]) and link.partition("=")[2] not in sent_to[0]
    assert sent_to[1] == "round", "a wrong one does nothing"
