"""The server leaves the cores to the runs: it waits for one, and puts its theme together once; and how it ends."""

import os
import subprocess
import sys

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import NewSession
from streamlit.runtime import app_session

from vit_lab.ui.serving import server as serving
from vit_lab.ui.serving.server import read_the_theme_once

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar")

WITNESS = """
import os, threading
from vit_lab.ui.serving.server import serve_without_interrupting_runs

found = {}

def look(name):
    found[name] = os.sched_getscheduler(0)

def session():
    serve_without_interrupting_runs()
    in_a_thread(look, "worker")

def in_a_thread(work, *arguments):
    thread = threading.Thread(target=work, args=arguments)
    thread.start(), thread.join()

in_a_thread(session)
in_a_thread(look, "another session")
look("server")
print(*found.values())
"""


def test_a_server_waits_for_a_core():
    batch = getattr(os, "SCHED_BATCH", None)
    try:
        asking = f"import os; os.sched_setscheduler(0, {batch}, os.sched_param(0))"
        subprocess.run([sys.executable, "-c", asking], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        pytest.skip("This system has no such kind of scheduling, or refuses it.")
    found = subprocess.run([sys.executable, "-c", WITNESS], capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(batch)] * 3


ENDING = """
import atexit
from streamlit.runtime import Runtime
from vit_lab.ui.serving.server import leave_at_once

atexit.register(print, "taken down")
atexit.register(leave_at_once)
print("served")
"""
SERVER = "Runtime._instance = Runtime.__new__(Runtime)\n"


@pytest.mark.parametrize(
    ("kind", "ending", "said", "code"),
    [
        (SERVER, "", "served", 0),
        (SERVER, "raise OSError", "served", 1),
        ("", "", "served taken down", 0),
        ("", "raise OSError", "served taken down", 1),
    ],
)
def test_a_server_leaves_at_once_with_the_exit_code_that_it_would_have_had(kind, ending, said, code):
    process = subprocess.run([sys.executable, "-c", ENDING + kind + ending], capture_output=True, text=True)
    assert (process.stdout.split(), process.returncode) == (said.split(), code), process.stderr


@pytest.fixture(autouse=True)
def streamlits_own(monkeypatch):
    """Streamlit as it is without the lab, and nothing kept, before and after."""
    serving._made_of.cache_clear()
    monkeypatch.setattr(app_session, "_populate_theme_msg", serving._streamlits_own)
    yield
    serving._made_of.cache_clear()


def theme():
    """The part of Streamlit's message to a browser that holds the theme."""
    session = NewSession()
    for section in SECTIONS:
        part = session.custom_theme
        for name in section.split(".")[1:]:
            part = getattr(part, name)
        app_session._populate_theme_msg(part, section)
    return session.SerializeToString(deterministic=True)


def test_the_theme_is_that_of_the_settings_and_put_together_once(monkeypatch):
    asked, options = [], config.get_options_for_section
    monkeypatch.setattr(config, "get_options_for_section", lambda section: asked.append(section) or options(section))
    expected = theme()
    assert b"#0f766e" in expected and asked == [*SECTIONS]
    read_the_theme_once()
    read_the_theme_once()  # as after clearing the caches
    assert app_session._populate_theme_msg is not serving._streamlits_own
    asked.clear()
    assert [theme(), theme(), theme()] == [expected] * 3
    assert asked == [*SECTIONS]


@pytest.mark.parametrize("only", [{}, {"base": "light"}, {"base": "dark"}, {"headingFontSizes": ["2rem"]}], ids=str)
def test_a_theme_of_little_is_the_same_too(monkeypatch, only):
    monkeypatch.setattr(config, "get_options_for_section", lambda section: only if section == "theme" else {})
    expected = theme()
    read_the_theme_once()
    assert theme() == expected
    assert bool(expected) == bool(only)


def test_a_changed_theme_is_read_again(monkeypatch):
    read_the_theme_once()
    assert b"#123456" not in theme()
    monkeypatch.setattr(config, "get_options_for_section", lambda section: {"primaryColor": "#123456"})
    assert b"#123456" not in theme()
    config._on_config_parsed.send()
    assert b"#123456" in theme()


@pytest.mark.parametrize("other", [None, lambda msg: None, lambda msg, section, more=0: None])
def test_a_streamlit_with_another_function_is_left_alone(monkeypatch, other):
    monkeypatch.setattr(serving, "_streamlits_own", other)
    read_the_theme_once()
    assert app_session._populate_theme_msg is not serving._populate_theme
