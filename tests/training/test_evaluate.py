"""Evaluation is the mean over the whole split, however it is cut, and changes nothing."""

import pytest
import torch
from tiny import tiny

from vit_lab.data.splits import Split
from vit_lab.init.build import build_model
from vit_lab.training.evaluate import evaluate


@pytest.fixture
def split():
    generator = torch.Generator().manual_seed(0)
    return Split(torch.randn(23, 1, 28, 28, generator=generator), torch.randint(0, 10, (23,), generator=generator))


@pytest.mark.parametrize("at_once", [1, 5, 23, 1000])
def test_loss_and_accuracy_are_means_over_all_images(split, at_once):
    model = build_model(tiny(scheme="xavier"))
    loss, accuracy = evaluate(model, split, at_once)
    logits = torch.cat([model(image[None]) for image in split.inputs]).detach().double()
    chosen = logits[torch.arange(23), split.labels]
    assert loss == pytest.approx(float((logits.exp().sum(dim=1).log() - chosen).mean()), rel=1e-5)
    assert (
        accuracy == sum(int(row.argmax()) == int(label) for row, label in zip(logits, split.labels, strict=True)) / 23
    )


def test_evaluation_is_without_dropout(split):
    assert evaluate(build_model(tiny(dropout=0.5, attention_dropout=0.5)), split) == evaluate(
        build_model(tiny()), split
    )


def test_evaluation_leaves_the_model_trainable(split):
    model = build_model(tiny())
    evaluate(model, split)
    model(split.inputs).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
