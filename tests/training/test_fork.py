"""A fork is its parent up to a step, to the bit, and then goes on from just what the parent was."""

import pytest
import torch
from test_resume import assert_same_weights, through_a_file, upserted
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences

from vit_lab.config import MOST_GENERATIONS, ForkConfig
from vit_lab.data import splits
from vit_lab.events import Started, Stepped
from vit_lab.lineage import lineage
from vit_lab.settings import ConfigError, configure, parse
from vit_lab.training import trainer
from vit_lab.training.checkpoint import load_checkpoint
from vit_lab.training.replay import replay
from vit_lab.training.start import drawn, model_at_start
from vit_lab.training.trainer import train

NOISY = {"dropout": 0.1, "attention_dropout": 0.1, "label_noise": 0.3, "steps": 7, "seed": 3}
PARENTS = {
    "vit": tiny(**NOISY, shift=2),
    "vit by muon": tiny(steps=7, optimiser="muon"),
    "clips": tiny_clips(steps=7, dropout=0.1),
    "sequences": tiny_sequences(steps=7, dropout=0.1),
}


@pytest.fixture(autouse=True)
def evaluated_on_few_images(monkeypatch):
    monkeypatch.setattr(trainer, "load_run_data", tiny_data)


def fork_of(parent, step, settings=None, **factors):
    """The config of a fork."""
    changed = configure(parent.model_copy(update={"fork": None}), **(settings or {}))
    return parse(changed.model_dump() | {"fork": {"run": "parent", "step": step, "parent": parent} | factors})


def run_to_the_end(config, checkpoint=None):
    training = train(config, tiny_data(config), "cpu", checkpoint)
    return training, list(training)


def state_at(config, step):
    """The checkpoint of a run after a step."""
    training = train(config, tiny_data(config))
    while training.step < step:
        next(training)
    return training.checkpoint()


@pytest.mark.parametrize("parent", PARENTS.values(), ids=PARENTS)
@pytest.mark.parametrize("step", [0, 3, 6])
def test_an_unchanged_fork_is_its_parent_to_the_bit(parent, step):
    one, said = run_to_the_end(parent)
    other, said_by_fork = run_to_the_end(fork_of(parent, step))
    assert_same_weights(one, other)
    assert upserted(said_by_fork) == upserted(said)


@pytest.mark.parametrize("parent", PARENTS.values(), ids=PARENTS)
def test_a_changed_fork_goes_on_from_just_what_its_parent_was(parent):
    changes = {"learning_rate": 0.01, "weight_decay": 0.5, "steps": 9, "train_size": 40, "batch_size": 8}
    fork = fork_of(parent, 3, changes)
    one, said = run_to_the_end(fork)
    other, expected = run_to_the_end(fork.model_copy(update={"fork": None}), state_at(parent, 3))
    assert_same_weights(one, other)
    made_by_its_parent = {("stepped", 3), ("step", 3)}
    ours, theirs = (
        {key: told for key, told in upserted(events).items() if key[1] >= 3 and key not in made_by_its_parent}
        for events in (said, expected)
    )
    assert ours == theirs
    before = upserted(run_to_the_end(parent)[1])
    assert all(before[key] == told for key, told in upserted(said).items() if 0 < key[1] < 3)
    assert {event.total_steps for event in said if isinstance(event, Started)} == {9}


def test_an_intervention_multiplies_the_weights_of_its_groups_at_that_step_and_nothing_else():
    parent = tiny(steps=7)
    before, fork = train(parent, tiny_data(parent)), fork_of(parent, 3, qk_factor=2.0, head_factor=0.5)
    after = train(fork, tiny_data(fork))
    for training in (before, after):
        while training.step < 3:
            next(training)
    for one, other in zip(before.model.matrices(), after.model.matrices(), strict=True):
        factor = {"qk": 2.0, "head": 0.5}.get(one.group, 1.0)
        assert torch.equal(one.weight * factor, other.weight), one.name
    weights = {id(matrix.parameter) for matrix in before.model.matrices()}
    for (name, one), other in zip(before.model.named_parameters(), after.model.parameters(), strict=True):
        assert id(one) in weights or torch.equal(one, other), name
    kept, theirs = before.checkpoint().tensors, after.checkpoint().tensors
    assert all(torch.equal(kept[name], theirs[name]) for name in kept if name.startswith("optimiser."))


@pytest.mark.parametrize("cut", range(8))
def test_a_fork_that_is_cut_anywhere_and_resumed_is_one_never_cut(cut, tmp_path):
    grandparent = tiny(**NOISY)
    fork = fork_of(fork_of(grandparent, 2, {"learning_rate": 0.02}), 4, {"label_noise": 0.0}, mlp_factor=3.0)
    whole, said = run_to_the_end(fork)
    first = train(fork, tiny_data(fork))
    heard = [next(first)]
    while first.step < cut:
        heard.append(next(first))
    second, rest = run_to_the_end(fork, through_a_file(first, tmp_path))
    assert_same_weights(whole, second)
    assert upserted([*heard, *rest]) == upserted(said)
    assert [event.step for event in said if isinstance(event, Stepped)] == list(range(1, 8))


