"""A run: same seed, same bits; it learns what can be learnt; and it says so when it diverges."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import tiny, tiny_data

from vit_lab.data.splits import TrainingSet, load_run_data
from vit_lab.events import Diverged, Evaluated, Finished, Probed, Started, StepMeasured
from vit_lab.init.build import build_model
from vit_lab.probes.rows import HEAD_MEASURES, SIGNAL_MEASURES
from vit_lab.probes.weights import layers
from vit_lab.training import trainer
from vit_lab.training.evaluate import evaluate
from vit_lab.training.schedule import learning_rate
from vit_lab.training.trainer import Training, train


def trained(config):
    """A run's events, and the Training that has said them."""
    training = train(config, load_run_data(config))
    return list(training), training


def of_kind(kind, events):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.1, "attention_dropout": 0.1},
        {"shift": 2, "flip": True, "label_noise": 0.3},
        {"pool": "cls", "epochs": 2},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_run_to_the_bit(settings):
    (one, first), (other, second) = trained(tiny(**settings)), trained(tiny(**settings))
    assert one == other
    mine, theirs = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_run_says_its_sizes_first_and_its_test_accuracy_last():
    events, training = trained(tiny())
    parameters = sum(p.numel() for p in training.model.parameters())
    assert events[0] == Started(
        step=0, total_steps=10, parameters=parameters, train_images=50, validation_images=100, test_images=2000
    )
    loss, accuracy = evaluate(training.model, training.data.test)
    assert (events[-1].step, events[-1].test_loss, events[-1].test_accuracy) == (10, loss, accuracy)
    assert len(of_kind(Finished, events)) == len(of_kind(Started, events)) == 1


def test_the_first_best_model_on_validation_is_tested_too(monkeypatch):
    shown = iter([0.1, 0.5, 0.9, 0.9, 0.3, 0.2, 0.8, 0.7, 0.1, 0.4, 0.6])  # validation accuracy at steps 0 to 10
    tested = []

    def judged(model, split):
        if split is training.data.test:
            tested.append({name: value.clone() for name, value in model.state_dict().items()})
            return 1.0, 0.25 * len(tested)
        return 1.0, next(shown)

    monkeypatch.setattr(trainer, "evaluate", judged)
    training = train(tiny(), tiny_data(tiny()))
    kept = {}
    for event in training:
        if event.step == 2 and not kept:
            kept = {name: value.clone() for name, value in training.model.state_dict().items()}
    assert (event.best_step, event.best_val_accuracy) == (2, 0.9)
    assert (event.test_accuracy, event.best_test_accuracy) == (0.25, 0.5)
    last, best = tested
    assert all(torch.equal(best[name], kept[name]) for name in kept)
    assert not torch.equal(last["head.weight"], best["head.weight"])


def test_without_validation_nothing_is_evaluated_and_the_last_model_is_the_best():
    events, training = trained(tiny(validation_size=0))
    assert events[0].validation_images == 0 and not of_kind(Evaluated, events)
    last = events[-1]
    assert (last.best_step, last.best_val_accuracy, last.best_test_accuracy) == (10, None, last.test_accuracy)
    assert all(math.isfinite(value) for probed in of_kind(Probed, events) for _, _, value in probed.rows)
    again = train(training.config, training.data)
    for event in again:
        if event.step == 6:
            break
    resumed = list(train(training.config, training.data, checkpoint=again.checkpoint()))
    assert resumed[-1] == last


def test_every_step_of_a_short_run_is_measured():
    events, _ = trained(tiny(steps=20))
    assert [event.step for event in of_kind(StepMeasured, events)] == list(range(1, 21))
    assert [event.step for event in of_kind(Evaluated, events)] == list(range(21))
    assert [event.step for event in of_kind(Probed, events)] == list(range(21))


def test_no_two_events_of_a_kind_share_a_step(monkeypatch):
    monkeypatch.setattr(trainer, "STEP_EVENTS", 25)
    events, _ = trained(tiny(steps=51))
    assert len({(event.kind, event.step) for event in events}) == len(events)
    assert [event.step for event in events] == sorted(event.step for event in events)
    assert len(of_kind(StepMeasured, events)) == 26


def test_epochs_set_the_number_of_steps():
    events, _ = trained(tiny(epochs=3))
    assert events[0].total_steps == events[-1].step == 3 * math.ceil(50 / 16)


