"""A colour data set is one entry and one loader: no more is needed to check it, train on it and look at it."""

import pytest
import stripes
import torch
from tiny import record
from typer.testing import CliRunner

from vit_lab.config import RunConfig
from vit_lab.data.errors import DatasetError
from vit_lab.data.images import black, load_dataset
from vit_lab.data.pixels import Pixels
from vit_lab.data.splits import load_run_data, shifted
from vit_lab.datasets import DATASETS
from vit_lab.events import Finished
from vit_lab.model_config import datasets_for
from vit_lab.probes.preflight import preflight
from vit_lab.randomness import generator_for
from vit_lab.runs.designs import claim
from vit_lab.runs.experiments import Experiment
from vit_lab.settings import ConfigError, choices, configure
from vit_lab.training.cadence import PROBE_IMAGES
from vit_lab.training.trainer import train


@pytest.fixture(autouse=True)
def entry(monkeypatch):
    monkeypatch.setitem(DATASETS, "stripes", stripes.STRIPES)
    monkeypatch.setattr("vit_lab.data.images._loaded", {})


def config(**settings):
    small = {"patch_size": 8, "dim": 16, "depth": 2, "heads": 2, "batch_size": 32, "warmup_steps": 5, "steps": 40}
    return configure(dataset="stripes", **small | settings)


def test_the_config_knows_what_it_asks_of_a_model():
    model = config().model
    assert (model.image_size, model.channels, model.num_classes) == (32, 3, 3)
    assert "stripes" in choices("dataset") and "stripes" in datasets_for("vit")
    for settings, sentence in (
        ({"patch_size": 7}, "patch_size: 7 does not divide image_size 32; choose 1, 2, 4, 8, 16 or 32"),
        ({"channels": 1}, "channels: 1 does not fit the images of stripes; choose 3"),
        ({"train_size": 301}, "train_size: 301 is more than the 300 training images of stripes; choose at most 300"),
        ({"dataset": "strips"}, "dataset: 'strips' does not work; it should be 'mnist-10k'"),
    ):
        with pytest.raises(ConfigError) as caught:
            configure(config(), **settings)
        assert str(caught.value).startswith(sentence)
    assert "'reverse' or 'stripes'" in str(caught.value)


@pytest.mark.parametrize(("patch", "fitting"), [(7, 8), (4, 4), (14, 16), (28, 32)])
def test_it_brings_patches_that_fit_it_in_about_the_same_number(patch, fitting):
    assert configure(configure(patch_size=patch), dataset="stripes").model.patch_size == fitting
    assert configure(configure(kind="transformer", dataset="copy"), kind="vit", dataset="stripes").model.patch_size == 8


def test_a_claim_over_sets_of_two_sizes_tells_its_conditions_without_what_the_sets_decide():
    plan = claim(RunConfig(), ["mnist-10k", "stripes"], [100], seeds=1)
    new = plan.runs("e")
    runs = [record(run.config, arm=run.arm, condition=run.condition) for run in new]
    told = Experiment.of(runs).conditions
    assert told == {0: "mnist-10k, patch size 7", 1: "stripes, patch size 8"}


def test_each_channel_has_its_own_mean_and_spread():
    loaded = load_dataset("stripes", normalise=True)
    assert loaded.train_images.shape == (400, 3, 32, 32) and loaded.test_images.shape == (90, 3, 32, 32)
    channels = loaded.train_images.transpose(0, 1).flatten(1)
    assert channels.mean(dim=1).abs().max() < 0.01 and (channels.std(dim=1) - 1).abs().max() < 0.01
    plain = load_dataset("stripes", normalise=False).train_images
    levels = torch.from_numpy(stripes.load("stripes").train_images)
    torch.testing.assert_close(plain, levels.permute(0, 3, 1, 2) / 255)


def test_what_a_shift_brings_in_is_black_in_each_channel_also_under_noise():
    data = config(shift=3, pixel_noise=0.5)
    images, _ = next(load_run_data(data).train.batches(32, 0, 0))
    moved = shifted(images, data.data, generator_for(0, "test"))
    about = DATASETS["stripes"]
    expected = torch.tensor([-mean / std for mean, std in zip(about.mean, about.std, strict=True)])
    torch.testing.assert_close(black(data.data).flatten(), expected)
    corners = moved[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]  # (B, 3, 4): at least one is new in most images
    filled = (corners == black(data.data).reshape(3, 1)).all(dim=1).any(dim=1)
    assert filled.float().mean() > 0.8


def test_pixel_noise_is_as_strong_in_each_channel_in_units_of_white():
    clean, noisy = (load_run_data(config(pixel_noise=noise)).test.inputs for noise in (0.0, 0.5))
    spread = (noisy - clean).transpose(0, 1).flatten(1).std(dim=1)
    torch.testing.assert_close(spread * torch.tensor(DATASETS["stripes"].std), torch.full((3,), 0.5), rtol=0.01, atol=0)


@pytest.mark.parametrize("harder", [{}, {"shift": 2, "pixel_noise": 0.1, "label_noise": 0.05}])
def test_a_vit_learns_it(harder):
    *_, last = train(config(**harder), load_run_data(config(**harder)))
    assert isinstance(last, Finished) and last.test_accuracy > 0.6, "a third is guessed"


def test_a_model_can_be_looked_at_before_its_first_step():
    look = preflight(config(), load_run_data(config()).probed(PROBE_IMAGES))
    assert look.start.num_classes == 3 and look.start.loss == pytest.approx(1.1, abs=0.5)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda p: p._replace(train_images=p.train_images[..., :1]), "images and labels do not fit"),
        (lambda p: p._replace(test_images=p.test_images[:-1]), "images and labels do not fit"),
        (lambda p: p._replace(test_labels=p.test_labels + 1), "images and labels do not fit"),
        (lambda p: p._replace(train_images=p.train_images / 255), "images and labels do not fit"),
        (lambda p: 1 / 0, "division by zero"),
    ],
)
def test_a_loader_that_gives_something_else_is_refused(monkeypatch, broken, why):
    load = stripes.load
    monkeypatch.setattr(stripes, "load", lambda name: broken(load(name)))
    with pytest.raises(DatasetError, match=rf"stripes is damaged \({why}\)"):
        load_run_data(config())


def test_a_loader_gives_pixels():
    assert isinstance(stripes.load("stripes"), Pixels)


def test_the_command_line_takes_it(monkeypatch):
    from vit_lab.cli.app import app

    words = "train --dataset stripes --patch-size 8 --dim 8 --depth 1 --heads 1 --steps 2 --json"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output
    assert '"dataset": "stripes"' in done.stdout
