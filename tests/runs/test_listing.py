"""What screens list of many runs: the newest, what is searched for, and what is somebody's own."""

import pytest
from tiny import tiny

from vit_lab.runs import listing
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.forks import fork
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status


def runs_of(experiment, count, **more):
    return [NewRun(tiny(seed=seed), f"{experiment} {seed}", experiment, **more) for seed in range(count)]


@pytest.fixture
def many(store):
    """Four experiments, the third of another person and the second of another kind."""
    store.add(runs_of("first", 2))
    store.add(runs_of("second", 3), "sweep")
    store.add(runs_of("third", 2), owner="me")
    store.add(runs_of("fourth", 2, status=Status.STOPPED))
    return store.listing


def names(found):
    return [run.name for run in found.runs]


def test_the_newest_runs_come_first_and_the_others_are_counted(many):
    found = many.runs(3)
    assert names(found) == ["fourth 1", "fourth 0", "third 1"] and found.count == 9


@pytest.mark.parametrize(
    ("words", "most", "expected", "count"),
    [
        ("second", 2, ["second 2", "second 1"], 3),
        ("STOPPED fourth", 9, ["fourth 1", "fourth 0"], 2),
        ('"seed":2', 9, ["second 2"], 1),
        ("second nothing", 9, [], 0),
        ("  ", 1, ["fourth 1"], 9),
        ("50%", 9, [], 0),
    ],
)
def test_every_word_of_a_search_stands_in_a_run(many, words, most, expected, count):
    found = many.runs(most, words)
    assert names(found) == expected and found.count == count


def test_a_search_minds_no_case_in_any_language(store):
    [run_id] = store.add(runs_of("e", 1))
    store.tag(run_id, "ÜBUNG")
    assert [run.id for run in store.listing.runs(9, "übung").runs] == [run_id]


def test_of_one_person_with_and_without_words(many):
    assert names(many.runs(9, owner="me")) == ["third 1", "third 0"] and many.runs(1, owner="me").count == 2
    assert names(many.runs(9, '"seed":0', owner="me")) == ["third 0"]


def test_experiments_are_listed_newest_first_with_their_runs(many):
    found, others = many.experiments()
    assert [record.id for record, _ in found] == ["fourth", "third", "second", "first"] and others == 0
    assert [[run.name for run in runs] for _, runs in found][-1] == ["first 0", "first 1"]


def test_whose_experiments_come_first_and_of_which_kind(many):
    assert [record.id for record, _ in many.experiments(first="me")[0]] == ["third", "fourth", "second", "first"]
    assert [record.id for record, _ in many.experiments("compare")[0]] == ["fourth", "third", "first"]
    assert [record.id for record, _ in many.experiments("compare", also="second")[0]][-2:] == ["second", "first"]


@pytest.mark.parametrize(
    ("room", "of", "listed", "others"),
    [
        (4, {}, ["fourth", "third"], 2),
        (1, {}, ["fourth"], 3),
        (4, {"also": "first"}, ["fourth", "third", "first"], 1),
        (4, {"also": "nowhere"}, ["fourth", "third"], 2),
        (5, {"least": 3}, ["second"], 0),
        (6, {}, ["fourth", "third", "first"], 1),  # the second has no room, and a later one has
        (4, {"first": "me"}, ["third", "fourth"], 2),  # half of the room for their own
    ],
)
def test_no_more_experiments_than_have_so_many_runs(many, monkeypatch, room, of, listed, others):
    monkeypatch.setattr(listing, "MOST_RUNS", room)
    monkeypatch.setattr(listing, "FEWEST", 1)
    found, left_out = many.experiments(**of)
    assert [record.id for record, _ in found] == listed and left_out == others


def test_a_few_experiments_are_listed_however_large_they_are(many, monkeypatch):
    monkeypatch.setattr(listing, "MOST_RUNS", 1)
    monkeypatch.setattr(listing, "FEWEST", 3)
    assert len(many.experiments()[0]) == 3


def test_forks_are_found_and_nothing_else(many, store):
    parent = tiny(steps=10)
    forked = fork("", parent, 4, {"learning_rate": 0.1})
    [run_id] = store.add([NewRun(forked, "a fork of {words}", "fifth")])
    assert [run.id for run in many.forks()] == [run_id]


def test_what_is_read_newest_is_what_all_of_them_are(many, store):
    assert Experiment.read_newest(store) == (Experiment.read_all(store), 0)


def test_at_work_are_those_that_are_queued_or_train(many):
    assert [run.name for run in many.at_work()][:2] == ["third 1", "third 0"] and len(many.at_work()) == 7
