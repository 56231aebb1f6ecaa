"""Visitors take turns; within a visitor the first to come is first served; the arms of a seed stay together."""

from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny

from vit_lab.runs.plans import Plan
from vit_lab.runs.queue import Place, in_turn
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status


def single(store, owner, count):
    """Runs with nothing to be compared with."""
    return [store.add([NewRun(tiny(), owner, f"{owner}{i}")], owner=owner)[0] for i in range(count)]


def taken_from(store, count=99):
    """The owners of the runs that workers take, in order."""
    found = []
    while len(found) < count and (run := store.queue.take()):
        found.append(run)
    return found


def test_twenty_runs_of_one_visitor_do_not_keep_another_waiting(store):
    single(store, "ann", 20)
    single(store, "bob", 1)
    assert [run.owner for run in taken_from(store)][:4] == ["ann", "bob", "ann", "ann"]


def test_visitors_take_turns_and_keep_the_order_of_their_own_runs(store):
    ids = {owner: single(store, owner, 3) for owner in ("ann", "bob", "eve")}
    taken = taken_from(store)
    assert "".join(run.owner[0] for run in taken) == "abeabeabe"
    for owner, own in ids.items():
        assert [run.id for run in taken if run.owner == owner] == own


def test_who_comes_later_is_next_and_does_not_catch_up_on_turns_missed(store):
    single(store, "ann", 6)
    taken_from(store, 3)
    single(store, "bob", 4)
    assert "".join(run.owner[0] for run in taken_from(store)) == "bababab"


def test_the_arms_of_a_seed_train_side_by_side_whoever_else_waits(store):
    arms = [tiny(scheme=scheme) for scheme in ("linear-default", "xavier", "vit")]
    for owner in ("ann", "bob"):
        store.add(Plan(arms, [0, 1], [{"train_size": 40}, {"train_size": 50}]).runs(owner), owner=owner)
    taken = [(run.owner, run.config.seed, run.condition, run.arm) for run in taken_from(store)]
    turns = [(seed, condition) for seed in (0, 1) for condition in (0, 1)]
    assert taken == [(who, *turn, arm) for turn in turns for who in ("ann", "bob") for arm in range(3)]


def test_pilots_of_one_visitor_are_turns_of_their_own(store):
    plan = Plan([tiny(), tiny(scheme="xavier")], [0], fair_rate=True)
    store.add(plan.runs("p"), owner="ann")
    single(store, "bob", 2)
    assert [run.owner for run in taken_from(store)][:4] == ["ann", "bob", "ann", "bob"]


def test_one_person_alone_is_served_in_order_of_submission(store):
    ids = store.add(Plan([tiny(), tiny(scheme="xavier")], [0, 1]).runs("e")) + single(store, "", 3)
    assert [run.id for run in taken_from(store)] == ids


def test_the_places_that_are_told_are_the_order_in_which_runs_start(store):
    for owner, count in (("ann", 5), ("bob", 2), ("eve", 3)):
        store.add([NewRun(tiny(), "n", f"{owner} pair", arm) for arm in range(2)], owner=owner)
        single(store, owner, count)
    taken_from(store, 3)
    told = store.queue.places()
    assert [run.id for run in taken_from(store)] == sorted(told, key=told.get)
    assert sorted(told.values()) == list(range(len(told)))


def test_a_waiting_time_is_told_once_something_has_run(store):
    ids = single(store, "ann", 6)
    assert store.queue.seconds_until_start(0) is None
    store.queue.take()
    assert store.queue.seconds_until_start(0) is None, "it has not made a step yet"
    store._set(ids[0], step=25, total_steps=100, wall_seconds=10.0)
    assert store.queue.seconds_until_start(0) == 20 and store.queue.seconds_until_start(2) == 100
    store.queue.take()
    store._set(ids[1], step=50, total_steps=100, wall_seconds=20.0)
    assert store.queue.seconds_until_start(0) == store.queue.seconds_until_start(1) == 20, "two at a time"
    assert store.queue.seconds_until_start(2) == 60
    store.end(ids[0], Status.STOPPED)
    store.end(ids[1], Status.STOPPED)
    assert store.queue.seconds_until_start(0) is None, "nothing is at work"


@st.composite
def queues(draw):
    """A queue, and the turns that there have been."""
    owners, experiments, few, arms = st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 1), st.integers(0, 2)
    columns = (owners, experiments, few, arms, few)
    queued = [Place(str(n), n, *map(draw, columns), turn=0) for n in range(draw(st.integers(0, 12)))]
    turns = draw(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)))
    return queued, turns


@given(queues())
def test_everybody_gets_their_turn_in_whatever_queue(queue):
    queued, turns = queue
    order = list(in_turn(queued, None, turns))
    assert sorted(place.number for place in order) == [place.number for place in queued]
    for owner in "abc":
        own = [place.number for place in order if place.owner == owner]
        assert own == sorted(own)
    started: dict[str, int] = {}
    for before, place in zip([None, *order], order, strict=False):
        further = before and before.owner == place.owner and place.experiment == before.experiment
        if not further:
            started[place.owner] = started.get(place.owner, 0) + 1
