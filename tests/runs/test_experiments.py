"""An experiment tells its runs apart once: what can be read, what is compared, what tries rates, what is at work."""

import pytest
from tiny import pair, record, tiny

from vit_lab import paths
from vit_lab.runs.designs import comparison
from vit_lab.runs.experiments import Experiment, Runs
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store


def run(arm=0, seed=0, condition=0, status=Status.FINISHED, **columns):
    settings = {field: columns.pop(field) for field in ("scheme", "train_size", "learning_rate") if field in columns}
    known = {"id": f"{arm}/{condition}/{seed}", "arm": arm, "condition": condition}
    return record(tiny(seed=seed, **settings), status, **known | columns)


def ids(runs):
    return [one.id for one in runs]


def lost(**columns):
    """A run that another version of the lab has left."""
    return run(id="lost", config_json="{}x", **columns)


@pytest.mark.parametrize("status", Status)
def test_what_runs_are_doing_is_known_of_all_of_them(status):
    runs = Runs((run(status=status), lost(status=status)))
    found = [runs.active, runs.resumable, runs.ended]
    assert [len(some) for some in found].count(2) == 1 and sum(len(some) for some in found) == 2


def test_what_cannot_be_read_stands_aside():
    experiment = Experiment.of([run(), lost(arm=5, status=Status.QUEUED), run(seed=1)])
    assert ids(experiment.runs) == ids(experiment.proper) == ["0/0/0", "0/0/1"]
    assert ids(experiment.unreadable) == ids(experiment.active) == ["lost"]
    assert list(experiment.arms) == [0] and len(experiment.stored) == 3
    readable = experiment.readable
    assert (readable.stored, readable.unreadable, readable.active) == (experiment.runs, (), ())
    assert readable.id == experiment.id and readable.readable is readable


def test_an_experiment_without_runs_has_nothing_of_anything():
    nothing = Experiment(id="gone")
    assert not any((nothing.runs, nothing.proper, nothing.arms, nothing.names, nothing.conditions, nothing.seeds))
    assert not nothing.differences and not nothing.cells and not nothing.is_fair and nothing.is_settled


def test_pilots_are_not_compared_and_make_an_experiment_fair():
    experiment = Experiment.of([run(seed=99, pilot=1, learning_rate=0.1, id="p"), run(seed=3), run(arm=1, seed=2)])
    assert (ids(experiment.pilots), ids(experiment.proper)) == (["p"], ["0/0/3", "1/0/2"])
    assert experiment.is_fair and experiment.seeds == (2, 3)
    assert not Experiment.of(experiment.proper).is_fair
    assert ids(experiment.pilots_by_cell[0, 0]) == ["p"] and (1, 0) not in experiment.pilots_by_cell


def test_cells_hold_their_runs_by_seed_and_stand_by_condition_and_arm():
    runs = [run(arm, seed, condition) for seed in (1, 0) for arm in (1, 0) for condition in (1, 0)]
    cells = Experiment.of(runs).cells
    assert list(cells) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert all([one.config.seed for one in own] == [0, 1] for own in cells.values())


def test_an_arm_is_known_by_its_first_run_whatever_its_place():
    experiment = Experiment.of([run(4, scheme="vit"), run(2, seed=7, scheme="xavier"), run(2, seed=1)])
    assert {arm: (config.init.scheme, config.seed) for arm, config in experiment.arms.items()} == {
        2: ("xavier", 7),
        4: ("vit", 0),
    }
    assert experiment.names == {2: "xavier", 4: "vit"}


def test_arms_are_called_by_their_init_and_by_what_else_differs():
    runs = [run(arm, learning_rate=rate) for arm, rate in enumerate((0.001, 0.002))]
    names = ["linear-default, learning rate 0.001", "linear-default, learning rate 0.002", "vit, learning rate 0.004"]
    assert Experiment.of([*runs, run(2, scheme="vit")]).names == dict(enumerate(names))
    assert Experiment.of([run(0), run(1)]).names == {0: "linear-default, arm 1", 1: "linear-default, arm 2"}


