"""What the texts of the project name is there: files, modules, links, decisions."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import history

ROOT = Path(__file__).resolve().parents[1]
TEXTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
MADE = {"vit_lab.top"}  # a module of the wheel alone
PATH = re.compile(r"(?<![\w/.-])(?:vit_lab|pages|tests|benchmarks|docs|tools|ui)/[\w/.-]*\w")
every_text = pytest.mark.parametrize("text", TEXTS, ids=lambda file: file.relative_to(ROOT).as_posix())


def read(text):
    """What it says, but for recipes, which make new files, and for examples of names."""
    words = text.read_text(encoding="utf-8").replace("docs/decisions/NNN-title.md", "")
    return re.sub(r"(?ms)^## Recipes\n.*?(?=^## )", "", words)


def is_there(dotted):
    """Whether a dotted name is a module of the lab, or a name in one."""
    module, _, name = dotted.rpartition(".")
    if find_spec(module) is None:
        return False
    source = Path(find_spec(module).origin).read_text(encoding="utf-8")
    return bool(
        find_spec(dotted) if find_spec(module).submodule_search_locations else re.search(rf"\b{name}\b", source)
    )


@every_text
def test_every_file_that_a_text_names_is_there(text):
    named = {path if not path.startswith("ui/") else f"vit_lab/{path}" for path in PATH.findall(read(text))}
    assert {path for path in named if not (ROOT / path).exists()} == set()


@every_text
def test_every_module_that_a_text_names_is_there(text):
    named = set(re.findall(r"\bvit_lab(?:\.\w+)+", read(text))) - MADE
    assert {name for name in named if not is_there(name)} == set()


@every_text
def test_every_link_leads_to_something(text):
    links = set(re.findall(r"\]\(([^)#\s]+)", read(text)))
    assert {to for to in links if not to.startswith("http") and not (text.parent / to).exists()} == set()


@every_text
def test_no_sentence_is_wider_than_the_code(text):
    lines = text.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


def test_decisions_have_numbers_of_their_own_and_begin_with_them():
    numbers = [file.name[:3] for file in DECISIONS]
    assert len(set(numbers)) == len(numbers) > 0
    for number, file in zip(numbers, DECISIONS, strict=True):
        assert re.match(rf"# {number}: \w|# {number}: `", file.read_text(encoding="utf-8")), file.name


def test_every_decision_that_the_project_names_is_there():
    named = set()
    for file in [*(ROOT / "vit_lab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), *DECISIONS]:
        words = file.read_text(encoding="utf-8")
        named |= set(re.findall(r"docs/decisions/(\d{3})", words)) | set(re.findall(r"\((0\d\d)\)", words))
    assert len(named) > 5 and named <= {file.name[:3] for file in DECISIONS}


def test_the_page_of_what_was_measured_has_all_of_it():
    assert history.PAGE.read_text(encoding="utf-8") == history.page(history.rows())
