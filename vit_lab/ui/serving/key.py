"""The key to a server in a class: whoever opens a link with it is the host, from wherever they do.

It is drawn anew at each start, printed in the terminal, and taken out of the address as soon as it has been read, so
that nobody reads it from a projected address bar. The browser that brought it is known by its visitor's id until the
server ends, so that reloading a page does not cost a teacher the round (docs/decisions/039).
"""

import hmac
import secrets

import streamlit as st

HOST_KEY = "host"  # in the address
IS_HOST = "opened_with_key"  # in the session, which no message of a browser can write to

_key = secrets.token_urlsafe(18)
_opened: set[str] = set()  # the visitors who brought the key


def key() -> str:
    """The key of this server."""
    return _key


def is_key(text: str) -> bool:
    """Whether a text is the key. How long the answer takes tells nothing of it."""
    return hmac.compare_digest(text.encode("utf-8", "replace"), _key.encode())


def take_key(visitor: str | None) -> None:
    """Take a key out of the address, and remember who brought it if it is the right one.

    `visitor` is the id of the browser; one that sends no cookie is remembered in its session alone.
    """
    if HOST_KEY not in st.query_params:
        return
    brought = st.query_params[HOST_KEY]
    del st.query_params[HOST_KEY]
    if is_key(brought):
        st.session_state[IS_HOST] = True
        if visitor is not None:
            _opened.add(visitor)


def has_key(visitor: str | None) -> bool:
    """Whether whoever looks at the page has opened it with the key."""
    return st.session_state.get(IS_HOST) is True or visitor in _opened
