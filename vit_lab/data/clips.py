"""Clips of one moving digit, made from the bundled ones: which way does it go, or which digit is it?

After Moving MNIST (Srivastava et al. 2015), without the bouncing: a digit at half its size goes straight left,
right, up or down across TRAVEL pixels. The line is drawn first and the way along it second, so a clip played backwards
is as likely as the clip, and no single frame, nor any set of frames without their order, tells left from right.

B clips, T frames, S frame size, P = S / 2 digit size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.images import load_dataset
from vit_lab.data.run_data import RunData, Split, TrainingSet, shuffled
from vit_lab.data.splits import split
from vit_lab.datasets import DATASETS, DIRECTIONS, TRAVEL
from vit_lab.model_config import TimesformerConfig
from vit_lab.randomness import generator_for


def paths(count: int, frames: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Where a digit's upper left corner (row, column) is in each frame, (count, T, 2), and its direction, (count,)."""
    room = size - size // 2
    along = torch.randint(0, room - TRAVEL + 1, (count,), generator=generator)
    across = torch.randint(0, room + 1, (count,), generator=generator)
    direction = torch.randint(0, len(DIRECTIONS), (count,), generator=generator)
    line = along[:, None] + (torch.arange(frames) * TRAVEL / (frames - 1)).round().long()
    line = torch.where(direction[:, None] % 2 == 0, line.flip(1), line)  # up and left: towards 0
    other = across[:, None].expand_as(line)
    vertical = (direction < 2)[:, None]
    return torch.stack([torch.where(vertical, line, other), torch.where(vertical, other, line)], dim=-1), direction


def render(digits: Tensor, corners: Tensor) -> Tensor:
    """Digits (B, 1, S, S) at half their size, at the corners (B, T, 2) of each frame: clips (B, T, 1, S, S)."""
    batch, frames, _ = corners.shape
    small = F.avg_pool2d(digits, 2)
    clips = digits.min().expand(batch, frames, *digits.shape[-2:]).clone()
    place, clip, frame = (torch.arange(n, device=digits.device) for n in (small.shape[-1], batch, frames))
    rows, columns = (corners[..., axis, None] + place for axis in (0, 1))  # (B, T, P)
    clips[clip[:, None, None, None], frame[:, None, None], rows[..., :, None], columns[..., None, :]] = small
    return clips.unsqueeze(2)


@dataclass(frozen=True)
class ClipSet:
    """The training clips of a run, rendered when their batch is due: digit i goes along corners[i], (n, T, 2)."""

    digits: TrainingSet
    corners: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, seed: int, epoch: int, skip: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass in an order that follows from (seed, epoch), without its first `skip` batches."""
        for rows in shuffled(len(self), batch_size, seed, epoch, self.labels.device)[skip:]:
            yield render(self.digits.pool[self.digits.index[rows]], self.corners[rows]), self.labels[rows]


def load(config: RunConfig) -> RunData:
    """The digits of a run, each set in motion; the test clips are the same for every seed. Raises DatasetError."""
    name, seed, model = config.data.dataset, config.seed, config.model
    assert isinstance(model, TimesformerConfig)  # the config sees to it
    digits, sizes = split(load_dataset("mnist-10k", config.data.normalise), config), DATASETS[name].sizes
    train = digits.train
    assert isinstance(train, TrainingSet)

    def labelled(which: str, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        generator = generator_for(seed, "clips", which)
        corners, direction = paths(len(labels), model.num_frames, model.image_size, generator)
        return corners, labels if name == "moving-digits" else direction

    def filmed(which: str, some: Split, most: int, seed: int) -> Split:
        corners, labels = labelled(which, some.labels[:most], seed)
        return Split(render(some.inputs[:most], corners), labels)

    return RunData(
        ClipSet(train, *labelled("train", train.labels, seed)),
        filmed("validation", digits.validation, sizes.validation, seed),
        filmed("test", digits.test, sizes.test, 0),
    )
