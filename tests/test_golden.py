"""What the lab did before its inside was rebuilt, it does still: the same bits from every preset, and its runs open.

`golden/presets.json` holds hashes of the weights after 30 steps, made at the commit that it names and, where a faster
kernel has changed the last bits since (docs/decisions/030), also those of today; the loss of the first step is of then.
`null` are bits that a later kernel has changed (docs/decisions/046) and nobody has taken on that machine since.
Bits are those of one processor and one torch, so elsewhere only that loss is compared.
`golden/lab.sqlite3.gz` is a database that the lab of that commit has written.
"""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import torch
from tiny import barely_evaluated
from waiting import ended

from vit_lab import paths
from vit_lab.analysis.summary import experiment_summary
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import is_available
from vit_lab.events import from_json
from vit_lab.presets import preset
from vit_lab.runs.executors.choice import EXECUTORS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.trainer import train

FOLDER = Path(__file__).with_name("golden")
GOLDEN = json.loads((FOLDER / "presets.json").read_text())
STEPS, CUT = 30, 17


def processor():
    """What the machine calls its processor."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def digest(checkpoint):
    """A hash of the model's weights, by name."""
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(name for name in checkpoint.tensors if name.startswith("model.")):
        found.update(name.encode() + checkpoint.tensors[name].numpy().tobytes())
    return found.hexdigest()


def config_of(name, monkeypatch, full_mnist):
    """The config of "preset scheme"; full MNIST is read from where it lies."""
    which, scheme = name.split()
    config = configure(preset(which), steps=STEPS, scheme=scheme)
    if not is_available(config.data.dataset):
        monkeypatch.setenv("VIT_LAB_DATA", str(full_mnist))
    return config


def compare_bits(name, found):
    """Equal to the bit on the machine of then."""
    if (processor(), torch.__version__) != (GOLDEN["cpu"], GOLDEN["torch"]):
        pytest.skip(f"Bits were taken on {GOLDEN['cpu']} with torch {GOLDEN['torch']}; the first loss was compared.")
    known = GOLDEN["presets"][name]["weights"]
    if known is None:
        pytest.skip("Its bits have not been taken since attention to few tokens is the plain formula.")
    assert found == known


@pytest.mark.parametrize(
    "name",
    [
        "classroom xavier",
        "copy xavier",
        *(
            pytest.param(f"{which} xavier", marks=pytest.mark.long)
            for which in ("accurate", "vit-notes", "moving-digits")
        ),
    ],
)
def test_a_preset_trains_to_the_same_bits_also_when_it_is_cut_and_resumed(name, monkeypatch, full_mnist):
    config = config_of(name, monkeypatch, full_mnist)
    data = barely_evaluated(load_run_data(config))
    training = train(config, data)
    for event in training:
        if event.kind == "stepped" and event.step == CUT:
            break
        if event.kind == "step" and event.step == 1:
            assert event.loss == pytest.approx(GOLDEN["presets"][name]["first_loss"], abs=1e-5)
    resumed = train(config, data, checkpoint=training.checkpoint())
    for _ in resumed:
        pass
    uncut = train(config, data)
    for _ in uncut:
        pass
    assert digest(uncut.checkpoint()) == digest(resumed.checkpoint())
    compare_bits(name, digest(resumed.checkpoint()))


@pytest.mark.long
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("name", GOLDEN["presets"])
def test_every_executor_trains_a_preset_to_the_same_bits(name, executor, store, monkeypatch, full_mnist):
    if executor == "ray":
        pytest.importorskip("ray", reason="Ray is not installed; make test-ray installs it.")
    config = config_of(name, monkeypatch, full_mnist)
    manager = RunManager(store, workers=1, executor=EXECUTORS[executor]())
    try:
        [run_id] = manager.submit(Plan([config], [config.seed]).runs("golden"))
        ended(store, run_id)
    finally:
        manager.shutdown()
    compare_bits(name, digest(load_checkpoint(paths.checkpoint(run_id))))


# A database of then


@pytest.fixture
def lab(home):
    """The store that the lab of then has left."""
    paths.database().write_bytes(gzip.decompress((FOLDER / "lab.sqlite3.gz").read_bytes()))
    store = Store(paths.database())
    yield store
    store.close()


def test_a_database_of_then_opens_with_all_its_experiments(lab):
    found = Experiment.read_all(lab)
    assert sorted((one.kind, len(one.stored)) for one in found) == [
        ("claim", 8),
        ("compare", 1),
        ("compare", 1),
        ("compare", 1),
        ("compare", 1),
        ("compare", 1),
        ("compare", 14),
        ("sweep", 4),
    ]
    assert not any(one.unreadable for one in found)
    kinds = {run.config.model.kind for one in found for run in one.runs}
    assert kinds == {"vit", "timesformer", "transformer"}
    statuses = {run.status for one in found for run in one.stored}
    assert statuses == {Status.FINISHED, Status.INTERRUPTED}


def test_its_experiments_are_summed_up_as_then(lab):
    told = json.loads((FOLDER / "compare.json").read_text())
    summary = experiment_summary(Experiment.read(lab, told["experiment"]), for_json=True)
    assert summary["fair_learning_rate"] == told["fair_learning_rate"]
    for part in ("arms", "pairs"):  # which may say more than then
        assert [{key: now[key] for key in then} for now, then in zip(summary[part], told[part], strict=True)] == told[
            part
        ]


def test_every_event_of_then_can_be_read(lab):
    seen = set()
    for run in lab.runs():
        for kind in ("started", "step", "evaluated", "probed", "histograms", "finished"):
            for event in lab.events(run.id, kind):
                event.pop("seconds")
                assert from_json(kind, json.dumps(event)).step == event["step"]
                seen.add(kind)
    assert len(seen) == 6
