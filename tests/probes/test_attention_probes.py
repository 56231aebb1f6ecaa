"""Attention probes against cases worked by hand."""

import math

import pytest
import torch

from vit_lab.probes.attention import attention_entropy, head_measures, max_attention_logit


def test_uniform_attention_has_entropy_one():
    assert attention_entropy(torch.full((3, 2, 5, 5), 0.2)).tolist() == pytest.approx([1.0, 1.0])


def test_attention_to_one_token_has_entropy_zero():
    one_hot = torch.nn.functional.one_hot(torch.tensor([2, 0, 1]), 3).float().expand(4, 1, 3, 3)
    assert attention_entropy(one_hot).tolist() == [0.0]


def test_attention_to_two_of_four_tokens_has_entropy_one_half():
    rows = torch.tensor([0.5, 0.5, 0.0, 0.0]).expand(1, 1, 4, 4)
    assert float(attention_entropy(rows)) == pytest.approx(math.log(2) / math.log(4))


def test_every_head_has_its_own_entropy():
    heads = torch.stack([torch.full((3, 3), 1 / 3), torch.eye(3)])[None]
    assert attention_entropy(heads).tolist() == pytest.approx([1.0, 0.0])


def test_one_token_alone_looks_everywhere():
    assert attention_entropy(torch.ones(2, 3, 1, 1)).tolist() == [1.0, 1.0, 1.0]


def test_the_largest_logit_by_hand():
    q = torch.tensor([[[[3.0, 4.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]]])
    k = torch.tensor([[[[-2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]]]])
    assert float(max_attention_logit(q, k)) == pytest.approx(7 / 2)  # q.k are -6, 7, 0 and 1; sqrt(4) features


def test_queries_and_keys_of_zero_attend_evenly():
    entropy, logit = head_measures(torch.zeros(2, 3, 6, 4), torch.zeros(2, 3, 6, 4))
    assert entropy.tolist() == pytest.approx([1.0] * 3)
    assert logit.tolist() == [0.0] * 3
