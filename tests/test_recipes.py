"""The recipes of CONTRIBUTING.md, followed word for word in a copy of the lab, and what they make, used."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 15
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"(?ms)^## Recipes\n(.*?)^## ", TEXT)
RECIPES = dict(re.findall(r"(?ms)^### (.*?)\n(.*?)(?=^### |\Z)", SECTION))
# A line that says where the code below it goes
NEW = r"In the new file `(?P<new>[^`]+)`"
OTHER = r"(?P<where>Above|At the end of) `(?P<name>\w+)(?:\[\"(?P<key>\w+)\"\])?` in `(?P<file>[^`]+)`"
BLOCK = re.compile(rf"(?m)^(?:{NEW}|{OTHER})[^\n]*:\n\n(?P<code>(?:    .*\n|\n(?=    ))+)")


def follow(recipe, top):
    """Do what a recipe says, in the lab whose top is given."""
    for block in BLOCK.finditer(recipe):
        code = dedent(block["code"])
        if block["new"]:
            assert not (top / block["new"]).exists(), f"{block['new']} is there already"
            (top / block["new"]).write_text(code, encoding="utf-8")
        else:
            file = top / block["file"]
            put = above if block["where"] == "Above" else at_the_end_of
            file.write_text(put(file.read_text(encoding="utf-8"), block["name"], block["key"], code), encoding="utf-8")


def above(source, name, _, code):
    """A module with some code above the statement that defines a name, and above the comment of that statement."""
    lines = source.splitlines(keepends=True)
    row = statement(source, name).lineno - 1
    while lines[row - 1].startswith("#"):
        row -= 1
    return "".join([*lines[:row], f"{code}\n\n", *lines[row:]])


def at_the_end_of(source, name, key, code):
    """A module with one entry more in the dict, list or Literal that a name, or a key of a dict, stands for."""
    value = statement(source, name).value
    if key:
        [value] = [own for at, own in zip(value.keys, value.values, strict=True) if at.value == key]
    lines = source.splitlines(keepends=True)
    end = len("".join(lines[: value.end_lineno - 1]).encode()) + value.end_col_offset - 1
    before, after = source.encode()[:end].decode().rstrip(), source.encode()[end:].decode()
    return f"{before}{'' if before.endswith(',') else ','}\n{code}{after}"


def statement(source, name):
    """The statement at the top of a module that defines a name."""
    found = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)}
        if name in names | {getattr(node, "name", None)}:
            found.append(node)
    [one] = found
    return one


@pytest.fixture(scope="module")
def top(tmp_path_factory):
    """A copy of the lab in which all recipes have been followed."""
    copy = tmp_path_factory.mktemp("lab")
    for folder in ("vit_lab", "pages"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("dashboard.py", "pyproject.toml"):
        shutil.copy(ROOT / file, copy)
    for recipe in RECIPES.values():
        follow(recipe, copy)
    return copy


USES = {  # how what each recipe makes is used; it prints a line of JSON. A command ends its process, so it comes last
    "A data set": """
        import json
        from vit_lab.data.splits import load_run_data
        from vit_lab.settings import configure
        from vit_lab.training.trainer import train
        small = {"patch_size": 4, "dim": 8, "depth": 1, "heads": 1, "warmup_steps": 3}
        config = configure(dataset="bars", steps=30, **small)
        *_, last = train(config, load_run_data(config))
        print(json.dumps(last.test_accuracy))
    """,
    "A scheme": """
        import json, torch
        from vit_lab.init.build import build_model
        from vit_lab.settings import configure
        half = build_model(configure(scheme="half", variance_scale=3)).head.weight
        w = build_model(configure(scheme="polar", variance_scale=4)).head.weight.double()
        print(json.dumps([float(half.var()) * 64 / 1.5, float((w @ w.T - 4 * torch.eye(10)).abs().max())]))
    """,
    "An optimiser": """
        import itertools, json, torch
        from vit_lab.data.splits import load_run_data
        from vit_lab.settings import configure
        from vit_lab.training.trainer import train
        config = configure(optimiser="adagrad", learning_rate=0.05, patch_size=14, dim=8, depth=1, heads=1, steps=40)
        data = load_run_data(config)
        whole = train(config, data)
        losses = [event.loss for event in whole if event.kind == "step"]
        first = train(config, data)
        list(itertools.islice(first, 25))
        second = train(config, data, checkpoint=first.checkpoint())
        list(second)
        kept, again = whole.checkpoint().tensors, second.checkpoint().tensors
        assert any(name.endswith(".sum") for name in kept)
        print(json.dumps([kept.keys() == again.keys() and all(torch.equal(kept[n], again[n]) for n in kept), losses]))
    """,
    "A probe": """
        import json
        from vit_lab.data.splits import load_run_data
        from vit_lab.settings import configure
        from vit_lab.training.trainer import train
        config = configure(patch_size=14, dim=8, depth=2, heads=1, steps=1, train_size=50)
        rows = [row for event in train(config, load_run_data(config)) if event.kind == "probed" for row in event.rows]
        print(json.dumps([[str(place), value] for measure, place, value in rows if measure == "largest_token"]))
    """,
    "A lesson": """
        import json
        from streamlit.testing.v1 import AppTest
        app = AppTest.from_file("dashboard.py", default_timeout=60)
        lesson = app.switch_page("pages/learn_dropout.py").run()
        assert not lesson.exception, lesson.exception
        heading = lesson.header[0].value
        before = app.switch_page("pages/learn_timesformer.py").run()
        print(json.dumps([heading, [link.proto.label for link in before.get("page_link")]]))
    """,
    "An executor": """
        from vit_lab.cli.app import main
        import sys
        small = "--patch-size 14 --dim 8 --depth 1 --heads 1 --steps 2 --train-size 50"
        sys.argv = ["vit-lab", "train", "--executor", "elsewhere", "--json", *small.split()]
        main()
    """,
}
IN_TURN = """
import json, sys
for name, code in json.load(sys.stdin).items():
    print(name, flush=True)
    exec(code, {})
