"""Links that ask for more than the machine has: what a page computes has a limit, and a server does not grow."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT
from peer import ANN, Peer

from vit_lab.config import RunConfig
from vit_lab.forkserver import client
from vit_lab.forkserver.calls import TooMuchError, compute
from vit_lab.presets import PRESETS, preset
from vit_lab.runs import limits
from vit_lab.runs.limits import GIB, check_size, look_bytes, look_images, most_step_bytes
from vit_lab.settings import ConfigError, configure
from vit_lab.training.cadence import PROBE_IMAGES

HERE = "children"
MIB = 2**20
LINKS = [
    "patch_size=1&dim=256&depth=12&heads=1&mlp_ratio=8&batch_size=4&arms=1",
    "patch_size=1&dim=512&depth=24&heads=32&arms=1",
    "patch_size=2&dim=256&depth=12&heads=256&mlp_ratio=8&arms=6",
]
linux = pytest.mark.skipif(not client.CAN_FORK, reason="Only Linux keeps a process to its memory.")


def hidden(pid: int, what: str = "VmRSS") -> float:
    """MiB of a process, as Linux tells."""
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def test_a_function_is_computed_elsewhere_and_what_it_raises_is_raised_here():
    for value in ("ö" * 100_000, configure(depth=3), float("nan")):
        found = compute(f"{HERE}:give_back", value, seconds=20, memory=GIB)
        assert found == value or value != value
    with pytest.raises(ConfigError, match="is broken") as refused:
        compute(f"{HERE}:refuse", seconds=20, memory=GIB)
    assert refused.value.field == "depth"


@linux
@pytest.mark.parametrize("function", ["take", "take_tensor"])
def test_it_may_take_so_much_memory_and_no_more(function):
    compute(f"{HERE}:{function}", 100, seconds=20, memory=200 * MIB)
    with pytest.raises(TooMuchError, match="takes more memory than there is"):
        compute(f"{HERE}:{function}", 300, seconds=20, memory=200 * MIB)


def test_it_may_take_so_much_time_and_no_more():
    began = time.monotonic()
    with pytest.raises(TooMuchError, match="takes more than 1 seconds"):
        compute(f"{HERE}:sleep", 60, seconds=1, memory=GIB)
    assert time.monotonic() - began < 30


@linux
@pytest.mark.timeout(300)
def test_no_link_makes_a_server_grow_or_wait(class_server):
    Peer(class_server, ANN).open()
    pid = class_server.pid
    before = hidden(pid)
    for link in LINKS:
        began = time.monotonic()
        page = Peer(class_server, ANN).open(link, seconds=120)
        assert "too large to look at" in page.text or "badge" in page.text
        assert time.monotonic() - began < 90
        page.close()
    assert hidden(pid, "VmHWM") - before < 200


@linux
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_five_hundred_pages_leave_the_server_as_large_as_fifty(server):
    pages = ["", "runs", "compare", "sweep", "claim", "weights"]
    sizes = []
    for number in range(500):
        page = Peer(server, ANN).open(f"depth={1 + number % 3}&seed={number}", page=pages[number % len(pages)])
        assert page.elements
        page.close()
        if number in (49, 499):
            sizes.append(hidden(server.pid))
    print(f"RSS in MiB after 50 and 500 pages: {sizes}")
    assert sizes[1] - sizes[0] < 100


@linux
@pytest.mark.long
def test_a_command_under_a_ceiling_of_memory_fails_its_run_in_a_sentence(home, worker_processes):
    ceiling = 5 * GIB  # of addresses, of which torch alone takes most

    def keep_to_it():
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))

    large = ["--patch-size=4", "--dim=256", "--mlp-ratio=8", "--batch-size=768", "--validation-size=0", "--steps=2"]
    command = [sys.executable, "-m", "vit_lab", "train", *large, "--json"]
    done = subprocess.run(command, cwd=ROOT, preexec_fn=keep_to_it, capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (1, "failed")
    assert told["error"].startswith("there is not enough memory for a step") and "Traceback" not in done.stderr


@linux
@pytest.mark.parametrize(
    "settings", [{}, {"patch_size": 2, "dim": 128, "heads": 8}, {"patch_size": 4, "depth": 12}], ids=str
)
def test_the_estimate_of_a_first_look_is_not_far_below_what_it_takes(settings):
    config = configure(RunConfig(), **settings)
    estimate = look_bytes(config, PROBE_IMAGES)
    compute(
        "vit_lab.training.first_look:first_look",
        config,
        PROBE_IMAGES,
        seconds=60,
        memory=int(1.5 * estimate) + 150 * MIB,
    )


def test_every_preset_is_looked_at_in_full_and_may_be_trained_on_a_small_machine(monkeypatch):
    monkeypatch.setattr(limits, "machine_memory", lambda: 8 * GIB)
    monkeypatch.setattr(limits, "usable_cores", lambda: 8)
    for name in PRESETS:
        config = preset(name)
        assert look_images(config, GIB / 4) >= 32
        check_size("somebody", [config])


def test_a_run_may_take_its_share_of_the_machine(monkeypatch):
    monkeypatch.setattr(limits, "usable_cores", lambda: 2)
    monkeypatch.setattr(limits, "machine_memory", lambda: 2 * GIB)
    assert most_step_bytes("") == most_step_bytes("somebody") == 0.8 * GIB
    large = configure(patch_size=2, dim=256, depth=12, batch_size=64)
    with pytest.raises(
        ConfigError, match=r"GiB of memory a step, about, is more than the 0.8 that one run may have here"
    ):
        check_size("", [large])
    monkeypatch.setattr(limits, "machine_memory", lambda: 0)
    check_size("", [large])
