"""The wheel: what is in it, what it asks for, and that an installed lab works from any folder."""

import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from vit_lab import paths

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ["vit_lab", "pages", "docs", ".streamlit", "setup.py", "pyproject.toml", "requirements.txt", "MANIFEST.in"]
SOURCES += ["dashboard.py", "README.md"]
PARTS = {"pages": "vit_lab/top/pages", "docs/findings": "vit_lab/top/docs/findings", "vit_lab": "vit_lab"}


def built(kind: str, source: Path, folder: Path) -> Path:
    """Build a `wheel` or an `sdist` of a source tree into a folder."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of what a package is built from: building leaves files beside it."""
    pytest.importorskip("setuptools")
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    return built("wheel", source, tmp_path_factory.mktemp("wheel"))


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_lab_its_dashboard_and_its_findings_and_nothing_else(wheel):
    expected = {"vit_lab/top/dashboard.py", "vit_lab/top/.streamlit/config.toml"}
    for part, place in PARTS.items():
        files = [file for file in (ROOT / part).rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        assert files
        expected |= {f"{place}/{file.relative_to(ROOT / part).as_posix()}" for file in files}
    assert files_in(wheel) == expected


def test_it_asks_for_what_the_lab_needs_and_offers_what_its_tests_need(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(name).decode())
        commands = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    listed = re.findall(r"(?m)^[\w-]+", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    asked = {re.match(r"[\w-]+", line)[0]: "extra ==" in line for line in told.get_all("Requires-Dist")}
    assert list(asked) == listed
    lab, checks = ({name for name, extra in asked.items() if extra is wanted} for wanted in (False, True))
    assert {"streamlit", "torch", "typer"} <= lab and {"pytest", "mypy", "ruff"} <= checks
    assert (told["Name"], told["Requires-Python"]) == ("vit-lab", ">=3.11")
    assert "vit-lab = vit_lab.cli.app:main" in commands


def test_every_package_that_the_lab_imports_is_asked_for():
    asked = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# Tests and checks")[0]
    names = {re.sub("-.*", "", name) for name in re.findall(r"(?m)^[\w-]+", asked)}
    files = [*(ROOT / "vit_lab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "dashboard.py"]
    imports = re.compile(r"(?m)^\s*(?:from|import) (\w+)")
    imported = {name for file in files for name in imports.findall(file.read_text(encoding="utf-8"))}
    assert imported - set(sys.stdlib_module_names) - {"vit_lab"} <= names


def test_the_top_of_this_checkout_is_found():
    assert paths.top() == ROOT
    assert (paths.top() / ".streamlit" / "config.toml").is_file()


def test_the_dashboard_is_opened_by_streamlit_with_what_else_is_said(monkeypatch):
    from commands import run

    monkeypatch.setattr("vit_lab.cli.dashboard.os.name", "posix")
    asked = []
    monkeypatch.setattr("vit_lab.cli.dashboard.os.execv", lambda program, words: asked.append(words))
    assert run("dashboard", "--server.port=8600", "--server.headless", "true").exit_code == 0
    [words] = asked
    assert words[words.index("streamlit") :] == [
        "streamlit", "run", str(ROOT / "dashboard.py"), "--server.port=8600", "--server.headless", "true",
    ]  # fmt: skip
