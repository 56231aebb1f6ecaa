"""What the server does to leave the cores to the runs: it waits for one, and puts its theme together once."""

import os
import subprocess
import sys

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from vit_lab.ui.serving import read_the_theme_once

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar")

WITNESS = """
import os, threading
from vit_lab.ui.serving import serve_without_interrupting_runs

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
        subprocess.run([sys.executable, "-c", f"import os; os.sched_setscheduler(0, {batch}, os.sched_param(0))"],
                       check=True, capture_output=True)  # fmt: skip
    except subprocess.CalledProcessError:
        pytest.skip("This system has no such kind of scheduling, or refuses it.")
    found = subprocess.run([sys.executable, "-c", WITNESS], capture_output=True, text=True, check=True).stdout
    assert found.split() == [str(batch)] * 3


def theme():
    """The theme as Streamlit has it sent to a browser."""
    whole = CustomThemeConfig()
    for section in SECTIONS:
        part = whole
        for name in section.split(".")[1:]:
            part = getattr(part, name)
        app_session._populate_theme_msg(part, section)
    return whole.SerializeToString(deterministic=True)


def test_the_theme_is_that_of_the_settings_and_put_together_once(monkeypatch):
    asked, options = [], config.get_options_for_section
    monkeypatch.setattr(config, "get_options_for_section", lambda section: asked.append(section) or options(section))
    monkeypatch.setattr(app_session, "_populate_theme_msg", app_session._populate_theme_msg)  # given back in the end
    streamlits_own = theme()
    assert b"#0f766e" in streamlits_own and asked == [*SECTIONS]
    read_the_theme_once()
    read_the_theme_once()  # as after clearing the caches
    config._on_config_parsed.send()
    asked.clear()
    assert [theme(), theme(), theme()] == [streamlits_own] * 3
    assert asked == [*SECTIONS]


def test_a_changed_theme_is_read_again(monkeypatch):
    monkeypatch.setattr(app_session, "_populate_theme_msg", app_session._populate_theme_msg)
    read_the_theme_once()
    theme()
    monkeypatch.setitem(config.get_config_options(), "theme.primaryColor", config.ConfigOption("theme.primaryColor"))
    config.get_config_options()["theme.primaryColor"].set_value("#123456", "a test")
    config._on_config_parsed.send()
    assert b"#123456" in theme()


def test_a_streamlit_without_such_a_function_is_left_alone(monkeypatch):
    monkeypatch.setattr("vit_lab.ui.serving._streamlits_own", None)
    before = app_session._populate_theme_msg
    read_the_theme_once()
    assert app_session._populate_theme_msg is before
