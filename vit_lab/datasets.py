"""The data sets: one entry each, with all that is known of a set before its data is read. Without torch, so that the
config can check against it and a page can ask at once.

A new set is an entry here and a loader (docs/decisions/018-one-entry-one-loader.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vit_lab.named import function_named
from vit_lab.paths import data_folder

Examples = Literal["images", "clips", "sequences"]
DECIDED = ("image_size", "channels", "num_classes")  # settings of a model that its data set decides

TRAVEL = 8  # pixels that a digit moves in a clip, from the first frame to the last

# The settings of the data that mean anything to examples of a kind.
MEANT: dict[Examples, tuple[str, ...]] = {
    "images": ("dataset", "train_size", "validation_size", "label_noise", "pixel_noise", "normalise", "shift", "flip"),
    "clips": ("dataset", "train_size", "normalise"),
    "sequences": ("dataset", "train_size"),
}


class Sizes(NamedTuple):
    """How many examples there are. Of images, `validation` is how many are held out of training by default."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Download:
    """How a set is fetched: by which class of torchvision.datasets, how large it is, and which files it brings.

    `files` are paths within the data folder, "/" between their parts. If they come in one archive, its `bytes` are
    meant, and a download that breaks off can go on later; otherwise those of all files on disk.
    """

    torchvision_class: str
    bytes: int
    files: tuple[str, ...]
    in_one_archive: bool = False

    @property
    def folder(self) -> str:
        """The one folder of the data folder that holds all files."""
        return self.files[0].partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is known of a data set.

    `words` say in a few what it is; `source` says who made it, or after whom it is made. `shape` is (channels, height,
    width) of an image or a frame, with height equal to width, and `classes` are names by label; sequences have neither,
    for their labels are symbols. `mean` and `std` of the training pixels normalise them, by channel and in units of
    white = 1.

    `load` names the loader, "module:function". For images it is called with the name of the set and returns
    `vit_lab.data.pixels.Pixels`; clips and sequences are made for a run: it is called with the RunConfig and returns
    `vit_lab.data.run_data.RunData`.
    """

    examples: Examples
    words: str
    load: str
    sizes: Sizes
    source: str
    licence: str
    shape: tuple[int, int, int] | None = None
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    download: Download | None = None

    @property
    def asks(self) -> dict[str, int]:
        """The settings of a model that the data decides, with the only value that fits."""
        if self.shape is None:
            return {}
        channels, _, size = self.shape
        return {"image_size": size, "channels": channels, "num_classes": len(self.classes)}

    def train_size(self, validation_size: int | None) -> int:
        """Examples left to train on if so many are held out for validation; None: as many as `sizes` says."""
        held_out = self.sizes.validation if validation_size is None else validation_size
        return self.sizes.train + self.sizes.validation - held_out

    def scale(self, normalise: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What is taken from the pixels of each channel, and what they are then divided by, in units of white = 1."""
        return (self.mean, self.std) if normalise else ((0.0,) * len(self.mean), (1.0,) * len(self.std))

    def loader(self) -> Callable[[Any], Any]:
        """The function that `load` names; its module is imported only now."""
        return function_named(self.load)


DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
DIRECTIONS = ("up", "down", "left", "right")  # a label and the opposite way are 0 and 1, or 2 and 3
GREY = (1, 28, 28)
MNIST_SOURCE, MNIST_LICENCE = "LeCun, Cortes & Burges 1998", "CC BY-SA 3.0"
MNIST: dict[str, Any] = {
    "source": MNIST_SOURCE,
    "licence": MNIST_LICENCE,
    "shape": GREY,
    "classes": DIGITS,
    "mean": (0.1307,),
    "std": (0.3081,),
}
FASHION: dict[str, Any] = {
    "source": "Xiao, Rasul & Vollgraf 2017",
    "licence": "MIT",
    "shape": GREY,
    "classes": CLOTHES,
    "mean": (0.2860,),
    "std": (0.3530,),
}
CIFAR: dict[str, Any] = {
    "source": "Krizhevsky 2009",
    "licence": "none stated; its page asks to cite the report",
    "shape": (3, 32, 32),
    "classes": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "mean": (0.4914, 0.4822, 0.4465),  # this and the next as in cifar10-airbench (Jordan 2024)
    "std": (0.2470, 0.2435, 0.2616),
}
MOVING_SOURCE = "made of bundled digits, after Srivastava et al. 2015"
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")


def _idx(torchvision_class: str, size: int) -> Download:
    """A set in MNIST's format. Only unpacked files are read, so those that lie packed beside them do not count."""
    return Download(torchvision_class, size, tuple(f"{torchvision_class}/raw/{file}" for file in IDX_FILES))


DATASETS: dict[str, Dataset] = {
    "mnist-10k": Dataset(
        examples="images",
        words="10,000 bundled digits",
        load="vit_lab.data.bundled:load",
        sizes=Sizes(7_000, 1_000, 2_000),
        **MNIST,
    ),
    "fashion-10k": Dataset(
        examples="images",
        words="10,000 bundled clothes",
        load="vit_lab.data.bundled:load",
        sizes=Sizes(7_000, 1_000, 2_000),
        **FASHION,
    ),
    "mnist": Dataset(
        examples="images",
        words="70,000 digits",
        load="vit_lab.data.idx:load",
        sizes=Sizes(58_000, 2_000, 10_000),
        **MNIST,
        download=_idx("MNIST", 66_544_770),
    ),
    "fashion-mnist": Dataset(
        examples="images",
        words="70,000 clothes",
        load="vit_lab.data.idx:load",
        sizes=Sizes(58_000, 2_000, 10_000),
        **FASHION,
        download=_idx("FashionMNIST", 85_828_693),
    ),
    "cifar-10": Dataset(
        examples="images",
        words="60,000 colour photos",
        load="vit_lab.data.cifar:load",
        sizes=Sizes(48_000, 2_000, 10_000),
        **CIFAR,
        download=Download(
            "CIFAR10", 170_498_071, tuple(f"cifar-10-batches-py/{file}" for file in CIFAR_FILES), in_one_archive=True
        ),
    ),
    "moving-direction": Dataset(
        examples="clips",
        words="which way a digit goes",
        load="vit_lab.data.clips:load",
        sizes=Sizes(7_000, 500, 1_000),
        source=MOVING_SOURCE,
        licence=MNIST_LICENCE,
        shape=GREY,
        classes=DIRECTIONS,
        mean=MNIST["mean"],
        std=MNIST["std"],
    ),
    "moving-digits": Dataset(
        examples="clips",
        words="which digit it is that goes",
        load="vit_lab.data.clips:load",
        sizes=Sizes(7_000, 500, 1_000),
        source=MOVING_SOURCE,
        licence=MNIST_LICENCE,
        shape=GREY,
        classes=DIGITS,
        mean=MNIST["mean"],
        std=MNIST["std"],
    ),
    "copy": Dataset(
        examples="sequences",
        words="sequences to write again",
        load="vit_lab.data.sequences:load",
        sizes=Sizes(10_000, 500, 1_000),
        source="after The Annotated Transformer, Rush 2018",
        licence="drawn for the run",
    ),
    "reverse": Dataset(
        examples="sequences",
        words="sequences to write backwards",
        load="vit_lab.data.sequences:load",
        sizes=Sizes(10_000, 500, 1_000),
        source="after The Annotated Transformer, Rush 2018",
        licence="drawn for the run",
    ),
}


def is_available(name: str) -> bool:
    """Whether the data set can be used without a download."""
    download = DATASETS[name].download
    return download is None or all((data_folder() / file).is_file() for file in download.files)
