"""What the lab's safety takes for granted of the installed Streamlit. An upgrade that changes it fails here, loudly."""

import inspect
import tomllib
from pathlib import Path

import streamlit as st
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.app_session import AppSession
from streamlit.starlette import App
from streamlit.web.server.app_discovery import discover_asgi_app
from streamlit.web.server.starlette import starlette_routes, starlette_websocket

from vit_lab.ui.serving.door import UPLOADS

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = {  # all that a browser can say, and what it can do to others: nothing
    "rerun_script",
    "load_git_info",
    "clear_cache",  # the lab keeps nothing there that it cannot compute again
    "set_run_on_save",
    "stop_script",
    "backend_operation_request",  # rows of a table, a column's sum; of one's own page
    "app_heartbeat",
    "file_urls_request",
    "debug_disconnect_websocket",  # in Streamlit's own development alone
    "debug_shutdown_runtime",  # the same
}


def test_a_browser_can_say_no_more_than_is_known():
    assert {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields} == MESSAGES


def test_only_a_server_under_development_can_be_shut_down_by_a_message():
    handler = inspect.getsource(AppSession.handle_backmsg)
    assert "debug" not in handler or not config.get_option("global.developmentMode")


def test_the_dashboard_is_found_to_be_a_server_with_a_door():
    found = discover_asgi_app(ROOT / "dashboard.py")
    assert (found.is_asgi_app, found.app_name) == (True, "app")
    assert {"lifespan", "middleware"} <= set(inspect.signature(App).parameters)


def test_the_routes_are_where_the_door_takes_them_to_be():
    sources = inspect.getsource(starlette_routes) + inspect.getsource(starlette_websocket)
    assert UPLOADS.removeprefix("/") in sources and "_stcore/stream" in sources


def test_the_settings_are_known_to_streamlit_and_set():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    wanted = {
        "server.address": "127.0.0.1",
        "server.maxUploadSize": 1,
        "server.disconnectedSessionTTL": 20,
        "client.allowedOrigins": [],
        "client.showErrorDetails": "type",
        "browser.gatherUsageStats": False,
        "runner.postScriptGC": False,
    }
    for name, value in wanted.items():
        section, _, key = name.partition(".")
        assert settings[section][key] == value
        config.get_option(name)  # raises if there is none of that name


def test_the_lab_hides_who_else_is_at_home():
    assert st.get_option("server.enableXsrfProtection") and st.get_option("server.enableCORS")
