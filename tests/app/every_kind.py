"""A store with a run in every state, and names and tags that a page must show as plain text."""

import sqlite3

from tiny import tiny

from vit_lab import paths
from vit_lab.config import GROUPS
from vit_lab.events import Diverged, Evaluated, Event, Finished, Probed, Started, StepMeasured
from vit_lab.places import Place
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store

STEPS = 20
SCHEMES = ("linear-default", "xavier")
PAIRS = {
    "done": (Status.FINISHED, Status.DIVERGED),
    "still": (Status.FAILED, Status.PAUSED),
    "ended": (Status.STOPPED, Status.INTERRUPTED),
    "picking": (Status.WAITING,),
    "at-work": (Status.RUNNING, Status.QUEUED),
}
NAMES = {
    Status.FINISHED: "<script>alert(1)</script><img src=x onerror=alert(2)>",
    Status.DIVERGED: "Robert'); DROP TABLE runs; --",
    Status.FAILED: "🦊 Füchse \u202eand backwards\u202c",
    Status.PAUSED: "long " * 2_000,
    Status.STOPPED: "**[bold](javascript:alert(3))** $x^2$ :red[red] :material/home: `code`",
    Status.INTERRUPTED: "\t \n",
    Status.WAITING: "<marquee>",
    Status.RUNNING: "%s {name} \\ null",
    Status.QUEUED: "plain",
}
ERRORS = {
    Status.FAILED: "<b>no space</b> is left: **free** some",
    Status.DIVERGED: "the loss was not a number at step 12; try a smaller variance or learning rate",
}


class EveryKind:
    """Fills the store of the lab home. `ids` are the runs by state; close `store` and its process counts as dead."""

    def __init__(self) -> None:
        self.store = Store(paths.database())
        self.ids: dict[Status, str] = {}
        for experiment, states in PAIRS.items():
            runs = []
            for arm, (status, scheme) in enumerate(zip(states, SCHEMES, strict=False)):
                runs.append(NewRun(tiny(steps=STEPS, scheme=scheme), NAMES[status], experiment, arm))
            for status, run_id in zip(states, self.store.add(runs), strict=True):
                self.ids[status] = run_id
                self._live(run_id, status)
                self.store.tag(run_id, f"demo, {NAMES[status]}")

    @property
    def newest_first(self) -> list[Status]:
        """The states in the order of the table."""
        return [status for states in reversed(PAIRS.values()) for status in reversed(states)]

    def name(self, status: Status) -> str:
        """The name of the run in that state, as it was stored."""
        return self.store.run(self.ids[status]).name

    def make_unreadable(self, status: Status) -> None:
        """Give the run a config as another version of the lab might have stored it."""
        with sqlite3.connect(paths.database()) as connection:
            connection.execute("UPDATE runs SET config = ? WHERE id = ?", ('{"flux": 1}', self.ids[status]))
        connection.close()

    def _live(self, run_id: str, status: Status) -> None:
        if status == Status.QUEUED:
            return
        if status == Status.WAITING:
            self.store._set(run_id, status=status)
            return
        self.store._set(run_id, status=Status.RUNNING)
        events = _events(STEPS if status == Status.FINISHED else STEPS // 2)
        if status == Status.FINISHED:
            events.append(
                Finished(
                    step=STEPS,
                    test_loss=0.5,
                    test_accuracy=0.87,
                    best_step=STEPS,
                    best_val_accuracy=0.5,
                    best_test_accuracy=0.87,
                )
            )
        if status == Status.DIVERGED:
            events.append(Diverged(step=12))
        self.store.append(run_id, [(event.step / 10, event) for event in events], 2.0, 900.0)
        if status != Status.RUNNING:
            self.store.end(run_id, status, ERRORS.get(status))


def _events(steps: int) -> list[Event]:
    events: list[Event] = [
        Started(step=0, total_steps=STEPS, parameters=900, train_images=50, validation_images=1_000, test_images=2_000)
    ]
    for step in range(steps + 1):
        rows = tuple(
            (measure, Place(group=group), 0.1 + step / 100)
            for measure in ("weight_std", "weight_distance")
            for group in GROUPS
        )
        events.append(Probed(step=step, rows=rows))
        events.append(Evaluated(step=step, split="validation", loss=2.3 / (1 + step), accuracy=step / (1 + step)))
        if step:
            events.append(
                StepMeasured(step=step, loss=2.4 / step, accuracy=0.5, learning_rate=0.004, gradient_norm=float("inf"))
            )
    return events
