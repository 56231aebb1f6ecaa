"""The data sets load with the right sizes and pixels, and what is absent or damaged is named with a remedy."""

import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST, FashionMNIST

from vit_lab.data.errors import DatasetError
from vit_lab.data.images import load_dataset
from vit_lab.data.pixels import load_pixels
from vit_lab.datasets import DATASETS, Sizes, is_available
from vit_lab.model_config import datasets_for

TORCHVISION = [name for name in datasets_for("vit") if DATASETS[name].download]
FILES = {
    "train-images-idx3-ubyte": ("images", 40),
    "train-labels-idx1-ubyte": ("labels", 40),
    "t10k-images-idx3-ubyte": ("images", 20),
    "t10k-labels-idx1-ubyte": ("labels", 20),
}


def idx(*shape, fill=None):
    """A file in MNIST's format: unsigned bytes of that shape, counting up unless filled."""
    size = torch.Size(shape).numel()
    content = bytes(number % 10 for number in range(size)) if fill is None else bytes([fill]) * size
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + content


@pytest.fixture
def raw(home, monkeypatch):
    """The folder of a small but sound MNIST."""
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], sizes=Sizes(30, 10, 20)))
    folder = home / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file, (kind, count) in FILES.items():
        (folder / file).write_bytes(idx(count, 28, 28) if kind == "images" else idx(count))
    return folder


def refusal(name="mnist"):
    with pytest.raises(DatasetError) as caught:
        load_dataset(name, normalise=True)
    assert "\n" not in str(caught.value)
    assert "mnist-10k, which is bundled" in str(caught.value)
    return str(caught.value)


def test_the_bundled_digits_are_always_there():
    assert is_available("mnist-10k")
    dataset = load_dataset("mnist-10k", normalise=True)
    assert dataset.train_images.shape == (8_000, 1, 28, 28) and dataset.test_images.shape == (2_000, 1, 28, 28)
    assert dataset.train_labels.shape == (8_000,) and dataset.test_labels.shape == (2_000,)
    assert (dataset.train_images.dtype, dataset.train_labels.dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize("normalise", [True, False, True])
def test_pixels_are_normalised_or_not_whatever_was_loaded_before(normalise):
    dataset = load_dataset("mnist-10k", normalise)
    images = dataset.train_images
    if normalise:
        assert abs(float(images.mean())) < 0.01 and abs(float(images.std()) - 1) < 0.01
    else:
        assert (images.min(), images.max()) == (0, 1)
    white = 1 / dataset.about.scale(normalise)[1][0]
    assert float(images.max() - images.min()) == pytest.approx(white)


def test_a_data_set_is_loaded_once():
    assert load_dataset("mnist-10k", normalise=True) is load_dataset("mnist-10k", normalise=True)


def test_full_mnist_has_sixty_and_ten_thousand_images(full_mnist, monkeypatch):
    monkeypatch.setenv("VIT_LAB_DATA", str(full_mnist))
    assert is_available("mnist")
    dataset = load_dataset("mnist", normalise=True)
    assert dataset.train_images.shape == (60_000, 1, 28, 28) and dataset.test_images.shape == (10_000, 1, 28, 28)
    assert dataset.train_labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert float(dataset.train_images.mean()) == pytest.approx(0, abs=1e-3)
    assert float(dataset.train_images.std()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("name", "torchvision_class"), [("mnist", MNIST), ("fashion-mnist", FashionMNIST)])
def test_files_are_read_as_torchvision_reads_them(name, torchvision_class, full_mnist, monkeypatch):
    if not (full_mnist / torchvision_class.__name__).is_dir():
        pytest.skip(f"the files of {name} are not here")
    monkeypatch.setenv("VIT_LAB_DATA", str(full_mnist))
    train, test = (torchvision_class(full_mnist, train=which) for which in (True, False))
    found = load_pixels(name)
    for mine, theirs in zip(found, (train.data, train.targets, test.data, test.targets), strict=True):
        assert np.array_equal(mine, theirs.numpy())


@pytest.mark.parametrize("name", TORCHVISION)
def test_an_absent_data_set_is_refused_with_three_remedies(home, name):
    assert not is_available(name)
    sentence = refusal(name)
    assert sentence.startswith(f"{name} is not on this machine ({home / 'data'}")
    assert "download it" in sentence and "VIT_LAB_DATA" in sentence


def test_a_sound_folder_is_read(raw):
    assert is_available("mnist")
    dataset = load_dataset("mnist", normalise=False)
    assert (len(dataset.train_images), len(dataset.test_images)) == (40, 20)
    assert dataset.train_labels.tolist() == [number % 10 for number in range(40)]
    assert dataset.train_images[0, 0, 0, 3] == pytest.approx(3 / 255)


def test_the_data_folder_can_be_elsewhere(raw, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    raw.parents[1].rename(elsewhere)
    assert not is_available("mnist")
    monkeypatch.setenv("VIT_LAB_DATA", str(elsewhere))
    assert is_available("mnist") and len(load_dataset("mnist", normalise=True).train_images) == 40


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_makes_the_data_set_absent(raw, file):
    (raw / file).unlink()
    assert not is_available("mnist")
    assert refusal().startswith("mnist is not on this machine")


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_only_there_compressed_does_not_count(raw, file):
    (raw / file).rename(raw / f"{file}.gz")  # torchvision reads the unpacked file only
    assert not is_available("mnist")
    assert refusal().startswith("mnist is not on this machine")


DAMAGE = {
    "empty": lambda good: b"",
    "garbage": lambda good: b"\xa5\x5a" * 5_000,
    "a web page": lambda good: b"<!DOCTYPE html><html>Please sign in</html>" * 50,
    "truncated": lambda good: good[:-5],
    "half": lambda good: good[: len(good) // 2],
    "header only": lambda good: good[:16],
    "too long": lambda good: good + b"\0" * 5,
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_refused_with_its_folder_and_a_remedy(raw, file, damage):
    (raw / file).write_bytes(damage((raw / file).read_bytes()))
    sentence = refusal()
    assert sentence.startswith(f"the files of mnist in {raw.parent} are damaged (")
    assert "delete that folder and download again" in sentence


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("train-labels-idx1-ubyte", idx(39)),
        ("t10k-labels-idx1-ubyte", idx(21)),
        ("train-labels-idx1-ubyte", idx(40, fill=10)),
        ("train-labels-idx1-ubyte", idx(40, 28, 28)),
        ("train-images-idx3-ubyte", idx(40)),
        ("train-images-idx3-ubyte", idx(40, 32, 32)),
        ("t10k-images-idx3-ubyte", idx(20, 27, 28)),
    ],
)
def test_files_that_do_not_fit_together_are_refused(raw, file, content):
    (raw / file).write_bytes(content)
    assert refusal().startswith(f"the files of mnist in {raw.parent} are damaged (")


def test_a_data_set_that_has_been_mended_loads(raw):
    file = raw / "train-labels-idx1-ubyte"
    good = file.read_bytes()
    file.write_bytes(b"garbage")
    refusal()
    file.write_bytes(good)
    assert len(load_dataset("mnist", normalise=True).train_labels) == 40
