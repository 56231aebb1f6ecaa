"""CIFAR-10 is read to the bit, in colour, without anything in its files being done; what is damaged is told."""

import itertools
import pickle
import subprocess
from dataclasses import replace

import cifar
import numpy as np
import pytest
import torch
from tiny import tiny_data
from torchvision.datasets import CIFAR10

from vit_lab.data.errors import DatasetError
from vit_lab.data.images import load_dataset
from vit_lab.data.pixels import load_pixels
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DATASETS, is_available
from vit_lab.events import Finished
from vit_lab.settings import configure
from vit_lab.training.checkpoint import load_checkpoint, save_checkpoint
from vit_lab.training.trainer import train

ENTRY = DATASETS["cifar-10"]
FILES = [*cifar.TRAIN_FILES, "test_batch"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(DATASETS, "cifar-10", replace(ENTRY, sizes=cifar.SIZES))
    monkeypatch.setattr("vit_lab.data.images._loaded", {})


@pytest.fixture
def written(home):
    """Images and labels of a small but sound CIFAR-10, by file."""
    return cifar.write(home / "data")


@pytest.fixture
def folder(home, written):
    return home / "data" / cifar.FOLDER


def refusal():
    with pytest.raises(DatasetError) as caught:
        load_dataset("cifar-10", normalise=True)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith("or choose mnist-10k, which is bundled")
    return sentence


def test_the_files_of_these_tests_are_pickles_that_python_and_numpy_read(folder, written):
    for file, (images, labels) in written.items():
        batch = pickle.loads((folder / file).read_bytes(), encoding="bytes")
        assert batch[b"data"].dtype == np.uint8 and np.array_equal(batch[b"data"], images.reshape(len(images), -1))
        assert batch[b"labels"] == labels.tolist()


def test_pixels_and_labels_are_those_that_were_written(written):
    found = load_pixels("cifar-10")
    images, labels = (np.concatenate([written[file][part] for file in cifar.TRAIN_FILES]) for part in (0, 1))
    assert np.array_equal(found.train_images, images.transpose(0, 2, 3, 1)) and np.array_equal(
        found.train_labels, labels
    )
    images, labels = written["test_batch"]
    assert np.array_equal(found.test_images, images.transpose(0, 2, 3, 1)) and np.array_equal(found.test_labels, labels)
    assert found.train_images.flags.writeable and found.test_images.flags.writeable


def test_they_are_those_that_torchvision_reads(home, written, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    found = load_pixels("cifar-10")
    for is_train, images, labels in ((True, *found[:2]), (False, *found[2:])):
        theirs = CIFAR10(str(home / "data"), train=is_train)
        assert np.array_equal(theirs.data, images) and theirs.targets == labels.tolist()
        assert tuple(theirs.classes) == DATASETS["cifar-10"].classes


def test_red_is_the_first_channel_and_rows_go_down(home):
    images = np.zeros((24, 3, 32, 32), np.uint8)
    images[0, 0, 0, :] = 255  # a red line at the top
    images[1, 2, :, 0] = 255  # a blue one at the left
    cifar.write(home / "data")
    (home / "data" / cifar.FOLDER / "data_batch_1").write_bytes(cifar.batch(images, [0] * 24))
    levels = load_pixels("cifar-10").train_images
    assert (levels[0, 0] == [255, 0, 0]).all() and not levels[0, 1:].any()
    assert (levels[1, :, 0] == [0, 0, 255]).all() and not levels[1, :, 1:].any()
    tensor = load_dataset("cifar-10", normalise=False).train_images
    assert tensor[0, 0, 0].eq(1).all() and tensor[1, 2, :, 0].eq(1).all() and float(tensor[:2].sum()) == 64


def test_each_channel_is_normalised_by_its_own_mean_and_std(written):
    plain, normal = (load_dataset("cifar-10", normalise=which).train_images for which in (False, True))
    mean, std = torch.tensor([[0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]])[:, :, None, None]
    torch.testing.assert_close(normal, (plain - mean) / std)


@pytest.mark.parametrize(("patch", "fitting"), [(7, 8), (4, 4), (14, 16)])
def test_a_config_brings_sizes_that_fit(patch, fitting):
    model = configure(configure(patch_size=patch), dataset="cifar-10").model
    assert (model.image_size, model.channels, model.num_classes, model.patch_size) == (32, 3, 10, fitting)


def test_the_entry_has_the_images_of_the_six_files():
    sizes = ENTRY.sizes
    assert (sizes.train + sizes.validation, sizes.test, len(ENTRY.download.files)) == (5 * 10_000, 10_000, 7)


def test_a_vit_learns_from_it(written):
    config = configure(dataset="cifar-10", dim=16, depth=2, heads=2, batch_size=30, warmup_steps=5, steps=60, flip=True)
    *_, last = train(config, tiny_data(config))
    assert isinstance(last, Finished) and last.test_accuracy > 0.3, "a tenth is guessed"


def test_a_cut_changes_nothing_also_where_images_are_shifted_and_mirrored(written, tmp_path):
    config = configure(dataset="cifar-10", dim=8, depth=1, heads=1, batch_size=16, steps=9, shift=3, flip=True)
    data = load_run_data(config)
    whole = train(config, data)
    said = list(whole)
    first = train(config, data)
    assert list(itertools.islice(first, len(said) // 2)) == said[: len(said) // 2] and 2 < first.step < 8
    save_checkpoint(first.checkpoint(), tmp_path / "half.safetensors")
    second = train(config, data, checkpoint=load_checkpoint(tmp_path / "half.safetensors"))
    assert list(second)[-1] == said[-1]
    mine, theirs = second.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    for field in ("shift", "flip"):
        plain = train(configure(config, **{field: 0}), data)
        assert list(plain)[-1] != said[-1], field


@pytest.mark.parametrize("file", [*FILES, "batches.meta"])
def test_a_missing_file_makes_it_absent(folder, file):
    (folder / file).unlink()
    assert not is_available("cifar-10")
    assert refusal().startswith(f"cifar-10 is not on this machine ({folder} lacks it); download it")


DAMAGE = {
    "empty": lambda good: b"",
    "garbage": lambda good: b"\xa5\x5a" * 5_000,
    "a web page": lambda good: b"<!DOCTYPE html><html>Please sign in</html>" * 50,
    "truncated": lambda good: good[:-5],
    "half": lambda good: good[: len(good) // 2],
    "a byte more in it": lambda good: good.replace(b"data", b"data\0"),
    "another key": lambda good: good.replace(b"labels", b"lobels"),
    "other numbers": lambda good: good.replace(b"u1", b"i1"),
    "fewer images": lambda good: cifar.batch(*(part[:-1] for part in cifar.drawn(24, 0))),
    "fewer labels": lambda good: cifar.batch(cifar.drawn(24, 0)[0], [1] * 23),
    "a label too many": lambda good: cifar.batch(cifar.drawn(24, 0)[0], [10] * 24),
    "labels that are no numbers": lambda good: good.replace(b"labels", b"nobody").replace(
        b"U\x09filenames", b"U\x06labels"
    ),
    "flat": lambda good: cifar.batch(cifar.drawn(24, 0)[0], [1] * 24, data=cifar.array(np.zeros(3072, np.uint8))),
    "smaller images": lambda good: cifar.batch(np.zeros((24, 3, 28, 28), np.uint8), [1] * 24),
    "no array": lambda good: cifar.batch(cifar.drawn(24, 0)[0], [1] * 24, data=cifar.short(b"1")),
    "no dict": lambda good: b"\x80\x02K\x01.",
}


@pytest.mark.parametrize("file", ["data_batch_1", "test_batch"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_refused_with_its_folder_and_a_remedy(folder, file, damage):
    (folder / file).write_bytes(damage((folder / file).read_bytes()))
    sentence = refusal()
    assert sentence.startswith(f"the files of cifar-10 in {folder} are damaged (")
    assert "delete that folder and download again" in sentence


class Evil:
    """What a pickle may do to whoever unpickles it."""

    def __init__(self, function, *arguments):
        self.told = function, arguments

    def __reduce__(self):
        return self.told


def hostile(done):
    """Pickles that would make the file `done`, take all memory or reach into Python, by what they do."""
    line = f"touch {done}"
    whole = cifar.batch(*cifar.drawn(24, 0))
    return {
        "a command": pickle.dumps(Evil(subprocess.getoutput, line), protocol=2),
        "a command in a batch": cifar.batch(
            *cifar.drawn(24, 0), data=b"cposix\nsystem\n" + cifar.short(line.encode()) + b"\x85R"
        ),
        "a command after a batch's end": whole[:-1] + b"0cposix\nsystem\n" + cifar.short(line.encode()) + b"\x85R.",
        "a command by name on the stack": b"\x80\x04" + b"\x8c\x05posix\x8c\x06system\x93" + b"\x8c\x01x\x85R.",
        "eval": pickle.dumps(Evil(eval, f"open({str(done)!r}, 'w')"), protocol=2),
        "a function of numpy": b"\x80\x02cnumpy\nload\n" + cifar.short(b"x") + b"\x85R.",
        "an attribute of what is known": b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        "the module's own": b"\x80\x02cvit_lab.data.cifar\nload\n.",
        "a place that asks for gigabytes": b"\x80\x02K\x01r\xff\xff\xff\x7f.",
        "an extension": b"\x80\x02\x82\x01.",
        "somebody else's object": b"\x80\x02U\x01xQ.",
    }


@pytest.mark.parametrize("which", hostile("x"))
def test_a_hostile_file_is_refused_and_nothing_in_it_is_done(folder, tmp_path, which):
    done = tmp_path / "done"
    (folder / "data_batch_3").write_bytes(hostile(done)[which])
    assert refusal().startswith(f"the files of cifar-10 in {folder} are damaged (")
    assert not done.exists()


def test_what_is_asked_for_is_named(folder):
    (folder / "test_batch").write_bytes(pickle.dumps(Evil(eval, "1"), protocol=2))
    assert "test_batch asks for __builtin__.eval, which no batch of images does" in refusal()


def test_a_file_that_is_far_too_large_is_not_read(folder):
    with (folder / "data_batch_2").open("r+b") as file:
        file.truncate(2**30)
    assert "data_batch_2 is too large for a batch of images" in refusal()
