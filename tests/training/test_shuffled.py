"""Shuffled patches: the right pieces in the right places, and a model without positions that cannot tell."""

import pytest
import torch
from tiny import tiny, tiny_data

from vit_lab.data.run_data import Split
from vit_lab.init.build import build_model
from vit_lab.models.vit import patchify
from vit_lab.training.evaluate import evaluate
from vit_lab.training.shuffled import ORDERS, patch_orders, shuffle_patches, shuffled_accuracies
from vit_lab.training.trainer import train


def test_a_shuffle_by_hand():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert shuffle_patches(image, 1, torch.tensor([3, 0, 1, 2])).tolist() == [[[[4, 1], [2, 3]]]]
    both = shuffle_patches(image.expand(2, -1, -1, -1), 1, torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]]))
    assert both.tolist() == [[[[1, 2], [3, 4]]], [[[4, 3], [2, 1]]]]


@pytest.mark.parametrize("size", [2, 7, 14, 28])
def test_patches_change_places_and_nothing_else(size):
    images = torch.rand(3, 2, 28, 28, generator=torch.Generator().manual_seed(0))
    patches = (28 // size) ** 2
    orders = patch_orders("an order for each", 3, patches, seed=1)
    before, after = patchify(images, size), patchify(shuffle_patches(images, size, orders), size)
    for image in range(3):
        assert torch.equal(after[image], before[image, orders[image]])
        assert orders[image].sort().values.tolist() == list(range(patches))


def test_orders_are_what_they_are_called():
    as_is, one, each = (patch_orders(order, 50, 16, seed=3) for order in ORDERS)
    assert (as_is == torch.arange(16)).all()
    assert (one == one[0]).all() and not (one == torch.arange(16)).all()
    assert len({tuple(row) for row in each.tolist()}) == 50
    for order, drawn in zip(ORDERS, (as_is, one, each), strict=True):
        assert torch.equal(patch_orders(order, 50, 16, seed=3), drawn), "the seed decides"
    assert not torch.equal(patch_orders(ORDERS[1], 50, 16, seed=4), one)


def test_accuracy_is_that_of_the_shuffled_images():
    model, split = build_model(tiny(scheme="xavier")), tiny_data(tiny()).test
    found = shuffled_accuracies(model, split, seed=5)
    assert list(found) == list(ORDERS) and found["as they are"] == evaluate(model, split)[1]
    one = shuffle_patches(split.inputs, 14, patch_orders("one order for all", len(split), 4, 5))
    assert found["one order for all"] == evaluate(model, Split(one, split.labels))[1]


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_without_positions_a_trained_model_gives_the_same_answers_exactly_as_often(pool):
    config = tiny(position="none", pool=pool, patch_size=7, steps=30, train_size=500)
    data = tiny_data(config)
    training = train(config, data)
    for _ in training:
        pass
    found = shuffled_accuracies(training.model, data.test, seed=0)
    assert len(set(found.values())) == 1 and 0 < found["as they are"] < 1
    shuffled = shuffle_patches(data.test.inputs, 7, patch_orders("an order for each", len(data.test), 16, 0))
    with torch.no_grad():
        torch.testing.assert_close(training.model(shuffled), training.model(data.test.inputs), rtol=0, atol=1e-5)


def test_with_positions_the_answers_change():
    model, images = build_model(tiny(scheme="xavier", patch_size=7)), tiny_data(tiny()).test.inputs
    shuffled = shuffle_patches(images, 7, patch_orders("one order for all", len(images), 16, 0))
    with torch.no_grad():
        assert (model(shuffled) - model(images)).abs().max() > 0.01
