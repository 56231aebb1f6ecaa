"""A run that is cut anywhere and resumed from its file says and ends with exactly what one never cut does."""

import itertools

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_data, tiny_sequences

from vit_lab.events import Diverged, Evaluated, Finished
from vit_lab.settings import configure
from vit_lab.training import trainer
from vit_lab.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from vit_lab.training.trainer import train

NOISY = {"dropout": 0.1, "attention_dropout": 0.1, "shift": 2, "flip": True, "label_noise": 0.3, "pixel_noise": 0.1}
RUNS = {
    "all at once": NOISY,
    "unclipped, by epochs": {"epochs": 2, "clip_norm": None, "schedule_unit": "epoch", "dropout": 0.1},
    "class token": {"pool": "cls", "position": "learned", "train_size": 48, "schedule": "constant"},
}


OTHER_MODELS = {
    "sequences": tiny_sequences(dropout=0.1, attention_dropout=0.1, label_smoothing=0.1, schedule="noam"),
    "few sequences, by epochs": tiny_sequences(train_size=40, epochs=3, dataset="reverse"),
    "clips": tiny_clips(dropout=0.1, attention_dropout=0.1, zero_temporal=False),
    "clips, joint": tiny_clips(space_time="joint", dataset="moving-digits", position="learned"),
}


@pytest.fixture(params=RUNS.values(), ids=RUNS.keys())
def config(request):
    return tiny(**{"steps": 7} | request.param, seed=7)


@pytest.fixture(params=[250, 2], ids=["measured at every step", "measured seldom"])
def cadence(request, monkeypatch):
    """How often a run speaks; in the second case events also fall between two measurements of the loss."""
    for times in ("STEP_EVENTS", "EVALUATIONS", "PROBES"):
        monkeypatch.setattr(trainer, times, request.param)


def upserted(events):
    """Events as the store keeps them: a later one replaces an earlier one of the same kind and step."""
    return {(event.kind, event.step): event.to_json() for event in events}


def assert_same_weights(one, other):
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def through_a_file(training, folder):
    save_checkpoint(training.checkpoint(), folder / "run.safetensors")
    return load_checkpoint(folder / "run.safetensors")


def cuts(events):
    """Where to cut a run: before all events, and after each of a middle step and of the last."""
    last = events[-1].step
    steps = {last // 2, last}
    return [0, *(number for number, event in enumerate(events, start=1) if event.step in steps)]


def test_a_cut_at_any_event_changes_nothing(config, cadence, tmp_path):
    data = tiny_data(config)
    whole = train(config, data)
    expected = list(whole)
    assert isinstance(expected[-1], Finished)
    for cut in cuts(expected):
        first = train(config, data)
        said = list(itertools.islice(first, cut))
        second = train(config, data, checkpoint=through_a_file(first, tmp_path))
        assert second.step == first.step
        said += list(second)
        assert upserted(said) == upserted(expected), f"cut after event {cut}"
        assert_same_weights(second, whole)


@pytest.mark.parametrize("config", OTHER_MODELS.values(), ids=OTHER_MODELS.keys())
def test_a_cut_changes_nothing_for_other_models(config, tmp_path):
    config = configure(config, seed=7)
    data = tiny_data(config)
    whole = train(config, data)
    expected = list(whole)
    for cut in (5, 16, len(expected) - 1):
        first = train(config, data)
        said = list(itertools.islice(first, cut))
        second = train(config, data, checkpoint=through_a_file(first, tmp_path))
        said += list(second)
        assert upserted(said) == upserted(expected), f"cut after event {cut}"
        assert_same_weights(second, whole)


def test_many_cuts_in_a_row_change_nothing(config, cadence, tmp_path):
    data = tiny_data(config)
    whole, said, checkpoint = train(config, data), [], None
    expected = list(whole)
    while not (said and isinstance(said[-1], Finished)):
        part = train(config, data, checkpoint=checkpoint)
        said += list(itertools.islice(part, 7))
        checkpoint = through_a_file(part, tmp_path)
    assert upserted(said) == upserted(expected)
    assert_same_weights(part, whole)


def test_taking_a_checkpoint_disturbs_nothing(config):
    data = tiny_data(config)
    whole, watched = train(config, data), train(config, data)
    expected = list(whole)
    assert [(event, watched.checkpoint())[0] for event in watched] == expected
    assert_same_weights(watched, whole)


def test_a_checkpoint_does_not_follow_the_run_it_was_taken_from(config):
    training = train(config, tiny_data(config))
    list(itertools.islice(training, 8))
    checkpoint = training.checkpoint()
    before = {name: value.clone() for name, value in checkpoint.tensors.items()}
    list(training)
    assert all(torch.equal(value, before[name]) for name, value in checkpoint.tensors.items())


def test_the_best_model_survives_a_cut(tmp_path):
    config = tiny(seed=7, learning_rate=0.05)
    training = train(config, tiny_data(config))
    accuracies = [event.accuracy for event in itertools.islice(training, 30) if isinstance(event, Evaluated)]
    saved = through_a_file(training, tmp_path)
    again = train(config, tiny_data(config), checkpoint=saved).checkpoint()
    best = {name for name in saved.tensors if name.startswith("best.")}
    assert {name.removeprefix("best.") for name in best} == set(training.model.state_dict())
    assert all(torch.equal(again.tensors[name], saved.tensors[name]) for name in best)
    assert again.counters["best"] == {"step": accuracies.index(max(accuracies)), "accuracy": max(accuracies)}


def test_a_checkpoint_can_be_used_twice():
    config = tiny()
    first = train(config, tiny_data(config))
    list(itertools.islice(first, 8))
    checkpoint = first.checkpoint()
    one, other = (list(train(config, tiny_data(config), checkpoint=checkpoint)) for _ in range(2))
    assert one == other


def test_a_diverged_run_stays_diverged(tmp_path):
    config = tiny()
    training = train(config, tiny_data(config))
    next(training)
    with torch.no_grad():
        training.model.head.bias.fill_(torch.nan)
    said = list(training)
    again = train(config, tiny_data(config), checkpoint=through_a_file(training, tmp_path))
    assert list(again)[-1] == said[-1] == Diverged(step=0)


@pytest.mark.parametrize(
    "other", [{"dim": 16}, {"depth": 3}, {"depth": 1}, {"patch_size": 7}, {"pool": "cls"}, {"qkv_bias": False}], ids=str
)
def test_a_checkpoint_of_another_model_is_refused_in_a_sentence(other):
    config = tiny()
    training = train(config, tiny_data(config))
    list(itertools.islice(training, 8))
    with pytest.raises(CheckpointError, match=r"^the checkpoint does not fit this run's model; start the run again$"):
        train(tiny(**other), tiny_data(config), checkpoint=training.checkpoint())


@pytest.mark.parametrize("lost", ["model.head.weight", "optimiser.head.weight.exp_avg", "gradient_norm"])
def test_a_checkpoint_that_lacks_something_is_refused(lost):
    config = tiny()
    training = train(config, tiny_data(config))
    list(itertools.islice(training, 8))
    whole = training.checkpoint()
    part = Checkpoint({name: value for name, value in whole.tensors.items() if name != lost}, whole.counters)
    with pytest.raises(CheckpointError, match="start the run again"):
        train(config, tiny_data(config), checkpoint=part)
