"""What page tests share: a way to open a page, a store with runs of every kind, and workers that only take notes."""

import functools
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from every_kind import EveryKind
from places import DASHBOARD, TRAIN
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from vit_lab.data import bundled
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import NewRun
from vit_lab.ui.classroom import board
from vit_lab.ui.experiments import cost, launch  # noqa: F401 - imported before a test patches what it imports
from vit_lab.ui.figures import picture
from vit_lab.ui.inside import news
from vit_lab.ui.serving import lab
from vit_lab.ui.train import preflight

end = lab.end  # kept, because a test may put something else in the manager's place
manager = lab._manager
# What takes longer than all the rest of a page: unpacking the digits, a look before the first step, timing a step
first_read_once = functools.cache(bundled.load_first)
digits_read_once = functools.cache(picture.load_bundled_digits)
looked_at_once = functools.cache(preflight._preflight.__wrapped__)
timed_once = functools.cache(cost._measured.__wrapped__)
# And longer than the page itself: reading what every installed package says of itself, in search of components
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def fresh_server(home, monkeypatch) -> Iterator[None]:
    """No store, worker or cached row outlives a test, nor the page as the program's main module."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # or processes of later tests would run it
    monkeypatch.setattr(picture, "load_bundled_digits", digits_read_once)
    monkeypatch.setattr(picture, "load_first", first_read_once)
    monkeypatch.setattr(bundled, "load_bundled_digits", digits_read_once)
    monkeypatch.setattr(preflight, "_preflight", looked_at_once)
    monkeypatch.setattr(cost, "_measured", timed_once)
    st.cache_data.clear()
    st.cache_resource.clear()
    for lately in (lab._notice_the_dead, news._lately, board._read, cost.seconds_per_run):
        lately.clear()
    yield
    lab._manager = manager
    end()
    lab.warm_up.end()
    st.cache_resource.clear()
    st.cache_data.clear()
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("vit-lab-worker")]
    for thread in workers:
        thread.join(10)  # a thread cannot be killed as a worker's process is, and may be in the middle of an evaluation
    left = [thread.name for thread in workers if thread.is_alive()]
    assert not left, f"workers outlived the test: {left}"


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page as a browser does that follows a link with these query parameters."""

    def open_it(page: str = TRAIN, **query: str) -> AppTest:
        at = AppTest.from_file(str(DASHBOARD), default_timeout=60)
        if page != TRAIN:
            at.switch_page(page)
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    return open_it


class NoteTaker:
    """Stands in for the workers: writes down what they are asked for, and trains nothing."""

    def __init__(self) -> None:
        self.submitted: list[list[NewRun]] = []
        self.asked: list[tuple[str, str]] = []
        self.problem, self.workers = "", 3

    def as_visitor(self, visitor: str) -> "NoteTaker":
        return self

    def prepare(self, runs: int) -> None:
        pass

    def submit(self, runs: list[NewRun], kind: str = "compare") -> list[str]:
        self.submitted.append(list(runs))
        return [f"run{i}" for i in range(len(runs))]

    def extend(self, experiment: str, planned: Callable[[Experiment], list[NewRun]]) -> list[str]:
        return self.submit(planned(Experiment.read(lab._store(), experiment)))

    def pause(self, run_id: str) -> None:
        self.asked.append(("pause", run_id))

    def resume(self, run_id: str) -> None:
        self.asked.append(("resume", run_id))

    def stop(self, run_id: str) -> None:
        self.asked.append(("stop", run_id))


@pytest.fixture
def workers(monkeypatch) -> NoteTaker:
    """Workers that only take notes."""
    notes = NoteTaker()
    monkeypatch.setattr(lab, "_manager", lambda: notes)
    return notes


@pytest.fixture
def every_kind(home) -> Iterator[EveryKind]:
    """A store with a run in every state, and names that a page must not trip over."""
    prepared = EveryKind()
    yield prepared
    prepared.store.close()
