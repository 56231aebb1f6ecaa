"""The trainer: an iterator of events that knows nothing of threads, screens or databases.

Pause: nobody calls `next`. Stop: drop it. Resume: start again from `checkpoint()`; on the CPU the resumed
run is equal, to the bit, to one never stopped, because measuring changes nothing and every random draw
follows from the seed and the step.

Model, data and what is measured stay on the run's device. A step does not wait for it: numbers come to the host
when there is something to say.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.data.splits import flipped, load_run_data, shifted
from vit_lab.events import (
    Diverged,
    Evaluated,
    Event,
    Finished,
    Histograms,
    Probed,
    Row,
    Started,
    StepMeasured,
    Stepped,
)
from vit_lab.lineage import is_judged_alike, maker_of
from vit_lab.models.loss import training_loss
from vit_lab.places import read_place
from vit_lab.probes.rows import signal_and_attention
from vit_lab.probes.weights import gradient_rows, histograms, layers, update_rows, weight_rows
from vit_lab.randomness import generator_for
from vit_lab.training.cadence import EVALUATIONS, PROBE_IMAGES, PROBES, STEP_EVENTS, is_due, is_power_of_two
from vit_lab.training.checkpoint import Checkpoint, CheckpointError, model_state
from vit_lab.training.device import moved
from vit_lab.training.evaluate import evaluate
from vit_lab.training.fork import Fork, scale
from vit_lab.training.optimiser_state import kept_tensors, kept_values, put_back
from vit_lab.training.optimisers import OPTIMISERS
from vit_lab.training.schedule import learning_rate
from vit_lab.training.start import drawn


@dataclass
class _Interval:
    """Losses and accuracies of the steps since the last StepMeasured, left on the device until it is due."""

    losses: list[Tensor] = field(default_factory=list)
    accuracies: list[Tensor] = field(default_factory=list)


@dataclass
class _Best:
    """The first model with the highest validation accuracy of the run."""

    step: int = 0
    accuracy: float = -1.0
    weights: dict[str, Tensor] = field(default_factory=dict)


def train(
    config: RunConfig, data: RunData, device: str | torch.device = "cpu", checkpoint: Checkpoint | None = None
) -> "Training | Fork":
    """Start or resume a run. Raises CheckpointError if the checkpoint is of another model.

    A fork reads its parent's data itself; raises ConfigError or DatasetError if that cannot be done.
    """
    fork = config.fork
    if fork is None or (checkpoint is not None and checkpoint.step >= fork.step):
        return Training(config, data, device, checkpoint)

    def own(state: Checkpoint) -> Training:
        training = Training(config, data, device, state)
        scale(training.model, fork)
        if not is_judged_alike(config, fork.parent):
            training.forget_best()
        return training

    parent = train(fork.parent, load_run_data(fork.parent), device, checkpoint)
    return Fork(parent, fork.step, own, config.optim.total_steps(len(data.train)))


class Training(Iterator[Event]):
    """A run under way. `next` trains until there is something to say; see `train`, which minds forks."""

    def __init__(self, config: RunConfig, data: RunData, device: str | torch.device, checkpoint: Checkpoint | None):
        self.config, self.device = config, torch.device(device)
        self.data = moved(data, self.device)
        self.total_steps = config.optim.total_steps(len(data.train))
        self.step = 0
        self.model = drawn(config, data).to(device)
        self._initial_weights = layers(self.model)
        self._optimisers = OPTIMISERS[config.optim.optimiser].build(self.model, config.optim)
        self._interval = _Interval()
        self._best = _Best()
        self._gradient_norm = torch.zeros((), device=device)
        self._step_rows: list[Row] = []  # what can only be seen during a step: its gradients and its update
        if checkpoint is not None:
            self._restore(checkpoint)
        self._batches = self._batches_from(self.step)
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def checkpoint(self) -> Checkpoint:
        """The exact state after the step of the latest event, as copies."""
        tensors = self._model_tensors() | kept_tensors(self.model, self._optimisers)
        if self._interval.losses:
            tensors["interval.losses"] = torch.stack(self._interval.losses)
            tensors["interval.accuracies"] = torch.stack(self._interval.accuracies)
        tensors |= {f"best.{name}": value for name, value in self._best.weights.items()}
        tensors["gradient_norm"] = self._gradient_norm
        counters = {
            "step": self.step,
            "step_rows": [(measure, place.fields, value) for measure, place, value in self._step_rows],
            "best": {"step": self._best.step, "accuracy": self._best.accuracy},
            "optimiser": kept_values(self.model, self._optimisers),
            "tensors": len(tensors),
        }
        return Checkpoint(_copies(tensors), counters)

    def weights(self) -> Checkpoint:
        """The model after the step of the latest event, as copies: enough to look at, not to go on from."""
        tensors = self._model_tensors()
        return Checkpoint(_copies(tensors), {"step": self.step, "tensors": len(tensors)})

    def forget_best(self) -> None:
        """Begin anew to look for the best model, as where validation has become another."""
        self._best = _Best()

    def advance(self) -> None:
        """Train one step and say nothing. Measuring changes nothing, so the weights are those of a run that speaks."""
        if self._step_event_due():
            self._interval = _Interval()
        self._train_one_step()

    def _run(self) -> Iterator[Event]:
        yield self._started()
        while True:
            for event in self._measurements():  # of the state after self.step updates; changes nothing
                yield event
                if isinstance(event, Diverged):
                    return
            if self.step == self.total_steps:
                break
            self.advance()
            yield Stepped(step=self.step)
        yield self._finished()

    def _train_one_step(self) -> None:
        optim, step = self.config.optim, self.step
        inputs, labels = (part.to(self.device) for part in next(self._batches))  # some are drawn, on the CPU, just now
        if self.config.data.flip:
            inputs = flipped(inputs, generator_for(self.config.seed, "flip", step))
        if self.config.data.shift:
            inputs = shifted(inputs, self.config.data, generator_for(self.config.seed, "shift", step))
        logits = self.model(inputs, generator_for(self.config.seed, "dropout", step))
        loss = training_loss(logits, labels, optim)
        self.model.zero_grad()
        loss.backward()
        self.step += 1
        if probing := self._probe_due():
            self._step_rows, before = gradient_rows(self.model), layers(self.model)
        if optim.clip_norm is not None or self._step_event_due():
            self._gradient_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.clip_norm or math.inf)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(optim, step, len(self.data.train))
            optimiser.step()
        if probing:
            self._step_rows += update_rows(before, layers(self.model))
        self._interval.losses.append(loss.detach())
        self._interval.accuracies.append((logits.detach().argmax(dim=-1) == labels).float().mean())

    def _measurements(self) -> Iterator[Event]:
        step, total = self.step, self.total_steps
        if step > 0 and self._step_event_due():
            losses, accuracies = torch.stack(self._interval.losses), torch.stack(self._interval.accuracies)
            told = [losses.mean(), accuracies.mean(), self._gradient_norm, losses.isfinite().all()]
            loss, accuracy, gradient_norm, finite = torch.stack([value.float() for value in told]).tolist()
            if not (finite and math.isfinite(gradient_norm)):
                yield Diverged(step=self._first_bad_step())
                return
            made = maker_of(self.config, step)
            examples = len(self.data.train) if made is self.config else made.train_images
            rate = learning_rate(made.optim, step - 1, examples)
            yield StepMeasured(step=step, loss=loss, accuracy=accuracy, learning_rate=rate, gradient_norm=gradient_norm)
        if len(self.data.validation) and is_due(step, total, EVALUATIONS):
            loss, accuracy = evaluate(self.model, self.data.validation)
            if not math.isfinite(loss):
                yield Diverged(step=self._first_bad_step())
                return
            if accuracy > self._best.accuracy:
                best = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
                self._best = _Best(step, accuracy, best)
            yield Evaluated(step=step, split="validation", loss=loss, accuracy=accuracy)
        if self._probe_due():
            weights = layers(self.model)
            rows = weight_rows(weights, self._initial_weights)
            rows += signal_and_attention(self.model, self.data.probed(PROBE_IMAGES).inputs)
            seen = self._step_rows if is_power_of_two(step) or self._was_due(PROBES) else []
            yield Probed(step=step, rows=(*rows, *seen))
            yield Histograms(step=step, counts=histograms(weights))

    def _first_bad_step(self) -> int:
        """The first step since the last StepMeasured whose loss is not finite; the present one if all are."""
        losses = self._interval.losses
        finite = torch.stack(losses).isfinite().tolist() if losses else []
        return self.step - len(finite) + finite.index(False) + 1 if False in finite else self.step

    def _step_event_due(self) -> bool:
        return is_due(self.step, self.total_steps, STEP_EVENTS) and self._was_due(STEP_EVENTS)

    def _was_due(self, times: int) -> bool:
        """Whether who made the latest step looked at it: at the step of a fork that was its parent."""
        made = maker_of(self.config, self.step)
        return made is self.config or is_due(self.step, made.total_steps, times)

    def _probe_due(self) -> bool:
        return is_due(self.step, self.total_steps, PROBES) or is_power_of_two(self.step)

    def _batches_from(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        size, seed = self.config.optim.batch_size, self.config.seed
        epoch, skip = divmod(step, self.config.optim.steps_per_epoch(len(self.data.train)))
        while True:
            yield from self.data.train.batches(size, seed, epoch, skip)
            epoch, skip = epoch + 1, 0

    def _started(self) -> Started:
        return Started(
            step=0,
            total_steps=self.total_steps,
            parameters=sum(p.numel() for p in self.model.parameters()),
            train_images=len(self.data.train),
            validation_images=len(self.data.validation),
            test_images=len(self.data.test),
        )

    def _finished(self) -> Finished:
        loss, accuracy = evaluate(self.model, self.data.test)
        if not len(self.data.validation):  # then the best model is the last
            self._best = _Best(self.step)
        best_accuracy = accuracy
        if self._best.step != self.step:
            best_model = copy.deepcopy(self.model)
            best_model.load_state_dict(self._best.weights)
            best_accuracy = evaluate(best_model, self.data.test)[1]
        return Finished(
            step=self.step,
            test_loss=loss,
            test_accuracy=accuracy,
            best_step=self._best.step,
            best_val_accuracy=self._best.accuracy if len(self.data.validation) else None,
            best_test_accuracy=best_accuracy,
        )

    def _model_tensors(self) -> dict[str, Tensor]:
        return {f"model.{name}": value for name, value in self.model.state_dict().items()}

    def _restore(self, checkpoint: Checkpoint) -> None:
        tensors, counters = checkpoint.tensors, checkpoint.counters
        try:
            if len(tensors) != counters.get("tensors", len(tensors)):
                raise ValueError("it does not hold what was written")
            if not 0 <= checkpoint.step <= self.total_steps:
                raise ValueError("it is of a longer run")
            self.model.load_state_dict(model_state(checkpoint))
            put_back(self.model, self._optimisers, tensors, counters.get("optimiser", {}))
            best = {name: value.to(self.device) for name, value in _under("best.", tensors).items()}
            self._best = _Best(**counters["best"], weights=best)
            self.step = checkpoint.step
            for key in ("losses", "accuracies"):
                told = tensors.get(f"interval.{key}", torch.empty(0)).to(self.device)
                getattr(self._interval, key).extend(told.unbind())
            self._gradient_norm = tensors["gradient_norm"].to(self.device)
            rows = counters["step_rows"]
            self._step_rows = [(measure, read_place(place), value) for measure, place, value in rows]
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError("the checkpoint does not fit this run's model; start the run again") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
