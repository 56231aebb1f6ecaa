"""The package: what is in it, what it asks for, and that an installed lab is the same lab from any folder."""

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from commands import last_object, run

from vit_lab import paths

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("vit_lab", "pages", "docs/findings", ".streamlit", "dashboard.py", "README.md")
SOURCES += ("pyproject.toml", "setup.py", "MANIFEST.in", "requirements.txt")
PLACES = {"vit_lab": "vit_lab", "pages": "vit_lab/top/pages", "docs/findings": "vit_lab/top/docs/findings"}
SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
START_SECONDS = 60

TELL_SETTINGS = """
import json, os, sys

leave = os._exit  # by which a server ends

def tell(code):
    if "streamlit.config" in sys.modules:
        told = {name: sys.modules["streamlit.config"].get_option(name) for name in NAMES}
        print(json.dumps(told), flush=True)
    leave(code)

os._exit = tell
"""
OPEN_PAGES = """
from streamlit.testing.v1 import AppTest
from vit_lab import paths

app = AppTest.from_file(str(paths.top() / "dashboard.py"), default_timeout=60).run()
assert app.button and not app.exception, app.exception
app.switch_page("pages/learn_init.py").run()
charts = [chart.proto.alt for chart in app.get("vega_lite_chart")]
assert any(alt.startswith("Paired differences") for alt in charts) and not app.exception, (charts, app.exception)
"""


def built(kind, source, folder):
    """Build a wheel or an sdist of a source tree into a folder."""
    code = f"from setuptools import build_meta as backend; print(backend.build_{kind}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what the package is made of: building leaves files beside it."""
    pytest.importorskip("setuptools", reason="Only it can build the package.")
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return built("wheel", source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    return built("sdist", source, tmp_path_factory.mktemp("sdist"))


def test_the_wheel_holds_the_lab_its_dashboard_and_its_findings_and_nothing_else(wheel):
    expected = {"vit_lab/top/dashboard.py", "vit_lab/top/.streamlit/config.toml"}
    for folder, place in PLACES.items():
        files = [file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        expected |= {f"{place}/{file.relative_to(ROOT / folder).as_posix()}" for file in files}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == expected


def test_the_package_asks_for_what_the_lab_needs_and_offers_what_its_checks_need(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(name).decode())
        commands = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    asked = {re.match(r"[\w-]+", line)[0]: "extra ==" in line for line in told.get_all("Requires-Dist")}
    listed = re.findall(r"(?m)^[\w-]+", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert list(asked) == [*listed, "ray", "tensorboard"] and asked["ray"] and asked["tensorboard"]
    assert (asked["streamlit"], asked["torch"], asked["pytest"], asked["mypy"]) == (False, False, True, True)
    assert "vit-lab = vit_lab.__main__:main" in commands


def test_all_that_the_lab_imports_at_once_is_asked_for():
    """What only some runs need may be imported where it is needed; Ray is, in whole modules."""
    lab, _ = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# Tests and checks\n")
    asked = set(re.findall(r"(?m)^[\w-]+", lab)) | {"pydantic_core"}  # a part of pydantic
    found = set()
    for file in [*(ROOT / "vit_lab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "dashboard.py"]:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                found |= {name.partition(".")[0] for name in names}
    assert {"torch", "streamlit", "vit_lab"} <= found
    sources = packages_distributions()
    for name in found - set(sys.stdlib_module_names) - {"vit_lab", "ray"}:
        assert asked & {name, *sources[name]}, f"{name} is imported, and not in requirements.txt"


def test_the_top_of_a_checkout_is_where_the_dashboard_is():
    assert paths.top() == ROOT


def test_the_dashboard_is_run_by_streamlit_with_whatever_else_is_said(monkeypatch):
    asked = []
    monkeypatch.setattr("vit_lab.cli.dashboard.os.execv", lambda program, words: asked.append(words))
    assert run("dashboard", "--server.port=8600", "--server.headless", "true").exit_code == 0
    script = str(ROOT / "dashboard.py")
    assert asked[0][-6:] == ["streamlit", "run", script, "--server.port=8600", "--server.headless", "true"]


@pytest.fixture(params=["wheel", "sdist", "editable"])
def installed(request, source, tmp_path):
    """The folder of the commands of a new environment in which the lab is installed; all else comes from this one."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=os.name != "nt")
    place = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (place / "all_else.pth").write_text(f"{sysconfig.get_path('purelib')}\nimport tell_settings\n", encoding="utf-8")
    (place / "tell_settings.py").write_text(f"NAMES = {list(flat(SETTINGS))}\n{TELL_SETTINGS}", encoding="utf-8")
    commands = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))
    what = ["-e", source] if request.param == "editable" else [request.getfixturevalue(request.param)]
    install = [sys.executable, "-m", "pip", "--python", commands / "python", "install", "--no-index", "--no-deps"]
    done = subprocess.run([*install, "--no-build-isolation", *what], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return commands


def flat(settings, above=""):
    """Streamlit's name of each setting in nested tables, and its value: {"theme.light.textColor": ...}."""
    found = {}
    for name, value in settings.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_installed_lab_trains_and_serves_from_any_folder(installed, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def command(*words):
        done = subprocess.run([str(word) for word in words], cwd=elsewhere, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout

    trained = last_object(command(installed / "vit-lab", "train", "--steps=2", "--json"))
    assert (trained["status"], trained["steps"]) == ("finished", 2)
    assert trained["run_id"] in command(installed / "vit-lab", "runs")
    command(installed / "python", "-c", OPEN_PAGES)
    assert settings_of_a_server(installed / "vit-lab", elsewhere) == flat(SETTINGS)


def settings_of_a_server(vit_lab, folder):
    """Open the dashboard in a folder, end it once it answers, and return the settings that it has told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [str(vit_lab), "dashboard", f"--server.port={port}", "--server.headless=true"]
    server = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        assert answers(f"http://127.0.0.1:{port}/") and answers(f"http://127.0.0.1:{port}/learn_init")
        server.send_signal(signal.SIGTERM)
        return json.loads(server.communicate(timeout=30)[0].splitlines()[-1])
    finally:
        server.kill()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False
