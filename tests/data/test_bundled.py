"""The bundled digits are MNIST's first 10,000, damage is noticed, and the file can be rebuilt to the byte."""

import importlib.util
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from torchvision.datasets import MNIST, FashionMNIST

from vit_lab.data import bundled
from vit_lab.data.errors import DatasetError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return bundled.load_bundled_digits()


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_mnist_10k", ROOT / "tools" / "build_mnist_10k.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labelled(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[tuple[int, bytes]]:
    """Every image with its label, in an order that depends on nothing but the two."""
    return sorted((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))


def grey_levels(seed: int = 0) -> dict[int, NDArray[np.uint8]]:
    """A few random images a digit, (n, 28, 28); the digits differ in n."""
    generator = np.random.default_rng(seed)
    return {digit: generator.integers(0, 256, (2 + digit % 3, 28, 28), dtype=np.uint8) for digit in range(10)}


def make_tarball(path: Path, files: dict[int, str], mtime: int = 0) -> Path:
    """A package laid out as mnist 1.1.0 is, with the given text as each digit's file."""
    with tarfile.open(path, "w:gz") as archive:
        for digit, text in files.items():
            member = tarfile.TarInfo(f"package/src/digits/{digit}.json")
            member.size, member.mtime = len(text.encode()), mtime
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def as_json(levels: dict[int, NDArray[np.uint8]]) -> dict[int, str]:
    return {digit: json.dumps({"data": (a / 255).round(3).ravel().tolist()}) for digit, a in levels.items()}


def test_shapes_types_and_labels(digits):
    images, labels = digits
    assert images.shape == (10_000, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (10_000,) and labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert (images.min(), images.max()) == (0, 255)


def test_every_thousand_in_a_row_hold_every_class(digits):
    _, labels = digits
    assert all(len(np.unique(labels[start : start + 1000])) == 10 for start in range(9001))


def test_the_file_is_small():
    assert bundled.BUNDLES["mnist-10k"].path.stat().st_size < 2_500_000
    assert bundled.BUNDLES["fashion-10k"].path.stat().st_size < 4_500_000


def test_images_are_the_first_ten_thousand_of_mnist(digits, full_mnist):
    mnist = MNIST(full_mnist, train=True)
    assert labelled(*digits) == labelled(mnist.data[:10_000].numpy(), mnist.targets[:10_000].numpy())


def flip_one_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def lies_at(monkeypatch, path):
    """The bundled digits are looked for somewhere else."""
    monkeypatch.setitem(bundled.BUNDLES, "mnist-10k", replace(bundled.BUNDLES["mnist-10k"], path=path))


@pytest.mark.parametrize("damage", [flip_one_bit, lambda content: content[:-1], lambda content: b""])
def test_a_damaged_file_is_named(tmp_path, monkeypatch, damage):
    copy = tmp_path / "digits_copy.npz"
    copy.write_bytes(damage(bundled.BUNDLES["mnist-10k"].path.read_bytes()))
    lies_at(monkeypatch, copy)
    with pytest.raises(DatasetError, match=r"digits_copy\.npz are truncated or garbled: .*tools/build_mnist_10k\.py"):
        bundled.load_bundled_digits()
    with pytest.raises(DatasetError, match="truncated or garbled"):
        bundled.load_first("mnist-10k", 1)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    lies_at(monkeypatch, tmp_path / "nowhere.npz")
    with pytest.raises(DatasetError, match=r"nowhere\.npz are missing: .*tools/build_mnist_10k\.py"):
        bundled.load_bundled_digits()


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    lies_at(monkeypatch, tmp_path)  # a folder cannot be read as a file
    with pytest.raises(DatasetError, match=r"cannot be read .*tools/build_mnist_10k\.py"):
        bundled.load_bundled_digits()


def test_clothes_are_the_first_ten_thousand_of_fashion_mnist_bit_for_bit(full_mnist):
    images, labels = bundled.load_bundled("fashion-10k")
    fashion = FashionMNIST(full_mnist, train=True)
    assert np.array_equal(images, fashion.data[:10_000].numpy())
    assert np.array_equal(labels, fashion.targets[:10_000].numpy())


def test_clothes_are_as_many_of_each_kind_and_mixed():
    images, labels = bundled.load_bundled("fashion-10k")
    assert images.shape == (10_000, 28, 28) and images.dtype == labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000]
    assert all(len(np.unique(labels[start : start + 1000])) == 10 for start in range(0, 9001, 100))


@pytest.mark.parametrize("name", bundled.BUNDLES)
@pytest.mark.parametrize("count", [1, 500, 3_000])
def test_the_first_alone_are_those_of_all(name, count):
    for first, whole in zip(bundled.load_first(name, count), bundled.load_bundled(name), strict=True):
        assert first.dtype == whole.dtype and np.array_equal(first, whole[:count])


def test_each_call_gives_fresh_arrays(digits):
    images, _ = bundled.load_bundled_digits()
    images[:] = 0
    assert bundled.load_bundled_digits()[0].any()


def test_tool_writes_the_bundled_file_to_the_byte(tool, tmp_path, digits):
    assert tool.write_npz(tmp_path / "again.npz", *digits) == bundled.BUNDLES["mnist-10k"].sha256
    assert (tmp_path / "again.npz").read_bytes() == bundled.BUNDLES["mnist-10k"].path.read_bytes()


def test_tool_restores_every_grey_level_and_label(tool, tmp_path):
    levels = grey_levels()
    levels[0] = np.resize(np.arange(256, dtype=np.uint8), (1, 28, 28))  # all 256 values
    images, labels = tool.read_digits(make_tarball(tmp_path / "package.tgz", as_json(levels)))
    expected = np.repeat(np.arange(10, dtype=np.uint8), [len(a) for a in levels.values()])
    assert images.dtype == labels.dtype == np.uint8
    assert labelled(images, labels) == labelled(np.concatenate(list(levels.values())), expected)
    assert labels.tolist() != expected.tolist(), "the classes are mixed"


def test_tool_output_depends_on_the_images_alone(tool, tmp_path):
    files = as_json(grey_levels())
    first = make_tarball(tmp_path / "first.tgz", files)
    second = make_tarball(tmp_path / "second.tgz", dict(reversed(files.items())), mtime=1_000_000_000)
    other = make_tarball(tmp_path / "other.tgz", as_json(grey_levels(seed=1)))
    hashes = [tool.write_npz(tmp_path / "out.npz", *tool.read_digits(path)) for path in (first, second, other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("not JSON", "digit 3 is not JSON"),
        ("[]", "digit 3 is not JSON"),
        ('{"data": [0, 0]}', "digit 3 does not hold a whole number of 28 x 28 images"),
        (json.dumps({"data": [0.5 / 255] * 784}), "digit 3 holds numbers that are not a grey level"),
        (json.dumps({"data": [256 / 255] * 784}), "digit 3 holds numbers that are not a grey level"),
    ],
)
def test_tool_refuses_a_garbled_digit(tool, tmp_path, text, sentence):
    files = as_json(grey_levels()) | {3: text}
    with pytest.raises(tool.BuildError, match=sentence):
        tool.read_digits(make_tarball(tmp_path / "package.tgz", files))


def test_tool_ends_with_one_sentence_and_writes_nothing(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "OUTPUT", tmp_path / "out.npz")
    files = as_json(grey_levels())
    small = make_tarball(tmp_path / "small.tgz", files)
    (tmp_path / "cut.tgz").write_bytes(small.read_bytes()[:-2000])
    files.pop(7)
    make_tarball(tmp_path / "incomplete.tgz", files)
    cases = {
        "absent.tgz": "absent.tgz cannot be read",
        "cut.tgz": "cut.tgz cannot be read",
        "incomplete.tgz": "has no package/src/digits/7.json",
        "small.tgz": "images where 10,000 were expected",
    }
    for name, sentence in cases.items():
        with pytest.raises(SystemExit, match=sentence) as ending:
            tool.main([str(tmp_path / name)])
        assert str(ending.value).endswith(".") and "\n" not in str(ending.value)
    assert not (tmp_path / "out.npz").exists()


def test_tool_says_how_to_go_on_without_npm(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "OUTPUT", tmp_path / "out.npz")
    monkeypatch.setattr(tool.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"install Node\.js or pass the path"):
        tool.main([])
