"""What the server does so that drawing pages takes little from the runs that train beside it, and how it ends."""

import functools
import inspect
import os
import sys
from contextlib import suppress
from typing import Any

from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig, NewSession
from streamlit.runtime import Runtime, app_session

_streamlits_own: Any = getattr(app_session, "_populate_theme_msg", None)


def serve_without_interrupting_runs() -> None:
    """Where the system can (Linux), have the server wait for a core to be free, instead of taking one at once.

    It wakes up some hundred times a second if many watch, and runs lose more by being interrupted so often than by the
    work. The main thread, which starts those of all sessions, and the calling one, which may start the workers, pass it
    on.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            for thread in (os.getpid(), 0):
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))


def read_the_theme_once() -> None:
    """Streamlit sends the theme at the start of each tick, and puts it together from the settings again each time.

    Here it does so once after the settings have been read, and copies the outcome: the same message. Nothing happens if
    a release of Streamlit has no such function, or one of another kind.
    """
    if _is_known(_streamlits_own) and app_session._populate_theme_msg is not _populate_theme:
        config.on_config_parsed(_made_of.cache_clear, force_connect=True)
        app_session._populate_theme_msg = _populate_theme


def leave_at_once() -> None:
    """End the process of a server, once all that matters is done; nothing happens in a process that is none.

    A page may be in the middle of a computation, in a thread of its own. Python, on its way out, unwinds such a thread,
    and C++ code answers that by aborting the process: signal 6 in place of exit code 0.
    """
    if isinstance(Runtime._instance, Runtime):
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(int(hasattr(sys, "last_value")))  # as Python would: 1 after an error that nobody has caught


def _is_known(function: Any) -> bool:
    return function is not None and list(inspect.signature(function).parameters) == ["msg", "section"]


def _populate_theme(msg: CustomThemeConfig, section: str = "theme") -> None:
    made = _made_of(section)
    if made.HasField("custom_theme"):
        msg.SetInParent()
        msg.MergeFrom(made.custom_theme)


@functools.cache
def _made_of(section: str) -> NewSession:
    """A message that holds that section of the theme, or none if there is nothing in it."""
    session = NewSession()
    _streamlits_own(session.custom_theme, section)
    return session
