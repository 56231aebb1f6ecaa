"""Fetching a data set through torchvision into the data folder, whole or not at all."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from vit_lab.data import archive
from vit_lab.data.errors import DatasetError, DownloadError, reason
from vit_lab.data.pixels import OTHERWISE
from vit_lab.datasets import DATASETS, Download, is_available
from vit_lab.paths import data_folder

LOOK_SECONDS = 0.2  # between two looks at how much has arrived


def download(name: str) -> Iterator[float]:
    """Fetch a data set into the data folder, yielding the fraction done. Raises DatasetError.

    It arrives in a temporary folder and is moved into place whole, so a broken download leaves nothing behind but the
    beginning of an archive, from which the next one goes on.
    """
    wanted, folder = DATASETS[name].download, data_folder()
    if wanted is None or is_available(name):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-", ignore_cleanup_errors=True) as temporary:
            arrived = archive.arrived if wanted.in_one_archive else _arrived
            yield from arrived(wanted, Path(temporary))
            for file in wanted.files:  # one by one: what else lies there is somebody's
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (Path(temporary) / file).replace(folder / file)
    except DownloadError as error:
        place = (folder / wanted.files[0]).parent
        raise DatasetError(
            f"{name} could not be downloaded ({error}); check the network and try again, or put its files into "
            f"{place}, {OTHERWISE}"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{name} cannot be stored in {folder} ({reason(error)}); free or choose another folder with VIT_LAB_DATA"
        ) from error


def _arrived(wanted: Download, folder: Path) -> Iterator[float]:
    """Fetch into `folder` in a thread, yielding the fraction that is there. Raises DownloadError."""
    failure: list[Exception] = []
    dropped = threading.Event()
    worker = threading.Thread(target=_fetch, args=(wanted, folder, failure, dropped), daemon=True)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            arrived = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            yield min(arrived / wanted.bytes, 1.0)
    except GeneratorExit:
        dropped.set()
        raise
    if failure:
        raise DownloadError(reason(failure[0])) from failure[0]


def _fetch(wanted: Download, folder: Path, failure: list[Exception], dropped: threading.Event) -> None:
    try:
        from torchvision import datasets  # takes a second to import, so only when something is fetched

        getattr(datasets, wanted.torchvision_class)(str(folder), download=True)
    except Exception as error:  # whatever a network can do; told to the person by the caller
        failure.append(error)
    if dropped.is_set():  # nobody waits any more, and torchvision has made the folder anew
        shutil.rmtree(folder, ignore_errors=True)
