"""How a server begins and ends, and what stands before it."""

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from streamlit.web.server.starlette import App

from vit_lab.forkserver import client
from vit_lab.ui.serving.address import ENTRANCE, KEY, NEWS, announce
from vit_lab.ui.serving.door import Door
from vit_lab.ui.serving.key import TICKET, ticket_for

DESCRIPTORS = 65_536  # a session takes three and a few more; some systems allow 256 unless they are asked for more


def _news(request: Request) -> PlainTextResponse:
    """What there is of the runs that a page shows, see `vit_lab.ui.inside.news`."""
    from vit_lab.ui.inside import news  # its caches want a server to be there

    found = news.news_of(request.query_params.get("runs", ""))
    return PlainTextResponse(found or "The runs cannot be read.", status_code=200 if found else 503)


def _host(request: Request) -> RedirectResponse:
    """From the link with the key to the page Class, with a ticket if the key is right, see `vit_lab.ui.serving.key`.

    A browser lists the address that it was sent to, not that from which it was sent, and nobody keeps the answer.
    """
    ticket = ticket_for(request.query_params.get(KEY, ""))
    page = f"round?{TICKET}={ticket}" if ticket else "round"  # beside this route, under whatever path the lab is
    unseen = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(page, status_code=303, headers=unseen)


MIDDLEWARE, ROUTES = [Middleware(Door)], [Route(NEWS, _news), Route(ENTRANCE, _host)]


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """From before the first request to after the last."""
    _allow_many_descriptors()
    client.warm_up()
    announce()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _end)
    yield
    _end()


def _end(signum: int = 0, frame: FrameType | None = None) -> None:
    """End the process as soon as all that matters is kept; a second signal ends it at once.

    The server's own way out waits for each open page, and then Python's for each thread. A page may be in the middle of
    a computation there, and C++ code answers the unwinding of its thread by aborting the process.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _leave)
    threading.Thread(target=_keep_and_leave, name="vit-lab-end").start()  # a lock may be held by the thread interrupted


def _keep_and_leave() -> None:
    code = 1
    from vit_lab.ui.serving import lab  # its caches want a server to be there

    try:
        lab.end()
        code = 0
    finally:
        _leave(code=code)


def _leave(signum: int = 0, frame: FrameType | None = None, code: int = 1) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


def _allow_many_descriptors() -> None:
    try:
        import resource  # not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
