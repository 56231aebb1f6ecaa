"""What a page needs before it can be drawn is light: torch, which takes seconds to load, comes when something computes."""

import ast
import subprocess
import sys

import pytest
from places import ROOT

PAGES = sorted((ROOT / "pages").glob("*.py"))
HEAVY = {"train.py": {"torch", "scipy", "pandas", "altair"}}  # the others show tables and charts at once
LOADED = "import sys; print(*[name for name in ('torch', 'torchvision', 'scipy', 'pandas', 'altair') if name in sys.modules])"


def loaded_by(page):
    """The heavy modules in memory after the imports at the top of a page."""
    tree = ast.parse(page.read_text(encoding="utf-8"))
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    code = "\n".join([*imports, LOADED])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_imports_of_a_page_bring_no_torch(page):
    assert not loaded_by(page) & HEAVY.get(page.name, {"torch", "torchvision"})


def test_the_train_page_shows_its_button_before_torch_is_loaded(home):
    code = """
import sys
from streamlit.testing.v1 import AppTest
import vit_lab.ui.preflight as preflight
loaded = []
def look(config):
    loaded.append([name for name in ("torch", "scipy", "altair", "pandas") if name in sys.modules])
    return ""
preflight.gauge_badge = look
at = AppTest.from_file("dashboard.py", default_timeout=60).run()
print(loaded, [button.key for button in at.button], len(at.exception))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[[], []] ['train'] 0"
