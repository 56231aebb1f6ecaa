"""The script of a run trains the run again, to the bit, whatever its settings; and a person can read it."""

import ast
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import cifar
import numpy as np
import pytest
from anything import anything
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.analysis.script.compose import WIDTH, ScriptError, missing, script_of
from vit_lab.config import SCHEMES, STANDARD_RATES, RunConfig
from vit_lab.data.bundled import BUNDLES
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS, IDX_FILES, Sizes
from vit_lab.events import Finished, StepMeasured
from vit_lab.model_config import KINDS
from vit_lab.presets import PRESETS
from vit_lab.settings import PART_OF, configure, flat
from vit_lab.training.trainer import train

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES, MOST_OF_ANYTHING = 250, 340
MAY_IMPORT = {"hashlib", "itertools", "math", "pathlib", "pickle", "re", "statistics", "numpy", "torch"}
MANY, FEW = range(50), (2, 12, 13, 25, 27)  # the few: all kinds and optimisers, and schemes that take most doing
RUNNER = """
import os, runpy, sys
import numpy, torch._dynamo  # which optimisers load
for folder in map(str.strip, sys.stdin):
    child = os.fork()
    if not child:
        os.chdir(folder)
        for number, name in (1, "stdout"), (2, "stderr"):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        runpy.run_path("run.py", run_name="__main__")
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def as_the_lab_trains(config):
    """Steps with their losses, and what the test said."""
    events = list(train(config, load_run_data(config)))
    [end] = [event for event in events if isinstance(event, Finished)]
    losses = [(event.step, event.loss.hex()) for event in events if isinstance(event, StepMeasured)]
    return losses, (end.test_loss.hex(), end.test_accuracy.hex())


@pytest.fixture(scope="module")
def run_script():
    """Run the script in a folder: in a process of its own, made by one that has loaded torch and knows no lab."""
    with subprocess.Popen([sys.executable, "-I", "-c", RUNNER], stdin=PIPE, stdout=PIPE, text=True) as runner:

        def run(folder):
            print(folder, file=runner.stdin, flush=True)
            assert runner.stdout.readline() == "0\n", (folder / "stderr").read_text(encoding="utf-8")
            return (folder / "stdout").read_text(encoding="utf-8")

        yield run
        runner.stdin.close()


@pytest.fixture
def check_equal(run_script, tmp_path):
    """Assert that the script of a run, in a folder without the lab, prints what the lab says of the run."""

    def check(config):
        (tmp_path / "run.py").write_text(script_of(config), encoding="utf-8")
        assert as_told(run_script(tmp_path)) == as_the_lab_trains(config)

    return check


def as_told(printed):
    """Steps with their losses, and what the test said, as a script prints them."""
    *losses, test = [line.split() for line in printed.splitlines()]
    told = [(int(step), float(loss).hex()) for step, loss in losses]
    return told, (float(test[1]).hex(), float(test[2]).hex())


@pytest.mark.parametrize("seed", FEW)
def test_a_script_prints_the_losses_of_the_run_to_the_bit(seed, check_equal):
    check_equal(anything(seed))


# Attention by torch's kernel, by the formula, and by whichever the number of tokens asks for
ATTENDING = {
    "many-tokens": tiny(patch_size=4, dim=32),
    "many-tokens-dropped": tiny(patch_size=4, dim=32, attention_dropout=0.3, steps=3),
    "few-frames-many-places": tiny_clips(dim=32, patch_size=4, attention_dropout=0.3, steps=3),
    "just-many-tokens": tiny_clips(dim=32, space_time="joint", num_frames=8, steps=3),
    "masked": tiny_sequences(dim=32, sequence_length=32, steps=3),
    "masked-and-narrow": tiny_sequences(sequence_length=40, steps=3),
}


@pytest.mark.parametrize("name", ATTENDING)
def test_every_way_to_attend_prints_the_losses_of_the_run_to_the_bit(name, check_equal):
    check_equal(ATTENDING[name])


def test_every_way_to_attend_is_in_some_script():
    texts = {name: script_of(config) for name, config in ATTENDING.items()}
    kernel, both = "scaled_dot_product_attention", "k.shape[-2] >= 32"
    assert {name for name, text in texts.items() if kernel not in text} == set()
    assert {name for name, text in texts.items() if both in text} == {"few-frames-many-places"}
    assert kernel not in script_of(tiny(dim=32)) and kernel not in script_of(configure())


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [seed for seed in MANY if seed not in FEW])
def test_any_script_prints_the_losses_of_its_run_to_the_bit(seed, check_equal):
    check_equal(anything(seed))


def test_configs_from_all_over_the_settings_have_everything():
    configs = [anything(seed) for seed in MANY]
    rows = [flat(config) for config in configs]
    assert {row["scheme"] for row in rows} == set(SCHEMES)
    assert {row["optimiser"] for row in rows} == set(STANDARD_RATES)
    assert {row["kind"] for row in rows} == set(KINDS)
    decided = {"image_size", "channels"}
    alike = {field for field in PART_OF if len({row[field] for row in rows if field in row}) < 2}
    assert alike == decided
    few = [anything(seed) for seed in FEW]
    assert {config.model.kind for config in few} == set(KINDS)
    assert {config.optim.optimiser for config in few} == set(STANDARD_RATES)
    assert {"lsuv", "impulse", "mimetic"} <= {config.init.scheme for config in few}


def test_what_is_not_in_the_texts_is_refused_not_guessed(monkeypatch):
    """A scheme, an optimiser or a loader that is new has its lines in a script, or has no script."""
    for scheme in SCHEMES:
        assert missing(configure(scheme=scheme)) is None
    for optimiser in STANDARD_RATES:
        assert missing(configure(optimiser=optimiser)) is None
    for name, dataset in DATASETS.items():
        kind = next(kind for kind, model in KINDS.items() if model.reads == dataset.examples)
        assert missing(configure(kind=kind, dataset=name)) is None
    monkeypatch.setattr("vit_lab.analysis.script.init.KNOWN", ("vit",))
    with pytest.raises(ScriptError, match="no script is known of the scheme xavier"):
        script_of(configure(scheme="xavier"))


@pytest.mark.parametrize("normalise", [True, False])
def test_colour_photos_are_read_as_the_lab_reads_them(home, check_equal, monkeypatch, normalise):
    monkeypatch.setitem(DATASETS, "cifar-10", replace(DATASETS["cifar-10"], sizes=cifar.SIZES))
    cifar.write(home / "data")
    settings = {"patch_size": 8, "pixel_noise": 0.1, "shift": 2, "flip": True, "validation_size": 20}
    check_equal(tiny(dataset="cifar-10", train_size=60, normalise=normalise, **settings))


def test_files_of_mnist_are_read_as_the_lab_reads_them(home, check_equal, monkeypatch):
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], sizes=Sizes(60, 20, 30)))
    folder, rng = home / "data" / "MNIST" / "raw", np.random.default_rng(0)
    folder.mkdir(parents=True)
    for file, count in zip(IDX_FILES, (80, 80, 30, 30), strict=True):
        shape = (count, 28, 28) if "images" in file else (count,)
        head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4) for size in shape)
        most = 256 if "images" in file else 10
        (folder / file).write_bytes(head + rng.integers(0, most, shape, np.uint8).tobytes())
    check_equal(tiny(dataset="mnist", train_size=None, validation_size=10))


FROM = {
    "mnist-10k": ('DATA = "mnist_10k.npz"', "beside this script belongs mnist_10k.npz, from vit_lab/data of ViT Lab"),
    "mnist": ('DATA = "MNIST/raw"', 'torchvision.datasets.MNIST(".", download=True) brings DATA'),
    "cifar-10": ('DATA = "cifar-10-batches-py"', 'torchvision.datasets.CIFAR10(".", download=True) brings DATA'),
    "moving-direction": ('DATA = "mnist_10k.npz"', "beside this script belongs mnist_10k.npz"),
}


@pytest.mark.parametrize("dataset", FROM)
def test_a_script_for_elsewhere_names_no_folder_and_says_where_its_data_is_from(dataset, home):
    kind = next(kind for kind, model in KINDS.items() if model.reads == DATASETS[dataset].examples)
    text = script_of(configure(kind=kind, dataset=dataset), is_elsewhere=True)
    line, words = FROM[dataset]
    assert line in text.splitlines() and words in " ".join(text.split())
    assert str(ROOT) not in text and str(home) not in text


def test_a_script_for_elsewhere_runs_as_a_person_runs_it_once_its_data_is_beside_it(tmp_path):
    shutil.copy(BUNDLES["mnist-10k"].path, tmp_path)
    (tmp_path / "run.py").write_text(script_of(tiny(), is_elsewhere=True), encoding="utf-8")
    command = [sys.executable, "-I", "run.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert as_told(done.stdout) == as_the_lab_trains(tiny())


def test_a_long_run_tells_the_means_that_the_lab_tells(check_equal, monkeypatch):
    for module in ("vit_lab.training.trainer", "vit_lab.analysis.script.facts"):
        monkeypatch.setattr(f"{module}.STEP_EVENTS", 4)
    config = tiny(steps=14)
    losses, _ = as_the_lab_trains(config)
    assert [step for step, _ in losses] == [3, 6, 9, 12, 14]
    check_equal(config)


CONFIGS = {name: entry.config for name, entry in PRESETS.items()}
CONFIGS |= {scheme: configure(scheme=scheme) for scheme in SCHEMES}
CONFIGS |= {optimiser: configure(optimiser=optimiser) for optimiser in STANDARD_RATES}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_what_a_class_trains_is_a_short_script(config):
    assert len(script_of(config).splitlines()) <= MOST_LINES


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A folder of scripts: of presets, of every scheme, and from all over the settings."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, config in (CONFIGS | ATTENDING | {f"any-{seed}": anything(seed) for seed in MANY}).items():
        (folder / f"{name}.py").write_text(script_of(config), encoding="utf-8")
        (folder / f"{name}-elsewhere.py").write_text(script_of(config, is_elsewhere=True), encoding="utf-8")
    return folder


def test_no_script_is_much_longer_or_wider_than_a_person_reads(scripts):
    for file in scripts.glob("*.py"):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= MOST_OF_ANYTHING
        assert [line for line in lines if len(line) > WIDTH and not line.startswith(("DATA", "# %%"))] == []
        assert [line for line in lines if "#?" in line or "$" in line] == []


def test_scripts_know_nothing_of_the_lab(scripts):
    for file in scripts.glob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
        assert found <= MAY_IMPORT


def test_scripts_are_in_shape(scripts):
    """As the lab's own code is, and as whoever has no settings for ruff would have them, too."""
    ruff = Path(sys.executable).with_name("ruff")
    for words in (
        ["format", "--check", "--isolated"],
        ["check", "--isolated"],
        ["check", f"--config={ROOT}/pyproject.toml"],
    ):
        done = subprocess.run([ruff, *words, "--no-cache", scripts], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_scripts_have_cells_for_a_notebook(scripts):
    for file in scripts.glob("*.py"):
        cells = [
            line[5:].partition(":")[0] for line in file.read_text(encoding="utf-8").splitlines() if line[:4] == "# %%"
        ]
        assert cells == ["Settings", "Data", "Model", "Init", "Training", "Test"]


def test_a_script_has_only_what_its_run_needs():
    plain, full = script_of(RunConfig()), script_of(configure(dropout=0.1, shift=1, label_noise=0.1, optimiser="muon"))
    for word in ("dropout", "SHIFT", "LABEL_NOISE", "momenta", "class_token", "Attend", "held_back", "SCALE"):
        assert word not in plain
    for word in ("dropout", "SHIFT", "LABEL_NOISE", "momenta"):
        assert word in full
