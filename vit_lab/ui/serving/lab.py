"""The store and the workers that all sessions of this server share."""

import atexit
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from vit_lab import paths
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.choice import check
from vit_lab.runs.manager import RunManager
from vit_lab.runs.records import RunRecord
from vit_lab.runs.replays import Replays
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError
from vit_lab.ui.serving import beside
from vit_lab.ui.serving.lately import Lately
from vit_lab.ui.serving.once import Once
from vit_lab.ui.serving.visitor import visitor

LOST = (
    "The database is not where it was: somebody has removed it, or put another in its place. What is at work goes on; "
    "when the lab is ended, all that it has is saved to a new file there. End the lab soon."
)
NOTICE_SECONDS = 2.0  # within which some page finds out that a process has died


def _open() -> Store:
    try:
        return Store(paths.database())
    except OSError as error:  # of a home that is no folder
        raise StoreError(str(error)) from error


def _close(store: Store) -> None:
    """What a lost database holds is written to a file beside where it was: its results exist nowhere else."""
    try:
        if store.is_lost:
            print(f"The database was removed while in use; all that it held is in {store.rescue()}", flush=True)
    finally:
        store.close()


_store = Once(_open, _close)
_manager = Once(lambda: RunManager(_store()), RunManager.shutdown)
replays = Once(lambda: Replays(_store()), Replays.end)


def end() -> None:
    """Checkpoint what trains, end the workers, and close the store. Whoever asks for it again, gets another."""
    try:
        for one in (replays, beside.quick, beside.patient):
            one.end()
        _manager.end()  # before the store that it writes to
    finally:
        _store.end()


atexit.register(end)  # of a process that is no server: a notebook, a test


_notice_the_dead = Lately(lambda: _store().interrupt_runs_of_dead_processes(), NOTICE_SECONDS)


def start_from_dashboard() -> None:
    """Make sure that dashboard.py frames this page, also when its link is the first thing a new server is asked for.

    Until `st.navigation` has been called once, Streamlit takes the folder pages/ for a dashboard of its older kind
    and runs a linked page alone. Calling it, and starting over, ends that for the life of the server.
    """
    if "framed" not in st.session_state:
        root = paths.top()
        st.navigation([root / "dashboard.py", *sorted((root / "pages").glob("*.py"))], position="hidden")
        st.rerun()


def store_as_it_is() -> Store:
    """The store, for what answers outside of a page, too. Raises StoreError if it cannot be opened."""
    _notice_the_dead()
    return _store()


def open_store() -> Store:
    """The store; if it cannot be opened, or nothing could train its runs, the page says why and ends here."""
    start_from_dashboard()
    try:
        check()
        return store_as_it_is()
    except (ConfigError, StoreError) as error:
        what = "The runs cannot be read" if isinstance(error, StoreError) else "Nothing can be trained here"
        st.error(str(error), title=what)
        st.stop()


@contextmanager
def problems_told() -> Iterator[None]:
    """What the store cannot do, or a limit forbids, is said on the page, in its one sentence."""
    try:
        yield
    except (StoreError, ConfigError) as error:
        st.error(str(error))


def tell_loss() -> None:
    """Say so if the database is not where it was, above whatever page is shown."""
    if any(store.is_lost for store in _store.made):
        st.warning(LOST)


def hold_up(active: Iterable[RunRecord]) -> str | None:
    """What holds up the training of runs that are at work, if some of them are this server's and something does."""
    mine = (run.process == _store().presence.name for run in active)
    return _manager().problem if any(mine) else None


def tell_hold_up(active: Iterable[RunRecord]) -> None:
    """Say so."""
    if problem := hold_up(active):
        st.warning(f"Training is held up: {problem}")


def open_manager() -> RunManager:
    """The runs and workers of this server, as this person may handle them."""
    open_store()
    return _manager().as_visitor(visitor())


def _prepare() -> None:
    def load() -> None:
        from vit_lab.ui.figures import charts, rows  # noqa: F401 - each takes a while

        charts.LOSS(), charts.ACCURACY()

    _manager().prepare(2)
    threading.Thread(target=load, daemon=True).start()


warm_up = Once(_prepare)  # workers for a pair, and the charts, in the background: the first click need not wait
