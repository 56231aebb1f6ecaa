"""Whole image data sets as tensors in memory: loaded once per process, normalised once, shared by all runs of the process.

MNIST: LeCun, Cortes & Burges 1998. Fashion-MNIST: Xiao, Rasul & Vollgraf 2017. Both through torchvision.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_lab.config import TEST_IMAGES, DatasetName, ImageDatasetName
from vit_lab.data.bundled import load_bundled_digits
from vit_lab.data.errors import DatasetError
from vit_lab.data.sources import IDX_FILES, SOURCES, Source, is_available
from vit_lab.paths import data_folder


@dataclass(frozen=True)
class ImageDataset:
    """Images (n, 1, 28, 28) float32 and labels (n,) int64. Shared: nobody writes into it.

    Pixels are normalised, or 0 for black and 1 for white; `white` is how far white lies above black.
    The validation images of a run are taken out of the training images; the test images are fixed.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    source: Source
    white: float


_loaded: dict[tuple[ImageDatasetName, bool, Path | None], ImageDataset] = {}
_loading = threading.Lock()


def load_dataset(name: ImageDatasetName, normalise: bool) -> ImageDataset:
    """The data set, from memory if this process has it already. Raises DatasetError if it is absent or garbled."""
    key = (name, normalise, data_folder() if SOURCES[name].torchvision_class else None)
    with _loading:
        if key not in _loaded:
            _loaded[key] = _read(name, normalise)
        return _loaded[key]


def download(name: DatasetName) -> Iterator[float]:
    """Fetch a data set into the data folder, yielding the fraction done. Raises DatasetError.

    It arrives in a temporary folder and is moved into place whole, so a broken download leaves nothing behind.
    """
    if is_available(name):
        return
    source, folder = SOURCES[name], data_folder()  # type: ignore[index]
    assert source.torchvision_class is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-", ignore_cleanup_errors=True) as temporary:
            failure: list[BaseException] = []
            dropped = threading.Event()
            worker = threading.Thread(target=_fetch, args=(source, temporary, failure, dropped), daemon=True)
            worker.start()
            try:
                while worker.is_alive():
                    worker.join(0.2)
                    arrived = sum(file.stat().st_size for file in Path(temporary).rglob("*") if file.is_file())
                    yield min(arrived / source.download_bytes, 1.0)
            except GeneratorExit:
                dropped.set()
                raise
            if failure:
                raise DatasetError(
                    f"{name} could not be downloaded ({_short(failure[0])}); check the network, or put its files "
                    f"into {folder / source.torchvision_class / 'raw'}, or choose mnist-10k, which is bundled"
                ) from failure[0]
            raw = Path(source.torchvision_class) / "raw"
            (folder / raw).mkdir(parents=True, exist_ok=True)
            for file in IDX_FILES:  # one by one: what else lies there is somebody's
                (Path(temporary) / raw / file).replace(folder / raw / file)
    except OSError as error:
        raise DatasetError(f"{name} cannot be stored in {folder} ({_short(error)}); free or choose another "
                           "folder with VIT_LAB_DATA") from error  # fmt: skip


def _torchvision(source: Source, folder: str | Path, **options: Any) -> Any:
    from torchvision import datasets  # takes a second to import, so only when its data is wanted

    return getattr(datasets, source.torchvision_class or "")(str(folder), **options)


def _fetch(source: Source, folder: str, failure: list[BaseException], dropped: threading.Event) -> None:
    try:
        _torchvision(source, folder, download=True)
    except Exception as error:  # whatever a network can do; told to the person by the caller
        failure.append(error)
    if dropped.is_set():  # nobody waits any more, and torchvision has made the folder anew
        shutil.rmtree(folder, ignore_errors=True)


def _read(name: ImageDatasetName, normalise: bool) -> ImageDataset:
    source = SOURCES[name]
    if source.torchvision_class is None:
        images, labels = (torch.from_numpy(array) for array in load_bundled_digits())
        cut = len(images) - TEST_IMAGES["mnist-10k"]
        parts = (images[:cut], labels[:cut]), (images[cut:], labels[cut:])
    else:
        folder = data_folder()
        if not is_available(name):
            raise DatasetError(
                f"{name} is not on this machine ({folder / source.torchvision_class / 'raw'} lacks it); download it, "
                "point VIT_LAB_DATA to a folder that has it, or choose mnist-10k, which is bundled"
            )
        try:
            read = [_torchvision(source, folder, train=train) for train in (True, False)]
        except Exception as error:  # torchvision raises anything from ValueError to AssertionError on a bad file
            raise DatasetError(_garbled(name, folder, source, _short(error))) from error
        parts = (read[0].data, read[0].targets), (read[1].data, read[1].targets)
    for images, labels in parts:
        if (
            images.shape[1:] != (28, 28)
            or len(images) != len(labels)
            or not 0 <= int(labels.min()) <= int(labels.max()) <= 9
        ):
            raise DatasetError(_garbled(name, data_folder(), source, "images and labels do not fit"))
    (train_images, train_labels), (test_images, test_labels) = parts
    return ImageDataset(
        scaled(train_images, source, normalise),
        train_labels.long(),
        scaled(test_images, source, normalise),
        test_labels.long(),
        source,
        white=1 / source.std if normalise else 1.0,
    )


def scaled(images: Tensor, source: Source, normalise: bool) -> Tensor:
    """Grey levels 0 to 255 as a model of that data set reads them: (n, 28, 28) uint8 -> (n, 1, 28, 28) float32."""
    mean, std = (source.mean, source.std) if normalise else (0.0, 1.0)
    return images.float().div_(255).sub_(mean).div_(std).unsqueeze_(1)


def _garbled(name: str, folder: Path, source: Source, why: str) -> str:
    return (
        f"the files of {name} in {folder / (source.torchvision_class or '')} are damaged ({why}); "
        "delete that folder and download again, or choose mnist-10k, which is bundled"
    )


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
