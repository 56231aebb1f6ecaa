"""Who looks at the page: the host, who may do everything, or a visitor of a class (see docs/decisions/010).

A browser keeps the token of Streamlit's own cookie against forged requests until it is closed, so a visitor stays the
same through reloads, tabs and restarts of the server, and nobody else can name the token. Only its hash is stored.
The host is whoever has the machine to themselves, sits at it, or has opened the link with the server's key.
"""

import hashlib
import ipaddress
import os
import socket
import uuid
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import streamlit as st

from vit_lab.runs.limits import HOST, may_change
from vit_lab.runs.records import RunRecord
from vit_lab.ui.serving.key import has_key, take_ticket

LOCAL_ADDRESSES = ("127.0.0.1", "localhost", "::1")  # of a server that answers to its own machine only
ALLOWED_HOSTS = "server.allowedHosts"
NOT_YOURS = "Started by somebody else: only they, or the host, can change it."


def is_class() -> bool:
    """Whether several people use this server: it answers to other machines, or VIT_LAB_CLASS says so."""
    return _all_are_visitors() or st.get_option("server.address") not in LOCAL_ADDRESSES


def visitor() -> str:
    """The id under which the runs of this person are stored."""
    if not is_class() or (not _all_are_visitors() and _sits_at_the_machine()):
        return HOST
    browser = _browser()
    if has_key(browser):
        return HOST
    if browser is None:  # no cookies: the same until the page is loaded again
        return _hashed(st.session_state.setdefault("visitor", uuid.uuid4().bytes))
    return browser


def is_host() -> bool:
    """Whether whoever looks at the page is the host."""
    return visitor() == HOST


def greet() -> None:
    """Take the ticket of the host out of the address, if the link with the key has brought one."""
    take_ticket(_browser())


def not_theirs(runs: Sequence[RunRecord]) -> str | None:
    """Why this person may not change some of these runs; None if they may change all."""
    me = visitor()
    return None if all(may_change(me, run.owner) for run in runs) else NOT_YOURS


def _all_are_visitors() -> bool:
    """Behind a proxy on this machine everybody seems to sit at it; VIT_LAB_CLASS=1 says that nobody does."""
    return os.environ.get("VIT_LAB_CLASS", "") not in ("", "0")


def names_this_machine(host: str) -> bool:
    """Whether the Host header of a request calls this machine by a name that no other site can have.

    A site whose name leads to this machine (DNS rebinding) has its pages ask for that name.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    with suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    own = socket.gethostname().lower()
    return name in ("localhost", own, f"{own}.local", *(allowed.lower() for allowed in st.get_option(ALLOWED_HOSTS)))


def _browser() -> str | None:
    """The id that a browser's cookie comes to; None if it sends none."""
    token = _token(st.context.cookies.get("_streamlit_xsrf", ""))
    return None if token is None else _hashed(token)


def _hashed(token: bytes) -> str:
    return hashlib.sha256(b"vit-lab visitor" + token).hexdigest()[:16]


def _sits_at_the_machine() -> bool:
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    is_forwarded = not headers.keys().isdisjoint(("x-forwarded-for", "forwarded", "x-real-ip"))
    return st.context.ip_address is None and not is_forwarded and names_this_machine(headers.get("host", ""))


def _token(cookie: str) -> bytes | None:
    """The token in "2|mask|masked token|time", which alone stays the same from one answer of the server to the next."""
    try:
        version, mask, masked, _ = cookie.strip('"').split("|")
        key, text = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return None
    if version != "2" or len(key) != 4 or len(text) < 8:
        return None
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(text))
