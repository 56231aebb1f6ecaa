"""What is refused, and how a command ends then: one sentence on stderr, an exit code, and with --json what is known."""

import json
import signal
import sys
import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console

from vit_lab.cli.early import INTERRUPTED, hear_ctrl_c
from vit_lab.data.errors import DatasetError
from vit_lab.runs.errors import StoreError
from vit_lab.runs.states import Status
from vit_lab.settings import ConfigError
from vit_lab.spelling import option_name

stderr = Console(stderr=True, soft_wrap=True)  # a line is a line, however long the path in it


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with this sentence and this exit code: 1 something failed, 2 a bad argument."""
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def refuse(settings: Container[str], *fields: str, instead: str) -> None:
    """End the command if one of these settings is among those given, since another option says it here."""
    for field in fields:
        if field in settings:
            fail(f"{option_name(field)}: it is not given this way here; use {instead}", code=2)


@contextmanager
def refusals(json_keys: Sequence[str] = ()) -> Iterator[None]:
    """Turn what the core refuses into one sentence on stderr and an exit code.

    With `json_keys`, what ends a training before there is a result is told on stdout, too.
    """
    with _terminated_as_interrupted():
        try:
            hear_ctrl_c()
            yield
        except ConfigError as error:
            fail(f"{option_name(error.field)}: {error.message}", code=2)
        except (DatasetError, StoreError, OSError) as error:
            _tell(json_keys, Status.FAILED, str(error))
        except KeyboardInterrupt:
            _tell(json_keys, Status.INTERRUPTED, INTERRUPTED)


def _tell(json_keys: Sequence[str], status: Status, error: str) -> NoReturn:
    if json_keys:
        lists: dict[str, Any] = {key: [] for key in ("run_ids", "arms", "pairs") if key in json_keys}
        print(json.dumps(dict.fromkeys(json_keys) | lists | {"status": status, "error": error}))
    fail(error)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
