"""Event files hold every number that the lab has, as TensorBoard's own reader finds them."""

import json
import sys

import numpy as np
import pytest
from commands import SMALL, last_object, run
from tiny import pair, tiny

from vit_lab import paths
from vit_lab.analysis.export import numbers_of
from vit_lab.analysis.tensorboard import folder_of
from vit_lab.events import Diverged, StepMeasured
from vit_lab.probes.weights import layers
from vit_lab.runs.snapshots import kept_steps
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.runs.trained import trained_model
from vit_lab.settings import flat


def accumulated(folder):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    return found.Reload()


def exported(tmp_path, *names):
    done = run("export", *names, "--tensorboard", str(tmp_path / "made" / "here"))
    assert done.exit_code == 0, done.stderr
    return tmp_path / "made" / "here", done.stderr


def as_stored(values):
    return [(step, np.float32(np.nan if value is None else value)) for step, value in values]


def test_every_number_is_read_back(tmp_path):
    pytest.importorskip("tensorboard")
    ids = [last_object(run("train", *SMALL, "--seed", seed, "--json").stdout)["run_id"] for seed in ("1", "2")]
    folder, said = exported(tmp_path, *ids)
    store, total = Store(paths.database()), 0
    for trained in store.runs(ids):
        wanted = {}
        for step, _, measure, value in numbers_of(store, trained):
            wanted.setdefault(measure, []).append((step, value))
        found = accumulated(folder_of(trained, folder))
        assert set(found.Tags()["scalars"]) == set(wanted) and {"train_loss", "weight_std/1.qk"} <= set(wanted)
        for measure, values in wanted.items():
            told = [(event.step, np.float32(event.value)) for event in found.Scalars(measure)]
            np.testing.assert_array_equal(told, as_stored(values), measure)
            total += len(values)
        [config] = found.Tensors("config/text_summary")
        assert flat(trained.config).items() <= json.loads(config.tensor_proto.string_val[0]).items()
    store.close()
    assert f"{total} scalars and " in said


def test_weights_of_kept_steps_are_histograms(tmp_path):
    pytest.importorskip("tensorboard")
    run_id = last_object(run("train", *SMALL, "--json").stdout)["run_id"]
    folder, _ = exported(tmp_path, run_id)
    store = Store(paths.database())
    trained = store.run(run_id)
    store.close()
    steps = [step for step in kept_steps(trained) if step > 0]
    assert len(steps) > 3
    found = accumulated(folder_of(trained, folder))
    for layer, weights in layers(trained_model(trained, steps[-1])).items():
        told = found.Histograms(f"weights/{layer}")
        assert [event.step for event in told][-len(steps) :] == steps
        last = told[-1].histogram_value
        assert (last.num, last.min, last.max) == (len(weights), float(weights.min()), float(weights.max()))


def test_a_number_that_is_none_is_nan(store, tmp_path):
    pytest.importorskip("tensorboard")
    [run_id] = store.add(pair([tiny()], "e"))
    bad = StepMeasured(step=1, loss=float("nan"), accuracy=0.5, learning_rate=1e-3, gradient_norm=float("inf"))
    store.append(run_id, [(0.1, bad), (0.2, Diverged(step=1))], 0.2, None)
    store.end(run_id, Status.DIVERGED, "it broke")
    folder, _ = exported(tmp_path, run_id)
    found = accumulated(folder_of(store.run(run_id), folder))
    assert np.isnan(found.Scalars("train_loss")[0].value) and found.Scalars("train_accuracy")[0].value == 0.5


def test_numbers_are_not_told_twice(tmp_path):
    pytest.importorskip("tensorboard")
    run_id = last_object(run("train", *SMALL, "--json").stdout)["run_id"]
    folder, _ = exported(tmp_path, run_id)
    done = run("export", run_id, "--tensorboard", str(folder))
    assert done.exit_code == 2 and "is there already; choose another folder, or remove it" in done.stderr


def test_without_its_package_a_sentence_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    done = run("export", "any", "--tensorboard", str(tmp_path / "events"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("tensorboard: its package is not installed; pip install 'vit-lab[tensorboard]'")
    assert not (tmp_path / "events").exists()
