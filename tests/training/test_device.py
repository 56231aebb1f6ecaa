"""A run stays on its device: nothing is left behind on the CPU, and a step does not wait for numbers.

Torch's device "meta" computes shapes and no numbers. Like an accelerator it refuses to mix with the CPU, so a run that
gets to its end there leaves nothing behind, also where there is no accelerator. Whatever asks it for numbers is told
ones.
"""

import itertools

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vit_lab.data.splits import load_run_data
from vit_lab.events import Finished, StepMeasured
from vit_lab.settings import ConfigError, configure
from vit_lab.training import device, trainer
from vit_lab.training.trainer import train

CONFIGS = {
    "images": tiny(shift=1, flip=True, pool="cls", position="learned", label_smoothing=0.1),
    "one patch": tiny(patch_size=28, pixel_noise=0.1),
    "clips": tiny_clips(),
    "joint clips": tiny_clips(space_time="joint", position="learned"),
    "sequences": tiny_sequences(label_smoothing=0.1),
    "few sequences": tiny_sequences(train_size=40),
}
ACCELERATOR = device.resolve("auto")
READS = {Tensor.tolist, Tensor.item, Tensor.__float__, Tensor.__int__, Tensor.__bool__, Tensor.__index__, Tensor.numpy}


class Host(TorchFunctionMode):
    """Counts how often a device is asked for numbers; those of "meta" are all 1."""

    def __init__(self, device):
        super().__init__()
        self.device, self.reads = device, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in READS:
            self.reads += args[0].device == self.device
            if args[0].is_meta:
                args = (torch.ones(args[0].shape, dtype=args[0].dtype), *args[1:])
        return function(*args, **(kwargs or {}))


@pytest.fixture
def measured_seldom(monkeypatch):
    """A few measurements of each kind on the way."""
    for times, count in (("EVALUATIONS", 1), ("PROBES", 1), ("STEP_EVENTS", 5)):
        monkeypatch.setattr(trainer, times, count)


def reads(training):
    """(kind, step, how often the run's device was asked for numbers before it) of every event."""
    with Host(training.device) as host:
        for event in training:
            yield event.kind, event.step, host.reads
            host.reads = 0


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_run_leaves_nothing_behind_on_the_cpu(config, measured_seldom):
    config = configure(config, steps=3, depth=1)  # shapes alone are computed in Python, and slowly
    few = config.model.kind == "transformer"  # they take longest, and their data are plain tensors, few or many
    training = train(config, (tiny_data if few else load_run_data)(config), device="meta")
    *_, last = reads(training)
    assert last[:2] == (Finished.kind, config.optim.steps)
    assert {tensor.device.type for tensor in training.model.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("name", ["cpu", "meta"])
@pytest.mark.parametrize("settings", [{}, {"clip_norm": None}], ids=str)
def test_a_step_asks_for_no_number_and_its_measurement_once(name, settings, measured_seldom):
    config = tiny(steps=30, shift=1, dim=32, depth=1, **settings)  # 16 features a head: attention as on an accelerator
    seen = list(reads(train(config, tiny_data(config), name)))
    unprobed = [(kind, step, count) for kind, step, count in seen if step not in (0, 1, 2, 4, 8, 16, 30)]
    assert {count for kind, _, count in unprobed if kind == "stepped"} == {0}
    assert [told for told in unprobed if told[0] != "stepped"] == [("step", step, 1) for step in (6, 12, 18, 24)]


def test_on_the_cpu_runs_share_their_data():
    data = load_run_data(tiny())
    one, other = (train(tiny(), data).data for _ in range(2))
    for mine in (one, other):
        assert mine.train.pool.data_ptr() == data.train.pool.data_ptr()
        assert mine.test.labels.data_ptr() == data.test.labels.data_ptr()


def test_what_is_moved_is_moved_to_the_last_tensor_and_the_rest_stays():
    data = load_run_data(tiny_clips())
    there = device.moved(data, torch.device("meta"))
    tensors = [there.train.digits.pool, there.train.digits.index, there.train.corners, there.train.labels]
    assert all(tensor.is_meta for tensor in [*tensors, there.validation.labels, there.test.labels])
    assert len(there.train) == len(data.train) and not data.train.corners.is_meta
    sequences = load_run_data(tiny_sequences())
    assert device.moved(sequences, torch.device("meta")).train == sequences.train


@pytest.mark.parametrize("here", [(), ("cuda",), ("mps",)], ids=str)
def test_a_device_that_is_not_here_is_refused_in_a_sentence(here, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in here)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in here)
    assert device.resolve("cpu") == torch.device("cpu")
    assert device.resolve("auto") == torch.device(here[0] if here else "cpu")
    [missing, *_] = [name for name in ("cuda", "mps") if name not in here]
    with pytest.raises(ConfigError) as refused:
        device.resolve(missing)
    choices = f"cpu, {here[0]} or auto" if here else "cpu or auto"
    assert str(refused.value) == f"device: {missing} is not on this machine; choose {choices}"
    with pytest.raises(ConfigError, match="'gpu' does not work; choose cpu, cuda, mps or auto"):
        device.resolve("gpu")


def test_the_environment_chooses(monkeypatch):
    monkeypatch.delenv(device.VARIABLE, raising=False)
    assert device.chosen() == torch.device("cpu")
    monkeypatch.setenv(device.VARIABLE, "gpu")
    with pytest.raises(ConfigError):
        device.chosen()


@pytest.mark.skipif(ACCELERATOR.type == "cpu", reason="there is no accelerator on this machine")
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_an_accelerator_starts_alike_and_its_checkpoint_goes_on_on_the_cpu(config):
    data = tiny_data(config)
    runs = [train(config, data, where) for where in ("cpu", ACCELERATOR)]
    one, other = (next(event.loss for event in run if event.kind == StepMeasured.kind) for run in runs)
    assert other == pytest.approx(one, rel=1e-3)
    first = train(config, data, ACCELERATOR)
    list(itertools.islice(first, 20))
    saved = first.checkpoint()
    assert {tensor.device.type for tensor in saved.tensors.values()} == {"cpu"}
    for where in ("cpu", ACCELERATOR):
        assert list(train(config, data, where, saved))[-1].kind == Finished.kind
