"""Servers that others attack."""

from collections.abc import Iterator

import pytest
from a_server import Dashboard


@pytest.fixture
def server(tmp_path) -> Iterator[Dashboard]:
    """A server for its own machine."""
    dashboard = Dashboard(tmp_path)
    dashboard.start()
    yield dashboard
    dashboard.stop()


@pytest.fixture
def class_server(tmp_path) -> Iterator[Dashboard]:
    """One on which everybody is a visitor."""
    dashboard = Dashboard(tmp_path, VIT_LAB_CLASS="1")
    dashboard.start()
    yield dashboard
    dashboard.stop()
