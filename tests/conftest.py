"""Every test has a lab home of its own and one thread for torch; full MNIST is used where it can be found."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vit_lab import paths
from vit_lab.runs.executors.choice import VARIABLE
from vit_lab.runs.store import Store

DATA_GIVEN = os.environ.get("VIT_LAB_DATA")
DATA_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """An empty folder as the lab home, no other data folder, and runs on the CPU."""
    monkeypatch.setenv("VIT_LAB_HOME", str(tmp_path))
    monkeypatch.delenv("VIT_LAB_DATA", raising=False)
    monkeypatch.setenv("VIT_LAB_DEVICE", "cpu")  # not just deleted, so that what a command sets is put back, too
    return tmp_path


@pytest.fixture(autouse=True)
def worker_threads(monkeypatch) -> None:
    """Processes take seconds to start; `worker_processes` lets a test have them all the same."""
    monkeypatch.setenv(VARIABLE, "threads")


@pytest.fixture
def worker_processes(worker_threads, monkeypatch) -> None:
    """Workers as a server and a command have them unless they are told otherwise, here and in what a test starts."""
    monkeypatch.delenv(VARIABLE)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C ends what a test starts, also where a script started the tests in its background.

    A shell has such jobs ignore Ctrl-C, and whoever ignores a signal bequeaths that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def full_mnist() -> Path:
    """The folder that holds MNIST/raw as torchvision lays it out."""
    for folder in [Path(DATA_GIVEN)] if DATA_GIVEN else [DATA_BESIDE]:
        if (folder / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
            return folder
    pytest.skip("MNIST's own files are not here; set VIT_LAB_DATA to the folder that holds MNIST/raw.")


@pytest.fixture
def store(home) -> Iterator[Store]:
    """An empty store in the lab home."""
    store = Store(paths.database())
    yield store
    store.close()
