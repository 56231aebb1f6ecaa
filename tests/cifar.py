"""CIFAR-10 as its author published it, but small and made up: pickles as Python 2 wrote them, byte for byte alike."""

import struct
from pathlib import Path

import numpy as np

from vit_lab.datasets import DATASETS, Sizes

SIZES = Sizes(train=90, validation=30, test=40)  # five batches of 24 and one of 40
FOLDER = "cifar-10-batches-py"
TRAIN_FILES = [f"data_batch_{number}" for number in range(1, 6)]


def short(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def number(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def array(values: np.ndarray, kind: bytes = b"u1") -> bytes:
    """An array of numpy under protocol 2 of Python 2, with the old names of its makers."""
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + short(b"b") + b"\x87R"
    of = b"cnumpy\ndtype\n" + short(kind) + number(0) + number(1) + b"\x87R"
    of += b"(" + number(3) + short(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + number(0) + b"tb"
    content = values.tobytes()
    told = b"(" + number(1) + b"".join(map(number, values.shape)) + (b"\x86" if values.ndim == 2 else b"\x85") + of
    return made + told + b"\x89T" + struct.pack("<i", len(content)) + content + b"tb"


def pickled(entries: dict[bytes, bytes]) -> bytes:
    """A dict whose values are pickled already."""
    return b"\x80\x02}(" + b"".join(short(key) + value for key, value in entries.items()) + b"u."


def listed(values: list[bytes]) -> bytes:
    return b"](" + b"".join(values) + b"e"


def batch(images: np.ndarray, labels: list[int], **others: bytes) -> bytes:
    """A file of images (n, 3, 32, 32)."""
    names = [short(b"picture_%d.png" % place) for place in range(len(labels))]
    own = {b"batch_label": short(b"training batch 1 of 5"), b"labels": listed(list(map(number, labels)))}
    own |= {b"data": array(images.reshape(len(images), -1)), b"filenames": listed(names)}
    return pickled(own | {key.encode(): value for key, value in others.items()})


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of colour on a ground of another, (n, 3, 32, 32), and labels (n,): the hue of the block says the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    images = np.empty((count, 3, 32, 32), np.uint8)
    images[:] = rng.integers(0, 90, (count, 3, 1, 1))
    hues = np.array([[255 - 25 * label, 25 * label, (97 * label) % 256] for label in range(10)], np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(0, 20, 2)
        image[:, top : top + 12, left : left + 12] = hues[label][:, None, None]
    return images, labels


def write(folder: Path, sizes: Sizes = SIZES) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The files of a made-up CIFAR-10 in a data folder; returns images and labels by file."""
    counts = dict.fromkeys(TRAIN_FILES, (sizes.train + sizes.validation) // 5) | {"test_batch": sizes.test}
    found = {file: drawn(count, seed) for seed, (file, count) in enumerate(counts.items())}
    place = folder / FOLDER
    place.mkdir(parents=True)
    for file, (images, labels) in found.items():
        (place / file).write_bytes(batch(images, labels.tolist()))
    names = [short(name.encode()) for name in DATASETS["cifar-10"].classes]
    (place / "batches.meta").write_bytes(pickled({b"label_names": listed(names), b"num_vis": number(3072)}))
    return found
