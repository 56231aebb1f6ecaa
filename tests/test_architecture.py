"""The conventions of the source, read from it: where imports point, where draws come from."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Every module belongs to the floor that its name starts with; imports point to its own floor or further down.
FLOORS = """
    dashboard pages vit_lab.__main__ vit_lab.cli
    vit_lab.ui
    vit_lab.analysis
    vit_lab.runs
    vit_lab.lessons
    vit_lab.training
    vit_lab.probes
    vit_lab.init
    vit_lab.models
    vit_lab.data
    vit_lab.presets vit_lab.spelling vit_lab.axes vit_lab.events vit_lab.lineage
    vit_lab.settings vit_lab.places
    vit_lab.config
    vit_lab.model_config
    vit_lab.datasets vit_lab.refusals vit_lab.randomness vit_lab.paths vit_lab.named vit_lab.forkserver
"""
LAYERS = tuple(set(floor.split()) for floor in FLOORS.strip().splitlines())
DRAWS = {"rand", "randint", "randn", "rand_like", "randint_like", "randn_like", "randperm"}
DRAWS |= {"bernoulli", "multinomial", "normal", "poisson", "bernoulli_", "cauchy_", "exponential_", "geometric_"}
DRAWS |= {"log_normal_", "normal_", "random_", "uniform_"}
GLOBAL_DRAWS = {"dropout", "Dropout", "dropout1d", "dropout2d", "alpha_dropout", "rrelu", "gumbel_softmax"}
SEEDS = {"manual_seed", "manual_seed_all", "seed", "set_rng_state"}


def modules(*folders):
    """(name, syntax tree) of every module in these folders or files under the root."""
    for folder in folders:
        path = ROOT / folder
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(file.read_text(encoding="utf-8"))


CORE = {name: tree for name, tree in modules("vit_lab") if name != "vit_lab"}
ALL = CORE | dict(modules("pages", "dashboard.py"))
WITHOUT_UI = {name: tree for name, tree in CORE.items() if not name.startswith("vit_lab.ui")}


def imported(tree):
    """Dotted names of everything a module imports, also inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(tree):
    """The modules of the lab among a module's imports."""
    found = set()
    for name in imported(tree):
        found |= {module for module in (name, name.rpartition(".")[0]) if module in ALL}
    return found


def within(name, parent):
    return name == parent or name.startswith(f"{parent}.")


def layer(name):
    found = [rank for rank, parts in enumerate(LAYERS) if any(within(name, part) for part in parts)]
    assert len(found) == 1, f"{name} needs a place in LAYERS"
    return found[0]


def dotted(node):
    """'torch.nn.init.normal_' of an expression made of names and dots; calls in between become '()'."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    return "()"


def calls(tree):
    """(dotted name, names of keyword arguments, number of positional ones) of every call in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), {keyword.arg for keyword in node.keywords}, node.args


every_module = pytest.mark.parametrize("name", ALL)
every_core_module = pytest.mark.parametrize("name", WITHOUT_UI)


@every_module
def test_imports_point_one_way(name):
    backwards = {other for other in own_imports(ALL[name]) if layer(other) < layer(name)}
    assert not backwards, f"{name} imports {backwards}, which is above it"


def test_the_layers_tell_backwards_from_forwards():
    tree = ast.parse("from vit_lab.runs.store import Store\ndef f():\n    import vit_lab.config")
    assert own_imports(tree) == {"vit_lab.runs.store", "vit_lab.config"}
    assert layer("vit_lab.runs.store") < layer("vit_lab.training.trainer") < layer("vit_lab.config")
    assert layer("vit_lab.ui") < layer("vit_lab.analysis.export") < layer("vit_lab.runs.store")


def test_no_modules_import_one_another_in_a_circle():
    TopologicalSorter({name: own_imports(tree) for name, tree in ALL.items()}).prepare()


def test_ray_is_imported_only_in_the_process_that_speaks_with_a_cluster():
    users = {name for name, tree in ALL.items() if any(within(other, "ray") for other in imported(tree))}
    assert users == {"vit_lab.runs.executors.nodes", "vit_lab.runs.executors.tasks"}
    speaks = "vit_lab.runs.executors.cluster_main"  # which is named where it is started, and not imported
    importers = {name for name, tree in ALL.items() if own_imports(tree) & {*users, speaks}}
    assert importers == {speaks, "vit_lab.runs.executors.nodes"}


@every_core_module
def test_nothing_outside_the_screen_imports_streamlit(name):
    assert not {other for other in imported(WITHOUT_UI[name]) if within(other, "streamlit")}