def test_step_zero_shows_the_untouched_init():
    config = tiny()
    events, training = trained(config)
    loss, accuracy = evaluate(build_model(config), training.data.validation)
    assert of_kind(Evaluated, events)[0] == Evaluated(step=0, split="validation", loss=loss, accuracy=accuracy)
    distances = [value for measure, _, value in of_kind(Probed, events)[0].rows if measure == "weight_distance"]
    assert distances and not any(distances)


def test_the_first_loss_is_that_of_the_first_batch():
    config = tiny()
    events, training = trained(config)
    images, labels = next(training.data.train.batches(16, config.seed, 0))
    logits = build_model(config)(images)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    first = of_kind(StepMeasured, events)[0]
    assert first.loss == pytest.approx(loss.item())
    assert first.accuracy == pytest.approx((logits.argmax(dim=1) == labels).float().mean().item())


@pytest.mark.parametrize("clip_norm", [None, 1e-3, 1e3])
def test_the_gradient_norm_is_the_one_before_clipping(clip_norm):
    config = tiny(clip_norm=clip_norm)
    events, training = trained(config)
    model = build_model(config)
    images, labels = next(training.data.train.batches(16, config.seed, 0))
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    assert of_kind(StepMeasured, events)[0].gradient_norm == pytest.approx(norm, rel=1e-5)


def test_clipping_changes_the_run_only_where_it_bites():
    unclipped, wide, narrow = (trained(tiny(clip_norm=norm))[0] for norm in (None, 1e6, 1e-6))
    assert unclipped == wide != narrow


def test_the_learning_rate_told_is_the_one_of_the_schedule():
    config = tiny()
    told = [event.learning_rate for event in of_kind(StepMeasured, trained(config)[0])]
    assert told == [learning_rate(config.optim, step, 50) for step in range(10)]


@pytest.mark.parametrize("settings", [{"dropout": 0.3}, {"attention_dropout": 0.3}, {"shift": 3}], ids=str)
def test_every_step_draws_anew(settings):
    config = tiny(train_size=16, batch_size=16, learning_rate=1e-12, scheme="xavier", **settings)
    data = load_run_data(config)
    copies = TrainingSet(
        data.train.pool[:1].expand(16, -1, -1, -1), torch.arange(16), torch.zeros(16, dtype=torch.long)
    )
    losses = [event.loss for event in of_kind(StepMeasured, list(train(config, replace(data, train=copies))))]
    assert len({round(loss, 5) for loss in losses}) == 10  # one image, no progress: only the draw can differ


def test_mirroring_changes_a_run_unless_its_images_are_their_own_mirror_images():
    data = load_run_data(tiny())
    symmetric = TrainingSet((data.train.pool + data.train.pool.flip(-1)) / 2, data.train.index, data.train.labels)
    for training, alike in ((data.train, False), (symmetric, True)):
        plain, mirrored = (list(train(tiny(flip=flip), replace(data, train=training))) for flip in (False, True))
        assert (plain == mirrored) == alike


def test_measurements_that_are_further_apart_are_means_of_the_steps_between(monkeypatch):
    every = [event.loss for event in of_kind(StepMeasured, trained(tiny(steps=9))[0])]
    monkeypatch.setattr("vit_lab.training.trainer.STEP_EVENTS", 3)
    third = of_kind(StepMeasured, trained(tiny(steps=9))[0])
    assert [event.step for event in third] == [3, 6, 9]
    means = [sum(every[start : start + 3]) / 3 for start in (0, 3, 6)]
    assert [event.loss for event in third] == pytest.approx(means, rel=1e-5)


def test_measuring_seldom_or_often_trains_the_same_model(monkeypatch):
    often = trained(tiny(clip_norm=None))[1].model.state_dict()
    for times in ("STEP_EVENTS", "EVALUATIONS", "PROBES"):
        monkeypatch.setattr(f"vit_lab.training.trainer.{times}", 1)
    seldom = trained(tiny(clip_norm=None))[1].model.state_dict()
    assert all(torch.equal(often[name], seldom[name]) for name in often)


def test_a_few_images_are_learnt_by_heart():
    events, _ = trained(tiny(patch_size=7, dim=16, train_size=20, batch_size=20, steps=120, learning_rate=1e-2))
    steps = of_kind(StepMeasured, events)
    assert steps[0].loss > 1.8
    assert steps[-1].loss < 0.05 and steps[-1].accuracy == 1


