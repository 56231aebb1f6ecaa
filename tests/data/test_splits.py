"""The splits of a run: disjoint, alike for both arms of a pair, nested, and exactly as noisy as asked for."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny import tiny

from vit_lab.config import SCHEMES, DataConfig
from vit_lab.data.images import ImageDataset, black, load_dataset
from vit_lab.data.splits import TrainingSet, flipped, load_run_data, shifted, split
from vit_lab.datasets import DATASETS, is_available
from vit_lab.model_config import datasets_for
from vit_lab.settings import ConfigError, configure

IMAGES, HELD_OUT = 8_000, DATASETS["mnist-10k"].sizes.validation
EVERYTHING = {"train_size": None}


def usual(**settings):
    """A tiny run that holds out as many images as any other."""
    return tiny(**{"validation_size": None} | settings)


@pytest.fixture(scope="module")
def numbered():
    """A data set whose images show their own number in every pixel; test images count on from the training images."""
    number = torch.arange(float(IMAGES + 500))
    pixels = number[:, None, None, None].expand(-1, 1, 28, 28)
    labels = number.long() % 10
    return ImageDataset(pixels[:IMAGES], labels[:IMAGES], pixels[IMAGES:], labels[IMAGES:], DATASETS["mnist-10k"])


def numbers(images):
    return images[:, 0, 0, 0].long()


def drawn(dataset, **settings):
    """The numbers of the training, validation and test images."""
    data = split(dataset, usual(**settings))
    return numbers(data.train.pool[data.train.index]), numbers(data.validation.inputs), numbers(data.test.inputs)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("train_size", [10, 500, IMAGES - HELD_OUT, None])
def test_no_image_is_in_two_splits_or_twice_in_one(numbered, train_size, seed):
    parts = drawn(numbered, train_size=train_size, seed=seed)
    assert [len(part) for part in parts] == [train_size or IMAGES - HELD_OUT, HELD_OUT, 500]
    assert len(torch.cat(parts).unique()) == sum(map(len, parts))
    assert torch.equal(parts[2], torch.arange(IMAGES, IMAGES + 500)), "the test images are fixed"


def test_every_image_has_its_own_label(numbered):
    data = split(numbered, usual())
    for images, labels in (
        (data.train.pool[data.train.index], data.train.labels),
        (data.validation.inputs, data.validation.labels),
        (data.test.inputs, data.test.labels),
    ):
        assert torch.equal(numbers(images) % 10, labels)


def test_a_smaller_training_set_is_part_of_a_larger(numbered):
    small, middle, large = (drawn(numbered, train_size=size) for size in (10, 700, None))
    assert torch.equal(small[0], middle[0][:10]) and torch.equal(middle[0], large[0][:700])
    assert torch.equal(small[1], large[1])


def test_another_seed_draws_another_split(numbered):
    one, other = drawn(numbered, seed=0), drawn(numbered, seed=1)
    assert not torch.equal(one[0].sort().values, other[0].sort().values)
    assert not torch.equal(one[1].sort().values, other[1].sort().values)


@pytest.mark.parametrize("held_out", [0, 10, 3_000, IMAGES - 10])
def test_as_many_images_are_held_out_as_the_config_says(numbered, held_out):
    parts = drawn(numbered, train_size=None, validation_size=held_out)
    assert [len(part) for part in parts] == [IMAGES - held_out, held_out, 500]
    assert len(torch.cat(parts).unique()) == IMAGES + 500
    as_usual = drawn(numbered, train_size=None, validation_size=HELD_OUT)
    assert all(torch.equal(a, b) for a, b in zip(as_usual, drawn(numbered, train_size=None), strict=True))
    assert configure(validation_size=held_out).train_images == IMAGES - held_out


def test_probes_look_at_held_out_images_or_at_training_images_if_there_are_none(numbered):
    data = split(numbered, usual())
    assert torch.equal(data.probed(64).inputs, data.validation.inputs[:64])
    assert torch.equal(data.probed(64).labels, data.validation.labels[:64])
    without = split(numbered, usual(validation_size=0, train_size=50))
    seen = numbers(without.probed(64).inputs)
    assert torch.equal(seen.sort().values, numbers(without.train.pool[without.train.index]).sort().values)
    assert torch.equal(without.probed(64).labels, seen % 10) and len(without.probed(16)) == 16


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_arms_of_a_pair_see_the_same_data(scheme):
    noisy = {"label_noise": 0.2, "pixel_noise": 0.1, "train_size": 100, "seed": 4}
    one, other = map(load_run_data, (usual(**noisy), configure(usual(**noisy), scheme=scheme, variance_scale=3.0)))
    for a, b in zip(one.train.batches(16, 4, epoch=2), other.train.batches(16, 4, epoch=2), strict=True):
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert torch.equal(one.validation.inputs, other.validation.inputs)
    assert torch.equal(one.test.inputs, other.test.inputs)


@pytest.mark.parametrize("dataset", datasets_for("vit"))
def test_the_config_knows_how_many_training_images_there_are(dataset, full_mnist, monkeypatch):
    monkeypatch.setenv("VIT_LAB_DATA", str(full_mnist))
    sizes = DATASETS[dataset].sizes
    with pytest.raises(ConfigError, match=f"60000 is more than the {sizes.train} training images of {dataset}"):
        configure(dataset=dataset, train_size=60_000)
    if not is_available(dataset):
        pytest.skip(f"the files of {dataset} are not here")
    data = load_run_data(configure(dataset=dataset))
    assert (len(data.train), len(data.validation), len(data.test)) == sizes


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_measured_share_of_noisy_labels_is_the_one_asked_for(numbered, share):
    data = split(numbered, usual(label_noise=share, train_size=None))
    wrong = (data.train.labels != numbers(data.train.pool[data.train.index]) % 10).float()
    expected = share * 9 / 10  # a random class is the right one in one case of ten
    assert abs(float(wrong.mean()) - expected) <= 5 * (expected * (1 - expected) / len(wrong)) ** 0.5


def test_noisy_labels_fall_evenly_on_all_classes(numbered):
    labels = split(numbered, usual(label_noise=1.0, train_size=None)).train.labels
    share = labels.bincount(minlength=10) / len(labels)
    assert (share - 0.1).abs().max() < 5 * (0.09 / len(labels)) ** 0.5


def test_labels_that_are_evaluated_are_never_noisy(numbered):
    data = split(numbered, usual(label_noise=1.0, pixel_noise=0.0))
    assert torch.equal(data.validation.labels, numbers(data.validation.inputs) % 10)
    assert torch.equal(data.test.labels, numbers(data.test.inputs) % 10)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("noise", [0.1, 1.5])
def test_pixel_noise_has_the_std_asked_for_in_units_of_white(noise, normalise):
    clean, noisy = (load_run_data(usual(pixel_noise=p, train_size=500, normalise=normalise)) for p in (0.0, noise))
    white = 1 / DATASETS["mnist-10k"].std[0] if normalise else 1.0
    added = [
        noisy.train.pool[noisy.train.index] - clean.train.pool[clean.train.index],
        noisy.validation.inputs - clean.validation.inputs,
        noisy.test.inputs - clean.test.inputs,
    ]
    for difference in added:
        assert abs(float(difference.std()) / (noise * white) - 1) < 5 / (2 * difference.numel()) ** 0.5
        assert abs(float(difference.mean())) < 5 * noise * white / difference.numel() ** 0.5
    assert torch.equal(noisy.train.labels, clean.train.labels)
    pixels = [difference[:500].flatten() for difference in added]
    correlations = torch.corrcoef(torch.stack(pixels))[~torch.eye(3, dtype=torch.bool)]
    assert correlations.abs().max() < 5 / len(pixels[0]) ** 0.5, "each split has noise of its own"


def test_noise_does_not_reach_the_shared_data_set():
    before = load_dataset("mnist-10k", normalise=True)
    images, labels = before.train_images.clone(), before.train_labels.clone()
    load_run_data(usual(pixel_noise=1.0, label_noise=1.0, shift=2))
    after = load_dataset("mnist-10k", normalise=True)
    assert torch.equal(after.train_images, images) and torch.equal(after.train_labels, labels)


# Batches


@pytest.fixture
def training(numbered):
    return split(numbered, usual(train_size=50)).train


@pytest.mark.parametrize("batch_size", [1, 16, 25, 50, 4_096])
@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epoch_covers_every_image_once_with_its_label(training, batch_size, epoch):
    batches = list(training.batches(batch_size, seed=0, epoch=epoch))
    sizes = [len(labels) for _, labels in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1) and sum(sizes) == 50
    seen = torch.cat([numbers(images) for images, _ in batches])
    assert torch.equal(seen.sort().values, numbers(training.pool[training.index]).sort().values)
    assert torch.equal(torch.cat([labels for _, labels in batches]), seen % 10)


@pytest.mark.parametrize("skip", [0, 1, 3, 4, 9])
def test_skipping_batches_continues_the_same_order(training, skip):
    whole = list(training.batches(16, seed=2, epoch=1))
    rest = list(training.batches(16, seed=2, epoch=1, skip=skip))
    assert len(rest) == max(0, len(whole) - skip)
    for (images, labels), (expected_images, expected_labels) in zip(rest, whole[skip:], strict=True):
        assert torch.equal(images, expected_images) and torch.equal(labels, expected_labels)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 1), (1, 0)])
def test_another_epoch_or_seed_has_another_order(training, seed, epoch):
    first, other = next(training.batches(50, 0, 0)), next(training.batches(50, seed, epoch))
    assert not torch.equal(numbers(first[0]), numbers(other[0]))


def test_noisy_labels_stay_with_their_images_over_epochs(numbered):
    train = split(numbered, usual(train_size=50, label_noise=0.5)).train
    one, other = (
        dict(zip(numbers(images).tolist(), labels.tolist(), strict=True))
        for images, labels in (next(train.batches(50, 0, epoch)) for epoch in (0, 1))
    )
    assert one == other and any(label != number % 10 for number, label in one.items())


def test_a_training_set_is_as_long_as_its_labels():
    assert len(TrainingSet(torch.zeros(9, 1, 2, 2), torch.arange(4), torch.zeros(4))) == 4


# Shifts


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rolled(image, down, right, most, dark):
    """A (C, S, S) image moved by so many pixels over a dark margin."""
    padded = F.pad(image, [most] * 4, value=dark)
    return torch.roll(padded, (down, right), dims=(-2, -1))[..., most:-most, most:-most]


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("most", [1, 2])
def test_every_image_is_moved_as_torch_roll_moves_it(most, normalise):
    data = DataConfig(shift=most, normalise=normalise)
    images = torch.rand(60, 1, 9, 9, generator=generator())
    moves = [(down, right) for down in range(-most, most + 1) for right in range(-most, most + 1)]
    met, dark = set(), float(black(data))
    for image, moved in zip(images, shifted(images, data, generator(1)), strict=True):
        fitting = [move for move in moves if torch.equal(moved, rolled(image, *move, most, dark))]
        assert len(fitting) == 1
        met.add(fitting[0])
    assert {down for down, _ in met} == {right for _, right in met} == set(range(-most, most + 1))
    assert len(met) > len(moves) / 2, "rows and columns move apart from one another"


@pytest.mark.parametrize(("normalise", "dark"), [(True, -0.1307 / 0.3081), (False, 0.0)])
@pytest.mark.parametrize("noise", [0.0, 1.5])
def test_what_a_shift_brings_in_is_the_black_of_the_data_set_whatever_the_batch_holds(normalise, dark, noise):
    config = usual(shift=6, normalise=normalise, pixel_noise=noise)
    images, _ = next(load_run_data(config).train.batches(50, 0, 0))
    assert float(black(config.data)) == pytest.approx(dark)
    assert float(black(config.data)) == float(load_dataset("mnist-10k", normalise).train_images.min()), "to the bit"
    moved = shifted(images + 1, config.data, generator(1))
    brought_in = (moved == black(config.data)).flatten(1).sum(dim=1)
    assert brought_in.max() >= 28 * 3, "one of fifty images moves by three pixels or more, and its own are none of them"


def test_no_shift_is_the_identity():
    images = torch.rand(5, 1, 28, 28, generator=generator())
    assert torch.equal(shifted(images, DataConfig(shift=0), generator(1)), images)


def test_shifts_follow_the_generator():
    images, data = torch.rand(20, 1, 28, 28, generator=generator()), DataConfig(shift=2)
    assert torch.equal(shifted(images, data, generator(1)), shifted(images, data, generator(1)))
    assert not torch.equal(shifted(images, data, generator(1)), shifted(images, data, generator(2)))


# Flips


def test_half_of_the_images_are_mirrored_and_the_others_are_as_they_were():
    images, count = torch.rand(4_000, 3, 4, 4, generator=generator()), 0
    for image, seen in zip(images, flipped(images, generator(1)), strict=True):
        mirrored = torch.equal(seen, torch.from_numpy(np.fliplr(image.permute(1, 2, 0)).copy()).permute(2, 0, 1))
        assert mirrored != torch.equal(seen, image)
        count += mirrored
    assert abs(count / len(images) - 0.5) < 5 * (0.25 / len(images)) ** 0.5


def test_flips_follow_the_generator_and_leave_the_pool_alone():
    images = torch.rand(40, 1, 28, 28, generator=generator())
    before = images.clone()
    assert torch.equal(flipped(images, generator(1)), flipped(images, generator(1)))
    assert not torch.equal(flipped(images, generator(1)), flipped(images, generator(2)))
    assert torch.equal(images, before)
