"""What child processes of the tests do; it imports little, for each of them imports it again."""

import json
import os
import sys
import time
from pathlib import Path


def describe(*words):
    """Print what this process has been given, and leave with code 3 at the end of stdin."""
    given = {"words": words, "folder": str(Path.cwd()), "word": os.environ.get("A_WORD"), "parent": os.getppid()}
    open_files = sorted(int(file.name) for file in Path("/dev/fd").iterdir() if file.exists())
    print(json.dumps(given | {"path": sys.path, "open": open_files, "torch": "torch" in sys.modules}), flush=True)
    sys.stdin.read()
    sys.exit(3)


def held_ready():
    """Which sets this process has read already, and how many threads it has."""
    import threading

    from vit_lab.data import images

    return [name for name, *_ in images._loaded], threading.active_count(), len(list(Path("/proc/self/task").iterdir()))


def break_down():
    """As a defect does."""
    raise RuntimeError("it broke")


def refuse():
    """As the lab does."""
    from vit_lab.settings import ConfigError

    raise ConfigError("depth", "is broken")


def give_back(value):
    """What was given."""
    return value


def take(megabytes):
    """So much memory, by Python."""
    return len(bytearray(megabytes * 2**20))


def take_tensor(megabytes):
    """So much memory, by torch."""
    import torch

    return torch.ones(megabytes * 2**18).sum().item()


def sleep(seconds):
    """Wait."""
    time.sleep(seconds)


def count(config=None, step=10, checkpoint=None, into=None):
    """A replay that comes to no end by itself."""
    done = 0
    while True:
        time.sleep(0.01)
        done = min(done + 1, step - 1)
        yield done


def yield_then_break(numbers, error):
    """Some numbers, one after another, and then what breaks."""
    yield from numbers
    if error:
        raise ValueError(error)


def yield_memory(megabytes):
    """So much memory, by Python."""
    yield len(bytearray(megabytes * 2**20))


_asked = []


def how_often(step=1):
    """How often this process has been asked, this time included."""
    _asked.append(step)
    return len(_asked)


def keep(megabytes):
    """Take so much memory and never give it back; whether it is there."""
    _asked.append(bytearray(megabytes * 2**20))
    return True


def vanish():
    """End as if somebody had killed it."""
    os._exit(9)


def commit_guesses(home, round_id, first):
    """Students join a round and commit, one after another and without end; each is told when theirs is acknowledged."""
    from vit_lab import paths
    from vit_lab.runs import rounds
    from vit_lab.runs.classroom import Classroom
    from vit_lab.runs.manager import RunManager
    from vit_lab.runs.store import Store

    os.environ["VIT_LAB_HOME"], rounds.MOST_PLAYERS = str(home), 10_000
    manager, place = RunManager(Store(paths.database()), 1), first
    with (home / "acknowledged").open("a") as told:
        while True:
            one = Classroom(manager.as_visitor(f"v{place}"))
            one.join(round_id, f"S{place}")
            one.commit(round_id, place % 2, float(place % 50))
            print(json.dumps([f"v{place}", place % 2, float(place % 50)]), file=told, flush=True)
            place += 1