"""


@pytest.fixture(scope="module")
def used(top):
    """What came of using what the recipes make, one after the other in one process of the copy."""
    codes = json.dumps({name: dedent(code) for name, code in USES.items()})
    own = os.environ | {"VIT_LAB_HOME": str(top.parent / "home"), "VIT_LAB_DEVICE": "cpu"}
    command = [sys.executable, "-c", IN_TURN]
    done = subprocess.run(command, cwd=top, env=own, input=codes, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    return {name: json.loads(said[said.index(name) + 1]) for name in USES}


def test_there_is_a_recipe_for_whatever_comes_next():
    assert list(RECIPES) == ["A data set", "A scheme", "An optimiser", "A probe", "An executor", "A lesson"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_short_and_all_of_its_code_is_followed(name):
    lines = [line for line in RECIPES[name].splitlines() if line]
    assert len(lines) <= MOST_LINES
    followed = sum(len(dedent(block["code"]).split("\n")) - 1 for block in BLOCK.finditer(RECIPES[name]))
    assert followed == sum(line.startswith("    ") for line in lines) > 0


@pytest.mark.parametrize("name", RECIPES)
def test_all_that_a_recipe_names_is_there(top, name):
    sources = "\n".join(file.read_text(encoding="utf-8") for file in top.rglob("*.py"))
    for word in re.findall(r"`([^`\n]+)`", RECIPES[name]):
        name = re.match(r"\w+", word)[0]
        assert (top / word).exists() if "/" in word or word.endswith(".py") else re.search(rf"\b{name}\b", sources), (
            word
        )


def test_the_linter_has_no_more_to_say_once_it_has_set_the_code_in_shape(top):
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not here.")
    shutil.copytree(top, top.parent / "in_shape")
    for words in (["check", "--fix", "--quiet"], ["format", "--quiet"], ["check"]):
        done = subprocess.run(
            [ruff, *words, "--no-cache", "."], cwd=top.parent / "in_shape", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_a_data_set_can_be_learned(used):
    assert used["A data set"] == 1.0


def test_schemes_draw_what_they_promise(used):
    spread, identity = used["A scheme"]
    assert spread == pytest.approx(1, rel=0.2) and identity < 1e-5


def test_an_optimiser_learns_and_resumes_to_the_bit(used):
    same, losses = used["An optimiser"]
    assert same and losses[-1] < losses[0]


def test_a_probe_is_stored_at_every_depth(used):
    found = used["A probe"]
    assert {place for place, _ in found} == {"0", "1", "2"} and all(value > 0 for _, value in found)


def test_an_executor_trains(used):
    done = used["An executor"]
    assert (done["status"], done["steps"]) == ("finished", 2)


def test_a_lesson_opens_and_the_one_before_leads_to_it(used):
    heading, links = used["A lesson"]
    assert heading == "7 · Dropout" and "Next: 7 · Dropout" in links
