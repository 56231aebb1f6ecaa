"""Build vit_lab/data/fashion_10k.npz: the first 10,000 training images of Fashion-MNIST, in their own order.

Fashion-MNIST is by Han Xiao, Kashif Rasul and Roland Vollgraf (Zalando SE), 2017, under the MIT licence. torchvision
fetches the set where it is not in the folder that is given.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from build_mnist_10k import write_npz
from torchvision.datasets import FashionMNIST

IMAGES = 10_000
OUTPUT = Path(__file__).resolve().parents[1] / "vit_lab" / "data" / "fashion_10k.npz"


def build(folder: Path) -> str:
    """Write OUTPUT from the set in a folder, fetched if it is not there; returns the SHA-256."""
    clothes = FashionMNIST(folder, train=True, download=not (folder / "FashionMNIST" / "raw").is_dir())
    return write_npz(OUTPUT, clothes.data[:IMAGES].numpy(), clothes.targets[:IMAGES].numpy().astype("uint8"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build vit_lab/data/fashion_10k.npz from Fashion-MNIST.")
    parser.add_argument("folder", type=Path, help="where FashionMNIST/raw lies, or is put")
    sha256 = build(parser.parse_args(arguments).folder)
    print(f"Wrote {OUTPUT} ({OUTPUT.stat().st_size:,} bytes).\nSHA-256 for vit_lab/data/bundled.py: {sha256}")


if __name__ == "__main__":
    main()
