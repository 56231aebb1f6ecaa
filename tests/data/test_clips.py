"""Clips of moving digits: they go where their label says, and only the order of frames tells which way."""

import pytest
import torch

from vit_lab.data.clips import paths, render
from vit_lab.data.images import load_dataset
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DIRECTIONS, TRAVEL
from vit_lab.presets import preset
from vit_lab.settings import configure

STEPS = {"up": (-TRAVEL, 0), "down": (TRAVEL, 0), "left": (0, -TRAVEL), "right": (0, TRAVEL)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def data(**settings):
    return load_run_data(configure(preset("moving-digits"), **{"train_size": 100} | settings))


@pytest.mark.parametrize("frames", [2, 5, 8, 32])
def test_a_digit_goes_straight_in_its_direction_within_the_frame(frames):
    corners, direction = paths(400, frames, 28, generator())
    assert corners.shape == (400, frames, 2) and corners.min() >= 0 and corners.max() <= 14
    for label, way in enumerate(DIRECTIONS):
        going = corners[direction == label]
        assert len(going) > 50
        assert (going[:, -1] - going[:, 0] == torch.tensor(STEPS[way])).all()
        assert (going.diff(dim=1) * torch.tensor(STEPS[way]).sign() >= 0).all(), "never back"


def test_a_reversed_path_is_one_of_the_opposite_direction_and_as_likely():
    corners, direction = paths(20_000, 8, 28, generator())
    back = corners.flip(1)
    for label in range(4):
        mine, theirs = corners[direction == label], back[direction == (label ^ 1)]
        torch.testing.assert_close(mine.float().mean(dim=0), theirs.float().mean(dim=0), rtol=0, atol=0.4)


def test_every_frame_holds_the_digit_at_half_its_size():
    digits = load_dataset("mnist-10k", normalise=True).test_images[:20]
    corners, _ = paths(20, 4, 28, generator())
    clips = render(digits, corners)
    assert clips.shape == (20, 4, 1, 28, 28)
    small = torch.nn.functional.avg_pool2d(digits, 2)
    for clip, path, digit in zip(clips, corners.tolist(), small, strict=True):
        for frame, (row, column) in zip(clip, path, strict=True):
            assert torch.equal(frame[:, row : row + 14, column : column + 14], digit)
    dark = float(digits.min())
    torch.testing.assert_close(
        (clips - dark).sum(dim=(2, 3, 4)), (small - dark).sum(dim=(1, 2, 3))[:, None].expand(20, 4)
    )


def test_labels_are_directions_or_digits_of_the_same_clips():
    ways, digits = data(dataset="moving-direction"), data(dataset="moving-digits")
    assert torch.equal(ways.test.inputs, digits.test.inputs)
    assert set(ways.test.labels.tolist()) == set(range(4)) and set(digits.test.labels.tolist()) == set(range(10))


def test_seeds_decide_everything_but_the_test_clips():
    one, again, other = data(seed=0), data(seed=0), data(seed=1)
    for a, b in zip(one.train.batches(32, 0, 1), again.train.batches(32, 0, 1), strict=True):
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert torch.equal(one.validation.inputs, again.validation.inputs)
    assert not torch.equal(one.validation.inputs, other.validation.inputs)
    assert torch.equal(one.test.inputs, other.test.inputs) and torch.equal(one.test.labels, other.test.labels)


def test_batches_go_on_from_the_middle_of_an_epoch():
    whole, rest = list(data().train.batches(32, 0, 3)), list(data().train.batches(32, 0, 3, skip=2))
    assert sum(len(labels) for _, labels in whole) == 100
    for (clips, labels), (again, labels_again) in zip(whole[2:], rest, strict=True):
        assert torch.equal(clips, again) and torch.equal(labels, labels_again)
