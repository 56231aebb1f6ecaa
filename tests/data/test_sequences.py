"""Sequences to write again: what is drawn, what is asked, and that seeds decide everything."""

import pytest
import torch

from vit_lab.data.splits import load_run_data
from vit_lab.data.typed import parse_symbols
from vit_lab.datasets import DATASETS
from vit_lab.model_config import TransformerConfig
from vit_lab.presets import preset
from vit_lab.settings import ConfigError, configure

BOTH = pytest.mark.parametrize("dataset", ["copy", "reverse"])


def data(**settings):
    return load_run_data(configure(preset("copy"), **settings))


def batches(of, size=16, seed=0, epoch=0, skip=0, most=3):
    return [batch for batch, _ in zip(of.train.batches(size, seed, epoch, skip), range(most), strict=False)]


@BOTH
def test_what_is_to_be_written_is_the_source_or_its_reverse(dataset):
    found = data(dataset=dataset, vocabulary=7, sequence_length=5)
    for inputs, labels in [*batches(found), (found.test.inputs, found.test.labels)]:
        source, written = inputs.unbind(dim=1)
        assert torch.equal(labels, source if dataset == "copy" else source.flip(1))
        assert (written[:, 0] == 0).all() and torch.equal(written[:, 1:], labels[:, :-1])
        assert source.min() >= 1 and source.max() == 6 and source.shape[1] == 5


def test_symbols_are_drawn_evenly():
    source = data().test.inputs[:, 0]
    share = source.flatten().bincount(minlength=11)[1:] / source.numel()
    assert (share - 0.1).abs().max() < 5 * (0.09 / source.numel()) ** 0.5


def test_validation_and_test_are_the_same_for_every_seed_and_differ():
    one, other = data(seed=0), data(seed=1)
    assert torch.equal(one.validation.inputs, other.validation.inputs)
    assert torch.equal(one.test.inputs, other.test.inputs)
    assert not torch.equal(one.test.inputs[:500], one.validation.inputs)


def test_no_batch_recurs_in_another_epoch_or_with_another_seed():
    drawn = [batches(data(), seed=s, epoch=e)[i][0] for s in (0, 1) for e in (0, 1) for i in (0, 1)]
    assert len({tuple(inputs.flatten().tolist()) for inputs in drawn}) == len(drawn)


@pytest.mark.parametrize("train_size", [None, 50])
def test_the_same_seed_and_epoch_draw_the_same_batches_also_from_the_middle(train_size):
    found = data(train_size=train_size)
    whole, rest = batches(found, epoch=2), batches(found, epoch=2, skip=1, most=2)
    for (inputs, labels), (again, labels_again) in zip(whole[1:], rest, strict=True):
        assert torch.equal(inputs, again) and torch.equal(labels, labels_again)


def test_an_epoch_has_as_many_sequences_as_the_config_says():
    for size in (None, 50):
        found = data(train_size=size)
        counted = sum(len(labels) for _, labels in found.train.batches(64, 0, 0))
        assert counted == len(found.train) == (size or DATASETS["copy"].sizes.train)


def test_a_train_size_keeps_to_the_same_few_sequences():
    seen = [
        {
            tuple(row.flatten().tolist())
            for inputs, _ in data(train_size=20).train.batches(8, 0, epoch)
            for row in inputs
        }
        for epoch in (0, 1)
    ]
    assert seen[0] == seen[1] and len(seen[0]) == 20


MODEL = TransformerConfig(vocabulary=11, sequence_length=3)


@pytest.mark.parametrize("text", ["3 1 10", " 3,1 ,10 ", "3\t1\n10", "03 1 10"])
def test_a_typed_sequence_is_read(text):
    assert parse_symbols(text, MODEL) == [3, 1, 10]


MISFITS = {
    "": "0 symbols",
    "1 2": "2 symbols",
    "1 2 3 4": "4 symbols",
    "0 1 2": "'0'",
    "1 2 11": "'11'",
    "1 -2 3": "'-2'",
    "1 2 x": "'x'",
    "1 2 3.5": "'3.5'",
    "1 2 ²": "'²'",
    "1 2 " + "9" * 400: "'99999999999999999999'",
    "1 2 ٣": "'٣'",
}


@pytest.mark.parametrize(("text", "named"), MISFITS.items())
def test_a_typed_sequence_that_does_not_fit_is_refused_with_what_would(text, named):
    with pytest.raises(ConfigError, match=r"type 3 whole numbers from 1 to 10, with spaces between them$") as refused:
        parse_symbols(text, MODEL)
    assert named in str(refused.value) and refused.value.field == "sequence"
