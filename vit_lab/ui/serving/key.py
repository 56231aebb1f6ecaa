"""The key to a server in a class: whoever opens a link with it is the host, from wherever they do.

It is drawn anew at each start, printed in the terminal, and never stands in the address of a page: a projector shows
address bars, and a browser lists where it has been. The link leads to a route that exchanges the key for a ticket,
which works once and not for long, and sends the browser on to a page with that. The browser that brought it is known by
its visitor's id until the server ends, so that reloading a page does not cost a teacher the round (docs/decisions/039).
"""

import hmac
import secrets
import time

import streamlit as st

TICKET = "host"  # in the address of a page
TICKET_SECONDS = 60.0  # from the link to the page
IS_HOST = "opened_with_key"  # in the session, which no message of a browser can write to

_key = secrets.token_urlsafe(18)
_tickets: dict[str, float] = {}  # with the moment, on the clock that never jumps, until which each works
_opened: set[str] = set()  # the visitors who brought the key


def key() -> str:
    """The key of this server."""
    return _key


def is_key(text: str) -> bool:
    """Whether a text is the key. How long the answer takes tells nothing of it."""
    return _are_same(text, _key)


def ticket_for(text: str) -> str | None:
    """A ticket for whoever brings the key; None for any other text."""
    if not is_key(text):
        return None
    now, ticket = time.monotonic(), secrets.token_urlsafe(18)
    for old in [old for old, until in _tickets.items() if until < now]:
        _tickets.pop(old, None)
    _tickets[ticket] = now + TICKET_SECONDS
    return ticket


def take_ticket(visitor: str | None) -> None:
    """Take a ticket out of the address, and remember who brought it if it is one that works; it does not again.

    `visitor` is the id of the browser; one that sends no cookie is remembered in its session alone.
    """
    if TICKET not in st.query_params:
        return
    brought = st.query_params[TICKET]
    del st.query_params[TICKET]
    found = next((ticket for ticket in list(_tickets) if _are_same(brought, ticket)), None)
    if found is not None and _tickets.pop(found, 0.0) > time.monotonic():
        st.session_state[IS_HOST] = True
        if visitor is not None:
            _opened.add(visitor)


def has_key(visitor: str | None) -> bool:
    """Whether whoever looks at the page has opened the link with the key."""
    return st.session_state.get(IS_HOST) is True or visitor in _opened


def _are_same(text: str, secret: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "replace"), secret.encode())