def test_arms_are_compared_in_the_condition_that_they_share():
    sizes = {0: 20, 1: 50}
    runs = [
        run(0, condition=1, train_size=50),
        *[run(1, condition=place, train_size=size, scheme="vit") for place, size in sizes.items()],
    ]
    experiment = Experiment.of([*runs, run(0, condition=0, train_size=20)])
    assert experiment.differences == {"scheme": ("linear-default", "vit")}
    assert experiment.conditions == {0: "20 images", 1: "50 images"}
    assert {condition: data.train_size for condition, data in experiment.data.items()} == sizes


def test_a_single_condition_needs_no_name():
    assert Experiment.of([run(), run(1, scheme="vit")]).conditions == {0: ""}


@pytest.mark.parametrize(
    ("pilot", "proper", "settled"),
    [
        (Status.FINISHED, Status.FINISHED, True),
        (Status.RUNNING, Status.WAITING, False),
        (Status.FINISHED, Status.WAITING, False),
        (Status.FAILED, Status.WAITING, True),
        (Status.FAILED, Status.QUEUED, False),
        (Status.FINISHED, Status.PAUSED, True),
    ],
)
def test_an_experiment_is_settled_when_nothing_will_happen_by_itself(pilot, proper, settled):
    assert Experiment.of([run(pilot=1, id="p", status=pilot), run(status=proper)]).is_settled == settled


def test_an_experiment_is_read_from_the_store_with_what_is_known_of_it(store):
    store.add(pair([tiny(), tiny(scheme="xavier")], "first"), "claim")
    store.add([NewRun(tiny(), "later", "second")])
    store.mark_extended("first")
    first = Experiment.read(store, "first")
    assert (first.id, first.kind, first.extended, list(first.arms)) == ("first", "claim", True, [0, 1])
    assert first.created_at == store.experiment("first").created_at
    assert Experiment.read_all(store) == [Experiment.read(store, "second"), first]
    assert Experiment.read(store, "third") == Experiment(id="third")


@pytest.mark.parametrize("read", [lambda store: [Experiment.read(store, "e")], Experiment.read_all])
def test_an_experiment_is_read_as_of_one_moment(store, monkeypatch, read):
    """It may be deleted, or begun, while it is read."""
    ids, other, runs = store.add(pair([tiny()], "e")), Store(paths.database()), store.runs

    def then_deleted(*asked, **named):
        found = runs(*asked, **named)
        other.request(ids[0], Status.STOPPED)
        other.delete(ids)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "runs", then_deleted)
        [experiment] = read(store)
    other.close()
    assert ids == [run.id for run in experiment.runs] and experiment.created_at
    assert not Experiment.read(store, "e").runs and not Experiment.read_all(store)


def conditions_of(arms, variations):
    new = comparison(tiny(), arms, 1, variations=variations).runs("e")
    return Experiment.of(
        record(one.config, id=str(place), arm=one.arm, condition=one.condition) for place, one in enumerate(new)
    )


def test_conditions_have_names_that_differ_and_tell_what_changes_in_every_arm():
    noisy = conditions_of(["xavier", "vit"], ["label_noise=0.401,0.4010000001"])
    assert noisy.conditions == {0: "40.1% noisy labels (1)", 1: "40.1% noisy labels (2)"}
    deep = conditions_of(["xavier", "deepnorm"], ["depth=1,2", "norm=post"])
    assert deep.conditions == {0: "depth 1", 1: "depth 2"}
    assert list(conditions_of(["xavier", "vit"], ["optimiser=adamw,sgd"]).varied) == ["optimiser", "learning_rate"]


def test_an_arm_is_not_called_by_what_the_conditions_vary():
    assert conditions_of(["xavier", "vit"], ["qk_scale=2,4"]).names == {0: "xavier", 1: "vit"}
    arms = conditions_of(["xavier,norm=post,qk_scale=3", "xavier"], ["depth=1,2"])
    assert arms.names == {0: "xavier (queries, keys × 3), norm post", 1: "xavier, norm pre"}
    assert arms.specs == {0: "xavier,qk_scale=3,norm=post", 1: "xavier,qk_scale=1,norm=pre"}