@every_core_module
def test_nothing_but_figures_knows_how_they_are_drawn(name):
    draws = within(name, "vit_lab.analysis.chart_style") or within(name, "vit_lab.analysis.comparison_charts")
    assert draws or not {other for other in imported(WITHOUT_UI[name]) if within(other, "altair")}


COMPUTES = [
    name for name in CORE if any(within(name, f"vit_lab.{part}") for part in ("models", "init", "probes", "places"))
]


@pytest.mark.parametrize("name", COMPUTES)
def test_what_computes_does_no_input_or_output_and_reads_no_clock(name):
    outside = {"os", "pathlib", "time", "datetime", "sqlite3", "threading", "logging", "random"}
    assert not {other for other in imported(CORE[name]) if other.split(".")[0] in outside}
    assert not {call for call, _, _ in calls(CORE[name])} & {"print", "open", "input"}


def unseeded(tree):
    """Calls that seed a global generator, and draws of torch's or numpy's that could use one."""
    found = []
    for name, keywords, args in calls(tree):
        owner, _, last = name.rpartition(".")
        if last in SEEDS and not owner.endswith(("()", "generator")):
            found.append(name)
        if last in DRAWS and owner.split(".")[0] not in ("np", "numpy", "rng") and "generator" not in keywords:
            found.append(name)
        if last in GLOBAL_DRAWS and owner.split(".")[0] in ("F", "nn", "torch"):
            found.append(name)
        if re.match(r"(np|numpy)\.random\.", name) and (last != "default_rng" or not args):
            found.append(name)
        if "dropout_p" in keywords or "random.random" in name:
            found.append(name)
    return found


UNSEEDED = """
    torch.manual_seed(0)         torch.cuda.manual_seed_all(0)  random.seed(0)        np.random.seed(0)
    numpy.random.rand(3)         np.random.default_rng()        torch.rand(3)         x.bernoulli_(0.5)
    torch.randperm(3)            nn.Dropout(0.1)                F.dropout(x, 0.1)     nn.init.normal_(w)
    torch.normal(0.0, 1.0, (3))  random.random()                F.scaled_dot_product_attention(q, k, v, dropout_p=0.1)
"""
SEEDED = """
    torch.rand(3, generator=g)  torch.Generator().manual_seed(7)  np.random.default_rng(7)
    rng.normal(0, 1)            dropout(x, p, generator)          Attention(dropout=0.1)
"""


def each_call(text):
    """The calls of a text, which stand two spaces or more apart."""
    return re.split(r"\s{2,}", text.strip())


@pytest.mark.parametrize("source", each_call(UNSEEDED))
def test_an_unseeded_draw_would_be_found(source):
    assert unseeded(ast.parse(source))


@pytest.mark.parametrize("source", each_call(SEEDED))
def test_a_seeded_draw_would_be_let_through(source):
    assert not unseeded(ast.parse(source))


@every_module
def test_every_draw_has_a_generator_and_nothing_seeds_a_global(name):
    assert unseeded(ALL[name]) == []
    assert "random" not in imported(ALL[name]), "the random module has one generator for all threads"


def public(tree):
    """Every public function, class and method of a module, with its name; forward is what the class says it is."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
                yield from ((f"{node.name}.{m.name}", m) for m in methods if m.name[0] != "_" and m.name != "forward")


@every_core_module
def test_every_public_name_says_what_it_is(name):
    tree = WITHOUT_UI[name]
    silent = [public_name for public_name, node in public(tree) if not ast.get_docstring(node)]
    assert not silent
    assert ast.get_docstring(tree) or not tree.body


@every_module
def test_no_file_is_a_bag_of_odds_and_ends(name):
    assert name.rpartition(".")[2] not in ("utils", "helpers", "common", "misc")


def test_the_dashboard_and_its_pages_stay_short():
    limits = {ROOT / "dashboard.py": 60} | dict.fromkeys((ROOT / "pages").glob("*.py"), 150)
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in limits}
    assert {file.name: length for file, length in lengths.items() if length > limits[file]} == {}


def test_one_module_says_what_is_drawn_again_and_again():
    polling = {name for name, tree in ALL.items() if any("run_every" in keywords for _, keywords, _ in calls(tree))}
    assert polling == {"vit_lab.ui.poll"}


def test_decisions_name_files_that_are_there():
    told = {
        (file.name, path)
        for file in (ROOT / "docs/decisions").glob("*.md")
        for path in re.findall(
            r"`((?:vit_lab|pages|tests|benchmarks|tools)/[\w/.]+)`", file.read_text(encoding="utf-8")
        )
    }
    assert told and not [pair for pair in told if not (ROOT / pair[1]).exists()]
