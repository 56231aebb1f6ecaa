"""A download arrives whole or not at all. torchvision's class is replaced: no test asks the network."""

import threading
from pathlib import Path
from urllib.error import URLError

import pytest
import torchvision.datasets

from vit_lab.data.download import download
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import DATASETS, is_available

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def arriving(names=NAMES, then=None, before=lambda: None):
    """Stands in for torchvision's class: writes some files, and perhaps ends in an error."""

    def fetch(root, download):
        assert download
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name in names:
            (raw / name).write_bytes(b"x" * 100_000)
        before()
        if then is not None:
            raise then

    return fetch


@pytest.fixture
def data(home):
    return home / "data"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_download_puts_every_file_in_place_and_nothing_else(data, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving())
    assert not is_available("mnist")
    list(download("mnist"))
    assert is_available("mnist")
    assert files(data) == sorted(f"MNIST/raw/{name}" for name in NAMES)
    assert [path.name for path in data.iterdir()] == ["MNIST"]


def test_progress_is_a_fraction_that_grows_with_what_has_arrived(data, monkeypatch):
    seen, at_the_end = threading.Event(), arriving(before=lambda: seen.wait(30))
    monkeypatch.setattr(torchvision.datasets, "MNIST", at_the_end)
    progress = []
    for done in download("mnist"):
        progress.append(done)
        if done > 0:
            seen.set()
    assert progress == sorted(progress) and progress[0] >= 0 and progress[-1] <= 1
    assert progress[-1] == pytest.approx(400_000 / DATASETS["mnist"].download.bytes)


@pytest.mark.parametrize("arrived", [(), NAMES[:2], NAMES])
@pytest.mark.parametrize(
    "error", [URLError("no route to host"), RuntimeError("Error downloading x:\nTried y"), TimeoutError()], ids=repr
)
def test_a_broken_download_leaves_nothing_and_is_told_in_a_sentence(data, monkeypatch, arrived, error):
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving(arrived, then=error))
    with pytest.raises(DatasetError) as caught:
        list(download("mnist"))
    assert str(caught.value).startswith("mnist could not be downloaded (")
    assert "check the network" in str(caught.value) and "\n" not in str(caught.value)
    assert list(data.iterdir()) == [] and not is_available("mnist")


def test_a_broken_download_spares_what_was_there(data, monkeypatch):
    (data / "MNIST" / "raw").mkdir(parents=True)
    (data / "MNIST" / "raw" / NAMES[0]).write_bytes(b"mine")
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving(then=URLError("gone")))
    with pytest.raises(DatasetError):
        list(download("mnist"))
    assert files(data) == [f"MNIST/raw/{NAMES[0]}"]
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving())
    list(download("mnist"))
    assert is_available("mnist")


def test_a_download_that_is_dropped_halfway_leaves_nothing(data, monkeypatch):
    dropped, workers = threading.Event(), []

    def slow(root, download):
        workers.append(threading.current_thread())
        for name in NAMES:  # as torchvision does: the folder is made anew for every file
            raw = Path(root) / "MNIST" / "raw"
            raw.mkdir(parents=True, exist_ok=True)
            (raw / name).write_bytes(b"x")
            dropped.wait(30)

    monkeypatch.setattr(torchvision.datasets, "MNIST", slow)
    progress = download("mnist")
    next(progress)
    progress.close()
    dropped.set()
    workers[0].join(30)
    assert list(data.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(home, monkeypatch):
    (home / "data").write_text("a file where the folder should be")
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving())
    with pytest.raises(DatasetError, match=r"mnist cannot be stored in .* VIT_LAB_DATA"):
        list(download("mnist"))


@pytest.mark.parametrize("name", ["mnist-10k", "mnist"])
def test_what_is_there_is_not_fetched_again(data, monkeypatch, name):
    (data / "MNIST" / "raw").mkdir(parents=True)
    for file in NAMES:
        (data / "MNIST" / "raw" / file).touch()
    monkeypatch.setattr(torchvision.datasets, "MNIST", arriving(then=AssertionError("nobody asked for it")))
    assert list(download(name)) == []
