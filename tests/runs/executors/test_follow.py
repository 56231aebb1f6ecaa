"""What a training says, batch by batch, and how it ends: with neither a store nor a file."""

import pytest
import torch
from tiny import tiny

from vit_lab.data.splits import load_run_data
from vit_lab.events import Diverged, Finished, StepMeasured, Stepped, from_json
from vit_lab.runs.executors import follow as follow_module
from vit_lab.runs.executors.follow import follow, train_here
from vit_lab.runs.executors.messages import Ended, Said
from vit_lab.runs.states import Status
from vit_lab.training import trainer
from vit_lab.training.cadence import probe_steps, thinned
from vit_lab.training.checkpoint import Checkpoint
from vit_lab.training.trainer import train

CONFIG = tiny(dropout=0.1, seed=2)
PAUSED = Ended(Status.PAUSED)
LARGE = {f"{group}_scale": 1e6 for group in ("embed", "vo", "mlp", "head")}
ABSURD = LARGE | {
    "scheme": "normal",
    "variance_scale": 1e6,
    "learning_rate": 10.0,
    "clip_norm": None,
    "final_norm": False,
}


@pytest.fixture
def every_event(monkeypatch):
    """Every event is a batch of its own, and after each step there is a checkpoint."""
    monkeypatch.setattr(follow_module, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(follow_module, "CHECKPOINT_SECONDS", 0.0)


def followed(checkpoint=None, wishes=lambda: None, config=CONFIG, **options):
    return list(follow(config, load_run_data(config), checkpoint, wishes, **options))


def said(messages):
    """The events that are kept, of all batches together."""
    batches = [message for message in messages if isinstance(message, Said)]
    return [event for batch in batches for _, event in batch.events if not isinstance(event, Stepped)]


def plain(events):
    return [(event.kind, event.to_json()) for event in events]


def whole():
    events = train(CONFIG, load_run_data(CONFIG), "cpu", None)
    return [event for event in events if not isinstance(event, Stepped)]


def wish_after(batches):
    """Wishes that come true after so many batches."""
    asked = iter([None] * (batches - 1))
    return lambda: next(asked, PAUSED)


def test_a_quick_run_is_its_first_step_one_batch_a_checkpoint_and_its_end(monkeypatch):
    monkeypatch.setattr(follow_module, "BATCH_SECONDS", 60.0)  # quick, also where the machine is slow
    first, batch, checkpoint, ended = followed()
    assert first.events[-1][1] == Stepped(step=1), "somebody waits for a sign of life"
    assert plain(said([first, batch])) == plain(whole())
    assert checkpoint.step == CONFIG.optim.steps and ended == Ended(Status.FINISHED)


def test_all_that_a_training_says_is_told_in_whatever_batches(every_event):
    messages = followed()
    assert plain(said(messages)) == plain(whole())
    assert messages[-1] == Ended(Status.FINISHED) and isinstance(messages[-2], Checkpoint)


def test_events_survive_being_carried_as_text():
    events = said(followed())
    assert plain(from_json(kind, text) for kind, text in plain(events)) == plain(events)


def test_a_wish_that_comes_with_the_end_of_a_training_comes_too_late(every_event):
    wished = wish_after(len([message for message in followed() if isinstance(message, Said)]))
    assert followed(wishes=wished)[-1] == Ended(Status.FINISHED)


def test_a_probe_between_two_measurements_leaves_the_counter_where_the_checkpoint_is(monkeypatch):
    monkeypatch.setattr(trainer, "STEP_EVENTS", 2)
    monkeypatch.setattr(follow_module, "BATCH_SECONDS", 60.0)
    data, up_to_a_probe = load_run_data(CONFIG), []

    class Cut(trainer.Training):
        def __next__(self):
            if up_to_a_probe and up_to_a_probe[-1].kind == "probed" and up_to_a_probe[-1].step == 4:
                raise StopIteration
            up_to_a_probe.append(super().__next__())
            return up_to_a_probe[-1]

    monkeypatch.setattr(follow_module, "train", Cut)
    _, batch, checkpoint, _ = follow(CONFIG, data, None, lambda: None)
    assert checkpoint.step == 4 == max(e.step for _, e in batch.events if isinstance(e, Stepped | StepMeasured))


def test_a_checkpoint_comes_after_all_events_up_to_its_step_and_before_any_further(every_event):
    told = 0
    for message in followed():
        if isinstance(message, Said) and message.events:
            told = message.events[-1][1].step
        elif isinstance(message, Checkpoint):
            assert message.step == told


def test_there_is_a_checkpoint_each_time_that_one_is_due_and_at_the_end(monkeypatch):
    monkeypatch.setattr(follow_module, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(follow_module, "CHECKPOINT_SECONDS", 60.0)
    assert [type(message) for message in followed()].count(Checkpoint) == 1
    monkeypatch.setattr(follow_module, "CHECKPOINT_SECONDS", 0.0)
    messages = followed()
    assert [type(message) for message in messages].count(Checkpoint) == [type(m) for m in messages].count(Said)


@pytest.mark.parametrize("batches", [1, 2, 8, 20])
def test_a_wish_ends_the_run_with_a_checkpoint_from_which_it_goes_on_as_if_nothing_had_been(every_event, batches):
    *first, checkpoint, ended = followed(wishes=wish_after(batches))
    assert ended == PAUSED and len([message for message in first if isinstance(message, Said)]) == batches
    rest = followed(checkpoint)
    events = {(event.kind, event.step): event.to_json() for event in said(first) + said(rest)}
    assert events == {(event.kind, event.step): event.to_json() for event in whole()}
    mine, theirs = (messages[-2].tensors for messages in (rest, followed()))
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_seconds_go_on_from_those_before_and_speed_is_told_after_two_steps(every_event):
    batches = [message for message in followed(before=100.0) if isinstance(message, Said)]
    seconds = [at for batch in batches for at, _ in batch.events]
    assert seconds == sorted(seconds) and 100 < seconds[0] < seconds[-1] < 160
    assert batches[0].images_per_second is None and batches[-1].images_per_second > 0
    assert all(at <= batch.seconds for batch in batches for at, _ in batch.events)


def test_a_diverged_run_says_at_which_step():
    messages = followed(config=tiny(**ABSURD))
    last, ended = said(messages)[-1], messages[-1]
    assert isinstance(last, Diverged) and ended.status == Status.DIVERGED
    assert ended.error.startswith(f"the loss or its gradient was not a number at step {last.step}; try a smaller")


def test_a_training_that_falls_silent_is_told_as_a_failure(monkeypatch):
    class Silent(list):
        def checkpoint(self):
            return Checkpoint({}, {"step": 1})

    step = StepMeasured(step=1, loss=1.0, accuracy=0.5, learning_rate=1e-3, gradient_norm=0.1)
    monkeypatch.setattr(follow_module, "train", lambda *_: Silent([step]))
    assert followed()[-1] == Ended(Status.FAILED, "the run ended without saying why")


def test_here_a_run_is_trained_with_one_intra_op_thread_on_the_data_of_its_config():
    torch.set_num_threads(2)
    try:
        messages = list(train_here(CONFIG, None, lambda: None))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)
    assert any(isinstance(event, Finished) for event in said(messages)) and plain(said(messages)) == plain(whole())


def snapshots_in(messages):
    return [snapshot for message in messages if isinstance(message, Said) for snapshot in message.snapshots]


def test_snapshots_are_as_many_as_are_wanted_and_come_with_the_events_up_to_their_step(every_event):
    assert not snapshots_in(followed())
    for wanted in (1, 4, 100):
        steps = []
        for message in followed(snapshots=wanted):
            for snapshot in message.snapshots if isinstance(message, Said) else ():
                assert snapshot.step == message.events[-1][1].step
                steps.append(snapshot.step)
        assert steps == thinned(probe_steps(10, trainer.PROBES), wanted) and len(steps) == min(wanted, 11)


def test_snapshots_disturb_nothing_and_hold_the_weights_alone():
    messages = followed(snapshots=100)
    last = snapshots_in(messages)[-1]
    checkpoint = [one for one in messages if isinstance(one, Checkpoint)][-1]
    assert plain(said(messages)) == plain(whole())
    assert last.step == checkpoint.step and {name.partition(".")[0] for name in last.tensors} == {"model"}
    assert all(torch.equal(value, checkpoint.tensors[name]) for name, value in last.tensors.items())
