"""Where the image data sets come from, and whether they are here. Without torch, so that a page can ask at once.

MNIST: LeCun, Cortes & Burges 1998. Fashion-MNIST: Xiao, Rasul & Vollgraf 2017.
"""

from dataclasses import dataclass

from vit_lab.config import DatasetName, ImageDatasetName
from vit_lab.paths import data_folder

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TRAVEL = 8  # pixels that a digit moves in a clip, from the first frame to the last
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and the statistics of its training pixels that normalise it.

    `mean` and `std` are in units of white = 1. `download_bytes` is what a download brings to disk.
    """

    torchvision_class: str | None
    mean: float
    std: float
    validation_images: int
    classes: tuple[str, ...]
    download_bytes: int = 0


SOURCES: dict[ImageDatasetName, Source] = {
    "mnist-10k": Source(None, 0.1307, 0.3081, 1_000, DIGITS),
    "mnist": Source("MNIST", 0.1307, 0.3081, 2_000, DIGITS, 66_544_770),
    "fashion-mnist": Source("FashionMNIST", 0.2860, 0.3530, 2_000, CLOTHES, 85_828_693),
}


def is_available(name: DatasetName) -> bool:
    """Whether the data set can be used without a download."""
    source = SOURCES.get(name)  # type: ignore[arg-type]
    if source is None or source.torchvision_class is None:  # made on the spot, or bundled
        return True
    raw = data_folder() / source.torchvision_class / "raw"
    return all((raw / file).is_file() for file in IDX_FILES)  # torchvision does not read the .gz files beside them
