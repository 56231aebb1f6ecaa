"""What a page needs before it can be drawn is light: torch, which takes seconds to load, comes when it is used."""

import ast
import subprocess
import sys

import pytest
from commands import SMALL, run
from places import ROOT

from vit_lab.runs.executors.choice import VARIABLE

HEAVY = {"train": {"torch", "scipy", "pandas", "altair"}}  # the others show tables and charts at once
PAGES = sorted((ROOT / "pages").glob("*.py"), key=lambda page: page.stem not in HEAVY)
LOADED = "print(*[name for name in ('torch', 'torchvision', 'scipy', 'pandas', 'altair') if name in sys.modules])"


@pytest.fixture(scope="module")
def loaded():
    """The heavy modules in memory after the imports at the top of each page, one page after the other in one process.

    So only the first, Train, is tried alone, and what one page loads, all later ones seem to have loaded.
    """
    lines = ["import sys"]
    for page in PAGES:
        tree = ast.parse(page.read_text(encoding="utf-8"))
        lines += [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        lines.append(LOADED)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {page.stem: set(line.split()) for page, line in zip(PAGES, done.stdout.splitlines(), strict=True)}


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_the_imports_of_a_page_bring_no_torch(loaded, page):
    assert not loaded[page] & HEAVY.get(page, {"torch", "torchvision"})


def test_the_train_page_needs_no_torch_where_figures_are_computed_apart_and_its_button_comes_first(
    home, worker_processes
):
    code = """
import sys
from streamlit.testing.v1 import AppTest
import vit_lab.ui.train.preflight as preflight
from vit_lab.ui.serving import lab
lab.warm_up = lambda: None  # what comes beside, in the background
loaded, look = [], preflight.gauge_badge
def noted(config):
    loaded.append([name for name in ("torch", "scipy", "altair", "pandas") if name in sys.modules])
    return look(config)
preflight.gauge_badge = noted
at = AppTest.from_file("dashboard.py", default_timeout=60).run()
healthy = any("healthy start" in words.value for words in at.markdown)
print(loaded, [button.key for button in at.button], len(at.exception), healthy, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[[], []] ['train'] 0 True False"


ABOUT_RUNS = ["compare", "weights", "runs"]
LESSONS = sorted(page.stem for page in PAGES if page.stem.startswith("learn_"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What each page is once it has been drawn, one after the other in one process; all show one comparison.

    The words are whether there is something to see, how many errors and the like, and whether torch is there, which
    the first page that brings it says as well as all after it.
    """
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
for page in {ABOUT_RUNS + LESSONS}:
    at = AppTest.from_file("dashboard.py", default_timeout=60)
    at.switch_page(f"pages/{{page}}.py").run()
    seen = bool(at.get("vega_lite_chart") or at.get("image") or at.get("imgs") or at.dataframe)
    print(page, seen, *map(len, (at.exception, at.error, at.warning)), "torch" in sys.modules)
"""
    with pytest.MonkeyPatch.context() as own:
        own.setenv("VIT_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        own.delenv(VARIABLE, raising=False)  # workers are processes, as where people use it
        assert run("compare", *SMALL, "--patch-size=7", "--seeds=2", "--json").exit_code == 0
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {page: words for page, *words in map(str.split, done.stdout.splitlines())}


def test_there_are_seven_lessons():
    assert len(LESSONS) == 7


@pytest.mark.parametrize("page", ABOUT_RUNS + LESSONS)
def test_a_page_is_drawn_without_torch(drawn, page):
    """With it, the server would hold twice the memory. What needs it, a process beside the server computes."""
    assert drawn[page] == ["True", "0", "0", "0", "False"]