@pytest.mark.parametrize("step", [0, 2, 3, 5])
def test_a_step_of_a_fork_is_trained_again_to_the_bit(step, tmp_path, monkeypatch):
    monkeypatch.setattr(splits, "load_run_data", tiny_data)
    fork = fork_of(tiny(**NOISY), 3, {"learning_rate": 0.02}, vo_factor=2.0)
    training = train(fork, tiny_data(fork))
    while training.step < step:
        next(training)
    *_, done = replay(fork, step, tmp_path / "none", tmp_path / "there.safetensors")
    found = load_checkpoint(tmp_path / "there.safetensors").tensors
    expected = training.weights().tensors
    assert done == step and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"dim": 16}, "dim", "16 does not work, a fork keeps it; leave it at 8"),
        ({"kind": "timesformer", "dataset": "moving-digits", "validation_size": None}, "kind", "leave it at vit"),
        ({"scheme": "xavier"}, "scheme", "leave it at linear-default"),
        ({"optimiser": "sgd"}, "optimiser", "leave it at adamw"),
        ({"seed": 4}, "seed", "leave it at 0"),
        ({"steps": 3}, "steps", "3 leaves nothing to train after step 3"),
    ],
)
def test_what_a_fork_cannot_change_is_said(settings, field, words):
    with pytest.raises(ConfigError, match=words) as caught:
        fork_of(tiny(steps=7), 3, settings)
    assert caught.value.field == field


def test_a_step_that_the_parent_does_not_train_is_refused():
    parent = tiny(steps=7)
    with pytest.raises(ConfigError, match="step 8 is none that the parent trains; choose 0 to 7"):
        fork_of(parent, 8, {"steps": 20})
    with pytest.raises(ConfigError, match="step 2 is none that the parent trains; choose 3 to 7"):
        fork_of(fork_of(parent, 3), 2)
    generation = parent
    with pytest.raises(ConfigError, match=f"{MOST_GENERATIONS + 1} generations are too many"):
        for _ in range(MOST_GENERATIONS + 1):
            generation = fork_of(generation, 3)


def test_a_fork_survives_its_way_through_json():
    fork = fork_of(tiny(), 3, {"learning_rate": 0.1}, qk_factor=2.0)
    assert parse(fork.model_dump_json()) == fork and isinstance(fork.fork, ForkConfig)


def test_numbers_at_the_step_of_a_fork_are_of_who_made_it():
    parent = tiny(steps=64)
    fork = fork_of(parent, 6, {"steps": 48, "learning_rate": 0.5})  # probed at 6 by its own length, not by its parent's
    told = {(event.kind, event.step): event for event in run_to_the_end(fork)[1]}
    alone = {(event.kind, event.step): event for event in run_to_the_end(parent)[1]}
    assert told["step", 6].learning_rate == alone["step", 6].learning_rate < 0.01 < told["step", 7].learning_rate
    measures = {measure for measure, _, _ in told["probed", 6].rows}
    assert "weight_std" in measures and not measures & {"gradient_norm", "update_ratio"}, "nobody looked at that step"


def test_the_best_model_is_forgotten_where_validation_becomes_another():
    parent = tiny(steps=7)
    [*_, ended] = run_to_the_end(fork_of(parent, 6, {"pixel_noise": 1.0}))[1]
    assert ended.best_step in (6, 7)
    assert run_to_the_end(fork_of(parent, 6, {"label_noise": 0.5}))[0].checkpoint().counters["best"]["step"] <= 7


def test_the_start_of_a_fork_is_its_first_parents():
    parent = tiny(scheme="lsuv", steps=7)
    noisy = fork_of(parent, 3, {"pixel_noise": 1.0})
    ours, theirs = drawn(noisy), drawn(parent)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    scaled = model_at_start(fork_of(parent, 0, mlp_factor=2.0))
    for one, other in zip(theirs.matrices(), scaled.matrices(), strict=True):
        assert torch.equal(one.weight * (2.0 if one.group == "mlp" else 1.0), other.weight)


def test_another_seed_of_a_fork_is_that_of_its_parents():
    fork = fork_of(fork_of(tiny(), 2), 4, {"learning_rate": 0.02})
    other = configure(fork, seed=5)
    assert (
        [one.seed for one in lineage(other)] == [5, 5, 5] and other.fork.run == "" and other.seedless == fork.seedless
    )
    assert configure(fork, seed=0) == fork
