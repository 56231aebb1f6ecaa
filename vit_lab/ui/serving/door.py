"""The door of a server: which requests reach Streamlit at all (docs/security.md).

Streamlit lets any name for the machine through, and before it refuses a page of another site it asks DNS and an address
on the internet who it is itself. So both are decided here, and for pages and files as for websockets.
"""

from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vit_lab.ui.serving.visitor import is_class, names_this_machine

UPLOADS = "/_stcore/upload_file"
NOT_THIS_MACHINE = (
    "This lab answers to its own machine only, under names like http://localhost:8501. To open it to others, start it "
    "as the README says under 'In a class'; to call it by another name, add --server.allowedHosts=NAME."
)
FOREIGN_PAGE = "A page of another site cannot use this lab."
NO_UPLOADS = "Nothing can be uploaded here."
POLICY_VIOLATION = 1008  # RFC 6455, Sec. 7.4.1


class Door:
    """Wraps Streamlit's server, and refuses what no browser of a person here would send."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer with status 403 and a sentence."""
        why = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await PlainTextResponse(why + "\n", status_code=403)(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})


def _refusal(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    host, origin = headers.get("host", ""), headers.get("origin")
    if not is_class() and not names_this_machine(host):
        return NOT_THIS_MACHINE
    if scope["type"] == "websocket" and origin is not None:
        trusted = [host, *map(_place, st.get_option("server.corsAllowedOrigins"))]
        if _place(origin) not in trusted:
            return FOREIGN_PAGE
    if UPLOADS in scope["path"] and scope.get("method") != "OPTIONS":
        return NO_UPLOADS
    return None


def _place(origin: str) -> str:
    """Host and port of an origin such as http://localhost:8501; of what is none, itself."""
    try:
        return urlsplit(origin).netloc or origin
    except ValueError:
        return origin
