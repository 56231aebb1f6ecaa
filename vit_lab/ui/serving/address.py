"""Under which address others reach this server, and what is told of it in the terminal when it starts."""

import ipaddress
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import streamlit as st

from vit_lab.ui.serving.key import key
from vit_lab.ui.serving.visitor import LOCAL_ADDRESSES, is_class

NOBODY = "192.0.2.1"  # an address that documentation uses and nobody has (RFC 5737)
EVERYWHERE = (None, "", "0.0.0.0", "::")
KEY = "key"  # in that address


def network_address(seen: str = "") -> str | None:
    """Such as http://192.168.1.7:8501, and never a name that means each machine itself; None if there is none.

    That under which a page is `seen`, if it is seen from elsewhere; or else the one that the server was given, or that
    the machine has in its network.
    """
    with suppress(ValueError):
        parts = urlsplit(seen)
        if parts.netloc and not _is_local(parts.netloc):
            return f"{parts.scheme}://{parts.netloc}{_path()}"
    given = st.get_option("server.address")
    if not is_class() or given in LOCAL_ADDRESSES:
        return None
    host = _outward() if given in EVERYWHERE else str(given)
    if host is None:
        return None
    return _at(f"[{host}]" if ":" in host else host)


def announce() -> None:
    """Say in the terminal of a server for a class how students get in, and how the host does from elsewhere."""
    if not is_class():
        return
    where = network_address() or _at("<address of this machine>")
    print(f"\n  Students:  {where}/join\n  Host:      {where}/host?{KEY}={key()}", flush=True)
    print("  Whoever opens the second link is the host; keep it off the projector.\n")


def _is_local(place: str) -> bool:
    name = urlsplit(f"//{place}").hostname or ""
    return name.rstrip(".") in ("", "localhost") or _is_any_machine(name)


def _is_any_machine(name: str) -> bool:
    """Whether an address means each machine itself: 127.0.0.1, and 0.0.0.0, where a server listens to all networks."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _at(host: str) -> str:
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    return f"{scheme}://{host}:{st.get_option('server.port')}{_path()}"


def _path() -> str:
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}" if path else ""


NEWS = f"{_path()}/api/news"  # of runs: `vit_lab.ui.inside.news`
ENTRANCE = f"{_path()}/host"  # of the host, with the key


def _outward() -> str | None:
    """The address of this machine on the way out; asked of the system, to which nothing is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((NOBODY, 9))
        found = str(way.getsockname()[0])
        return None if _is_any_machine(found) else found
    return None