def test_digits_are_learnt_well_above_chance():
    events, _ = trained(tiny(patch_size=7, dim=16, train_size=4000, batch_size=64, steps=150, learning_rate=1e-2))
    assert events[-1].test_accuracy > 0.6
    assert of_kind(Evaluated, events)[-1].loss < 0.6 * of_kind(Evaluated, events)[0].loss


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_absurd_variance_and_learning_rate_diverge_and_that_is_the_last_word(seed):
    absurd = {"scheme": "normal", "variance_scale": 1e6, "embed_scale": 1e6, "mlp_scale": 1e6, "head_scale": 1e6}
    events, _ = trained(tiny(**absurd, vo_scale=1e6, learning_rate=10.0, clip_norm=None, final_norm=False, seed=seed))
    assert isinstance(events[-1], Diverged)
    measured = of_kind(StepMeasured, events)
    assert all(math.isfinite(event.loss) for event in measured)
    assert len(measured) in (events[-1].step - 1, events[-1].step)  # the loss or the evaluation after it broke
    assert not of_kind(Finished, events)


def poisoned(config, value):
    """The data of a run whose first training image is broken, and the step that meets it."""
    data = load_run_data(config)
    pool = data.train.pool[data.train.index].clone()
    pool[0] = value
    data = replace(data, train=replace(data.train, pool=pool, index=torch.arange(len(pool))))
    batches = data.train.batches(config.optim.batch_size, config.seed, epoch=0)
    return data, next(step for step, (images, _) in enumerate(batches, 1) if not images.isfinite().all())


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("step_events", "evaluations"), [(250, 20), (250, 1), (3, 20), (3, 4), (1, 1)])
def test_divergence_names_the_first_step_whose_loss_is_not_a_number(value, seed, step_events, evaluations, monkeypatch):
    monkeypatch.setattr("vit_lab.training.trainer.STEP_EVENTS", step_events)
    monkeypatch.setattr("vit_lab.training.trainer.EVALUATIONS", evaluations)
    config = tiny(seed=seed, train_size=48, steps=9)
    data, step = poisoned(config, value)
    events = list(train(config, data))
    assert of_kind(Diverged, events) == [Diverged(step=step)] == events[-1:]
    assert not of_kind(Finished, events)


def test_weights_that_break_in_the_last_update_are_noticed():
    config = tiny(steps=3)
    training = train(config, load_run_data(config))
    measured = next(event for event in training if isinstance(event, StepMeasured) and event.step == 3)
    with torch.no_grad():
        training.model.head.weight.fill_(math.nan)
    assert math.isfinite(measured.loss) and list(training) == [Diverged(step=3)]


def test_a_gradient_that_is_not_finite_is_a_divergence_though_clipping_hides_it(monkeypatch):
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, most: torch.tensor(torch.inf))
    config = tiny(steps=4)
    assert list(train(config, tiny_data(config)))[-1] == Diverged(step=1)


def test_probes_do_not_touch_the_training(monkeypatch):
    config = tiny(steps=8, attention_dropout=0.1, shift=1)

    def final_weights():
        training = train(config, tiny_data(config))
        kinds = {event.kind for event in training}
        return training.model.state_dict(), kinds

    probed, kinds = final_weights()
    monkeypatch.setattr(Training, "_probe_due", lambda self: False)
    plain, fewer = final_weights()
    assert kinds - fewer == {"probed", "histograms"}
    assert all(torch.equal(value, plain[name]) for name, value in probed.items())


def test_every_probe_of_the_table_is_recorded():
    config = tiny(steps=4, depth=2)
    rows = [row for event in train(config, tiny_data(config)) if event.kind == "probed" for row in event.rows]
    of_layers = {"weight_std", "weight_norm", "weight_distance", "update_ratio", "gradient_norm"}
    assert {measure for measure, _, _ in rows} == of_layers.union(SIGNAL_MEASURES, HEAD_MEASURES)


def test_the_update_ratio_is_that_of_the_step_before():
    config = tiny(steps=2, warmup_steps=0)
    training = train(config, tiny_data(config))
    before = layers(training.model)
    probed = next(event for event in training if event.kind == "probed" and event.step == 1)
    moved = layers(training.model)
    ratios = {place: value for measure, place, value in probed.rows if measure == "update_ratio"}
    for name, weights in before.items():
        assert 10 ** ratios[name] == pytest.approx(float((moved[name] - weights).std() / weights.std()), rel=1e-4)
