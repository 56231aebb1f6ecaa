"""The checks before a commit are those of `make lint`, and what the tests ask of one another."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_hooks_are_the_checks_of_make_lint():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"(?m)^lint:.*\n((?:\t.*\n)+)", makefile)
    (folder,) = re.findall(r"(?m)^BIN := (.*)", makefile)
    checks = [line.strip().replace("$(BIN)", folder) for line in recipe.splitlines()]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^ +entry: (.*)", hooks) == checks != []
    assert hooks.count("language: system") == hooks.count("pass_filenames: false") == len(checks)
    assert re.findall(r"repo: (.*)", hooks) == ["local"], "nothing is downloaded"


def test_no_two_files_of_tests_have_one_name():
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert [name for name in set(names) if names.count(name) > 1] == [], "pytest imports them by their names alone"
