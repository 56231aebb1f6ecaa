"""Which machine of a cluster a run gets a place on."""

import pytest

from vit_lab.runs.executors.machines import RUNS_A_GPU, Machines

THERE = {"s": ("server", {}), "a": ("a", {"CPU": 2.0}), "g": ("g", {"CPU": 8.0, "GPU": 1.0})}


def machines(device="cpu", refused=()):
    found = Machines(device)
    found.update(THERE)
    for key, machine in found.of.items():
        machine.is_checked = True
        machine.refusal = "it is old" if key in refused else ""
    return found


@pytest.mark.parametrize(("device", "places"), [("cpu", 10), ("auto", 10), ("cuda", RUNS_A_GPU)])
def test_there_are_as_many_places_as_cores_or_as_shares_of_gpus(device, places):
    found = machines(device)
    assert found.count() == places
    taken = [found.take() for _ in range(places)]
    assert found.take() is None and all(taken)
    assert sum(place.on_gpu for place in taken) == (0 if device == "cpu" else RUNS_A_GPU)
    found.give_back(taken[0])
    assert found.take() == taken[0]


def test_the_machine_with_most_places_free_is_taken_first():
    found = machines()
    assert [found.take().name for _ in range(6)] == ["g"] * 6
    found.take(), found.take()
    free = {key: one.cores - one.runs for key, one in found.of.items()}
    assert max(free.values()) - min(free.values()) <= 1


def test_a_machine_counts_once_it_is_known_to_do():
    found = Machines("cpu")
    found.update(THERE)
    assert found.count() == 0 and found.take() is None and found.why_none == ""
    assert "s" not in found.of, "it has no cores to train with"
    found = machines(refused="g")
    assert found.count() == 2 and {found.take().name, found.take().name} == {"a"} and found.take() is None
    assert found.why_none == ""
    assert machines(refused="ag").why_none == "has no machine that can train: it is old"


def test_a_machine_that_comes_back_is_another():
    found = machines()
    place = found.take()
    found.update({key: THERE[key] for key in THERE if key != place.key})
    found.give_back(place)
    assert place.key not in found.of
    found.update(THERE)
    assert not found.of[place.key].is_checked


def test_why_there_is_no_place():
    found = machines("cuda")
    found.update({"a": THERE["a"]})
    assert found.why_none.startswith("has no machine with a GPU")
    found.update({"s": THERE["s"]})
    assert found.why_none.startswith("has no machine that trains; start one with: ray start")
