"""A place is spelled once, for files and for people, and comes back from either of its written forms."""

import json

import pytest

from vit_lab.events import from_json
from vit_lab.places import Place, read_place

LAYER = Place(block=2, part="attention", group="qk")
TOLD = {  # how files spell it: the place, and how people say it
    "qk": (Place(group="qk"), "queries, keys"),
    "embed": (Place(group="embed"), "embedding"),
    "2.qk": (LAYER, "block 2: queries, keys"),
    "2.mlp": (Place(block=2, part="mlp", group="mlp"), "block 2: MLP"),
    "12 time.vo": (Place(block=12, part="time", group="vo"), "block 12 time: values, output"),
    "enc 1.vo": (Place(stack="encoder", block=1, part="attention", group="vo"), "encoder 1: values, output"),
    "dec 1 cross.qk": (Place(stack="decoder", block=1, part="cross", group="qk"), "decoder 1 cross: queries, keys"),
    "2.qk.k": (LAYER.matrix("qk", "k"), "block 2: queries, keys (k)"),
    "0": (Place(depth=0), "start"),
    "10": (Place(depth=10), "after block 10"),
    "dec 3": (Place(stack="decoder", depth=3), "after decoder 3"),
    "2/0": (Place(block=2, part="attention", head=0), "block 2, head 1"),
    "dec 1 cross/3": (Place(stack="decoder", block=1, part="cross", head=3), "decoder 1 cross, head 4"),
}
every_place = pytest.mark.parametrize(("spelled", "place", "words"), [(s, p, w) for s, (p, w) in TOLD.items()])


@every_place
def test_a_place_is_spelled_and_said(spelled, place, words):
    assert (str(place), place.words) == (spelled, words)


@every_place
def test_a_place_comes_back_from_its_fields_and_from_its_spelling(spelled, place, words):
    assert read_place(place.fields) == read_place(spelled) == place
    assert None not in place.fields.values()


@pytest.mark.parametrize(
    "text", ["", "2.", "q k", "enc", "2.depth", "/0", "dec qk", "project!", "2 time", "dec 1 cross"]
)
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match="no place in a model"):
        read_place(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"blok": 2},
        {"group": "x"},
        {"block": "two"},
        {"part": "attention", "head": 0.5},
        {"stack": "both"},
        5,
        None,
        [1],
    ],
)
def test_fields_of_no_place_are_refused_in_a_sentence(fields):
    with pytest.raises(ValueError, match=r"is no place in a model: \w.*: \w") as refused:
        read_place(fields)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="this is no event"):
        from_json("probed", json.dumps({"step": 0, "rows": [["activation_rms", fields, 1.0]]}))


def test_layers_are_told_from_groups_over_all_blocks():
    layers = [spelled for spelled, (place, _) in TOLD.items() if place.is_layer and place.projection is None]
    assert layers == ["embed", "2.qk", "2.mlp", "12 time.vo", "enc 1.vo", "dec 1 cross.qk"]
    assert LAYER.matrix("qk", "q").layer == LAYER


def test_the_last_matrix_of_a_branch_is_the_one_before_the_sum():
    block = Place(block=1)
    ends = [
        block.within("attention").matrix("vo", "out"),
        block.within("cross").matrix("vo", "out"),
        block.within("mlp").matrix("mlp", "down"),
        block.within("time").matrix("vo", "project"),
    ]
    others = [
        block.within("time").matrix("vo", "out"),
        block.within("attention").matrix("vo", "v"),
        block.within("mlp").matrix("mlp", "up"),
        Place().matrix("head", "head"),
    ]
    assert all(place.ends_branch for place in ends) and not any(place.ends_branch for place in others)
