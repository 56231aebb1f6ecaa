"""From a step of a run to a fork of it: the button, what it asks, and how its curves are drawn."""

import pytest
from places import RUNS, WEIGHTS
from tiny import pair, tiny, tiny_data

from vit_lab import paths
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.forks import ForkPlan
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.training.trainer import train
from vit_lab.ui.figures.rows import live_tables


@pytest.fixture
def store(home):
    with_pairs = Store(paths.database())
    yield with_pairs
    with_pairs.close()


@pytest.fixture
def pairs(store):
    """Two seeds of a pair that was really trained, for four steps."""
    for seed in (0, 1):
        configs = [tiny(scheme=scheme, steps=4, seed=seed) for scheme in ("linear-default", "xavier")]
        for run_id, config in zip(store.add(pair(configs, "real")), configs, strict=True):
            store.append(run_id, [(event.step / 10, event) for event in train(config, tiny_data(config))], 1.0, 100.0)
            store.end(run_id, Status.FINISHED)
    return Experiment.read(store, "real")


def test_the_button_asks_and_trains_the_unchanged_beside_the_changed_for_all_seeds(
    open_page, pairs, store, workers, monkeypatch
):
    monkeypatch.setattr(workers, "submit", lambda runs, kind="compare": store.add(runs, kind))
    at = open_page(WEIGHTS, experiment="real")
    at.select_slider(key="step").set_value("2").run()
    at.button(key="fork").click().run()
    assert not at.exception and at.button(key="fork_train").disabled, "nothing is changed yet"
    first = pairs.cells[0, 0][0].id
    at.number_input(key=f"fork_{first}_learning_rate").set_value(0.02)
    at.number_input(key=f"fork_{first}_qk_factor").set_value(2.0)
    at.button(key="fork").click().run()  # a dialog is drawn again with what opened it
    assert at.button(key="fork_train").label == "Train 4 runs"
    at.button(key="fork").click()
    at.button(key="fork_train").click().run()
    [new] = [one for one in Experiment.read_all(store) if one.id != "real"]
    assert [run.config.fork.run for run in new.cells[0, 0]] == [run.id for run in pairs.cells[0, 0]]
    assert [(run.config.fork.step, run.config.fork.factors) for run in new.cells[1, 0]] == [(2, {"qk": 2.0})] * 2
    assert {run.config.optim.learning_rate for run in new.cells[1, 0]} == {0.02}


def test_a_parent_that_is_deleted_says_what_becomes_of_its_forks(open_page, pairs, store):
    store.add(ForkPlan.of([pairs.runs[0]], 2, [{}]).runs("forked"))
    [fork] = store.runs(experiment="forked")
    store.end(fork.id, Status.STOPPED)
    from vit_lab.ui.experiments.fork import of_forks

    assert of_forks(pairs.runs, store) == " 1 fork of them will stay, with all that they have from there."
    assert of_forks([*pairs.runs, fork], store) == of_forks([fork], store) == "" and not open_page(RUNS).exception


def test_what_is_the_parents_is_drawn_as_such_and_the_lines_meet(pairs, store):
    [plan] = ForkPlan.of([pairs.runs[0]], 2, [{}]).runs("forked")
    [run_id] = store.add([plan])
    told = [(event.step / 10, event) for event in train(plan.config, tiny_data(plan.config))]
    store.append(run_id, told, 1.0, 100.0)
    tables = live_tables(store, "curves", store.runs([run_id]), {0: "a"}, 1.0)
    by_split = {}
    for row in tables["loss"].to_pylist():
        by_split.setdefault(row["split"], []).append(row["step"])
    assert by_split["validation, parent"] == [0, 1, 2] and by_split["validation"] == [2, 3, 4]
    assert by_split["training, parent"] == [1, 2] and by_split["training"] == [2, 3, 4]
    whole = live_tables(store, "curves", pairs.runs[:1], {0: "a"}, 1.0)["loss"].to_pylist()
    assert not any("parent" in row["split"] for row in whole)
