"""The trainer: an iterator of events that knows nothing of threads, screens or databases.

Pause: nobody calls `next`. Stop: drop it. Resume: start again from `checkpoint()`; on the CPU the resumed
run is equal, to the bit, to one never stopped, because measuring changes nothing and every random draw
follows from the seed and the step.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vit_lab.config import RunConfig
from vit_lab.data.run_data import RunData
from vit_lab.data.splits import shifted
from vit_lab.events import Diverged, Evaluated, Event, Finished, Histograms, Probed, Started, StepMeasured, Stepped
from vit_lab.init import build_model
from vit_lab.models.loss import training_loss
from vit_lab.probes.rows import signal_and_attention
from vit_lab.probes.weights import Row, gradient_rows, histograms, layers, update_rows, weight_rows
from vit_lab.randomness import generator_for
from vit_lab.training.cadence import PROBE_IMAGES, is_due, is_power_of_two
from vit_lab.training.checkpoint import Checkpoint, CheckpointError, model_state
from vit_lab.training.evaluate import evaluate
from vit_lab.training.optim import adamw, learning_rate

STEP_EVENTS, EVALUATIONS, PROBES = 250, 12, 16  # how many of each, about, in a run


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


def train(config: RunConfig, data: RunData, device: str = "cpu", checkpoint: Checkpoint | None = None) -> "Training":
    """Start or resume a run. Raises CheckpointError if the checkpoint is of another model."""
    return Training(config, data, device, checkpoint)


class Training(Iterator[Event]):
    """A run under way. `next` trains until there is something to say; see `train`."""

    def __init__(self, config: RunConfig, data: RunData, device: str, checkpoint: Checkpoint | None):
        self.config, self.data, self.device = config, data, device
        self.total_steps = config.optim.total_steps(len(data.train))
        self.step = 0
        self.model = build_model(config).to(device)
        self._initial_weights = layers(self.model)
        self._optimiser = adamw(self.model, config.optim)
        self._interval = _Interval()
        self._best = _Best()
        self._gradient_norm = torch.zeros(())
        self._step_rows: list[Row] = []  # what can only be seen during a step: its gradients and its update
        if checkpoint is not None:
            self._restore(checkpoint)
        self._batches = self._batches_from(self.step)
        self._events = self._run()

    def __next__(self) -> Event:
        return next(self._events)

    def checkpoint(self) -> Checkpoint:
        """The exact state after the step of the latest event, as copies."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self._optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{name}.{key}"] = value
        if self._interval.losses:
            tensors["interval.losses"] = torch.stack(self._interval.losses)
            tensors["interval.accuracies"] = torch.stack(self._interval.accuracies)
        tensors |= {f"best.{name}": value for name, value in self._best.weights.items()}
        tensors["gradient_norm"] = self._gradient_norm
        copies = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
        best = {"step": self._best.step, "accuracy": self._best.accuracy}
        counters = {"step": self.step, "step_rows": self._step_rows, "best": best}
        return Checkpoint(copies, counters)

    def _run(self) -> Iterator[Event]:
        yield self._started()
        while True:
            for event in self._measurements():  # of the state after self.step updates; changes nothing
                yield event
                if isinstance(event, Diverged):
                    return
            if self.step == self.total_steps:
                break
            if self._step_event_due():
                self._interval = _Interval()
            self._train_one_step()
            yield Stepped(step=self.step)
        yield self._finished()

    def _train_one_step(self) -> None:
        optim, step = self.config.optim, self.step
        images, labels = next(self._batches)
        if self.config.data.shift:
            images = shifted(images, self.config.data, generator_for(self.config.seed, "shift", step))
        images, labels = images.to(self.device), labels.to(self.device)
        logits = self.model(images, generator_for(self.config.seed, "dropout", step))
        loss = training_loss(logits, labels, optim)
        self._optimiser.zero_grad()
        loss.backward()
        self.step += 1
        if probing := self._probe_due():
            self._step_rows, before = gradient_rows(self.model), layers(self.model)
        if optim.clip_norm is not None or self._step_event_due():
            self._gradient_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), optim.clip_norm or math.inf)
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(optim, step, len(self.data.train))
        self._optimiser.step()
        if probing:
            self._step_rows += update_rows(before, layers(self.model))
        self._interval.losses.append(loss.detach())
        self._interval.accuracies.append((logits.detach().argmax(dim=-1) == labels).float().mean())

    def _measurements(self) -> Iterator[Event]:
        step, total = self.step, self.total_steps
        if step > 0 and self._step_event_due():
            losses = torch.stack(self._interval.losses)
            if not bool(losses.isfinite().all() and self._gradient_norm.isfinite()):
                yield Diverged(step=self._first_bad_step())
                return
            yield StepMeasured(
                step=step,
                loss=float(losses.mean()),
                accuracy=float(torch.stack(self._interval.accuracies).mean()),
                learning_rate=learning_rate(self.config.optim, step - 1, len(self.data.train)),
                gradient_norm=float(self._gradient_norm),
            )
        if len(self.data.validation) and is_due(step, total, EVALUATIONS):
            loss, accuracy = evaluate(self.model, self.data.validation)
            if not math.isfinite(loss):
                yield Diverged(step=self._first_bad_step())
                return
            if accuracy > self._best.accuracy:
                weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
                self._best = _Best(step, accuracy, weights)
            yield Evaluated(step=step, split="validation", loss=loss, accuracy=accuracy)
        if self._probe_due():
            weights = layers(self.model)
            rows = weight_rows(weights, self._initial_weights)
            rows += signal_and_attention(self.model, self.data.probed(PROBE_IMAGES).inputs)
            yield Probed(step=step, rows=(*rows, *self._step_rows))
            yield Histograms(step=step, counts=histograms(weights))

    def _first_bad_step(self) -> int:
        """The first step since the last StepMeasured whose loss is not finite; the present one if all are."""
        finite = [bool(loss.isfinite()) for loss in self._interval.losses]
        return self.step - len(finite) + finite.index(False) + 1 if False in finite else self.step

    def _step_event_due(self) -> bool:
        return is_due(self.step, self.total_steps, STEP_EVENTS)

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

    def _restore(self, checkpoint: Checkpoint) -> None:
        tensors = checkpoint.tensors
        try:
            self.model.load_state_dict(model_state(checkpoint))
            self._best = _Best(**checkpoint.counters["best"], weights=_under("best.", tensors))
            self.step = checkpoint.step
            for name, parameter in self.model.named_parameters():
                keys = ("step", "exp_avg", "exp_avg_sq") if self.step else ()
                state = {key: tensors[f"optimiser.{name}.{key}"] for key in keys}
                self._optimiser.state[parameter] = {key: value.to(self.device).clone() for key, value in state.items()}
            for key in ("losses", "accuracies"):
                getattr(self._interval, key).extend(tensors.get(f"interval.{key}", torch.empty(0)).unbind())
            self._gradient_norm = tensors["gradient_norm"]
            self._step_rows = [(measure, place, value) for measure, place, value in checkpoint.counters["step_rows"]]
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError("the checkpoint does not fit this run's model; start the run again") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
