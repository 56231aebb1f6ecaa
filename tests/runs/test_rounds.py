"""A round keeps every guess as it was committed, whoever asks, however often, and whatever dies."""

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from children import commit_guesses
from tiny import tiny, tiny_sequences
from waiting import wait_for

from vit_lab import paths
from vit_lab.analysis.comparison import compare, swapped, verdict
from vit_lab.analysis.guesses import (
    Line,
    closest,
    closest_words,
    comparisons,
    guess_rows,
    guesses_csv,
    lines,
    right_twin,
)
from vit_lab.analysis.scores import scores_of
from vit_lab.events import Finished
from vit_lab.runs.classroom import Board, Classroom, Seat, may_be_free
from vit_lab.runs.errors import StoreError
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.limits import HOST
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import more_seeds
from vit_lab.runs.ready_rounds import READY, Outcome, measured, ready_for
from vit_lab.runs.records import NewRun
from vit_lab.runs.rounds import CODE_LENGTH, LETTERS, LONGEST_NICKNAME, MOST_PLAYERS, Guess, checked_nickname
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError

ARMS = [tiny(scheme=scheme, seed=7) for scheme in ("linear-default", "xavier")]
QUESTION = "Which twin is ahead?"
SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["vit_lab.runs.classroom"])


@pytest.fixture
def manager(store, monkeypatch):
    """A manager whose workers never start."""
    manager = RunManager(store, 1)
    monkeypatch.setattr(manager._pool, "call", lambda: None)
    return manager


@pytest.fixture
def someone(manager):
    """The rounds as a person may handle them; nobody named is the host."""
    return lambda name=HOST: Classroom(manager.as_visitor(name))


@pytest.fixture
def round_id(someone):
    return someone().open(QUESTION, ARMS)


def take_part(someone, round_id, *names, arm=1, points=3.0):
    for name in names:
        someone(name).join(round_id, name.title())
        someone(name).commit(round_id, arm, points)


def finish(store, seed, *accuracies):
    """The pair of a seed ends with these test accuracies."""
    runs = [run for run in store.runs() if run.config.seed == seed]
    for run, accuracy in zip(sorted(runs, key=lambda run: run.arm), accuracies, strict=True):
        done = Finished(
            step=10, test_loss=1.0, test_accuracy=accuracy, best_step=10, best_val_accuracy=0.5, best_test_accuracy=0.5
        )
        store.append(run.id, [(1.0, done)], 1.0, 1.0)
        store.end(run.id, Status.FINISHED)


def kept(store, round_id):
    """Every guess as the file has it, read by another program."""
    with closing(sqlite3.connect(paths.database(), timeout=10)) as db:
        rows = db.execute("SELECT visitor, arm, points, seed FROM guesses WHERE round = ?", (round_id,)).fetchall()
    return {row[0]: row[1:] for row in rows}


# A round from its opening to its end


def test_a_guess_brings_a_pair_of_its_own_seed_that_stands_still_until_its_student_starts_it(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob")
    runs = Experiment.read(store, round_id).runs
    assert [(run.arm, run.config.seed, run.owner) for run in runs] == [
        (0, 7, "ann"),
        (0, 8, "bob"),
        (1, 7, "ann"),
        (1, 8, "bob"),
    ]
    assert {run.status for run in runs} == {Status.PAUSED}
    someone("bob").train(round_id)
    someone("bob").train(round_id)
    states = {(run.owner, run.status) for run in store.runs()}
    assert states == {("ann", Status.PAUSED), ("bob", Status.QUEUED)} and len(store.runs()) == 4


def test_guesses_are_read_by_nobody_else_before_the_round_is_closed(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob")
    board = Board.read(store, round_id)
    assert board.guesses == () and set(board.seeds) == {"ann", "bob"}
    assert all(line.guess is None for line in lines(board, comparisons(board)))
    assert Seat.read(store, round_id, "ann").guess.signed == 3.0
    someone().close(round_id)
    assert [guess.visitor for guess in Board.read(store, round_id).guesses] == ["ann", "bob"]


def test_a_committed_guess_cannot_be_changed_by_its_student(someone, store, round_id):
    take_part(someone, round_id, "ann")
    before = kept(store, round_id)
    for arm, points in ((0, 3.0), (1, 4.0), (1, 3.0)):
        with pytest.raises(StoreError, match="committed already, and cannot be changed"):
            someone("ann").commit(round_id, arm, points)
    assert kept(store, round_id) == before == {"ann": (1, 3.0, 7)} and len(store.runs()) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE guesses SET points = 9",
        "UPDATE guesses SET arm = 0 WHERE visitor = 'ann'",
        "DELETE FROM guesses",
        "INSERT OR REPLACE INTO guesses SELECT round, visitor, seed, 0, settings_json, 0, 9, guessed_at FROM guesses",
        "INSERT INTO guesses SELECT round, visitor, seed + 1, 0, settings_json, 0, 9, guessed_at FROM guesses",
        "DELETE FROM players",
    ],
)
def test_the_tables_refuse_to_change_a_guess_whoever_asks(someone, store, round_id, statement):
    take_part(someone, round_id, "ann")
    with pytest.raises(StoreError), store.transaction() as db:
        db.execute(statement)
    assert kept(store, round_id) == {"ann": (1, 3.0, 7)}


def test_of_many_guesses_at_once_through_several_connections_one_counts(someone, store, round_id):
    someone("ann").join(round_id, "Ann")
    others = [Store(paths.database()) for _ in range(3)]
    written = []

    def commit(place):
        one = others[place % 3]
        try:
            return one.rounds.commit(round_id, "ann", place % 2, float(place), {}, 7)
        except StoreError:
            return None

    with ThreadPoolExecutor(8) as threads:
        written = [guess for guess in threads.map(commit, range(24)) if guess is not None]
    for one in others:
        one.close()
    assert len(written) == 1
    assert kept(store, round_id) == {"ann": (written[0].arm, written[0].points, 7)}


def test_students_who_commit_at_once_get_seeds_of_their_own(someone, store, round_id):
    names = [f"s{place}" for place in range(12)]
    for name in names:
        someone(name).join(round_id, name)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: someone(name).commit(round_id, 1, 2.0), names))
    assert sorted(seed for *_, seed in kept(store, round_id).values()) == list(range(7, 19))
    assert len(store.runs()) == 24


def test_all_of_a_round_is_there_after_the_store_is_opened_again(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob")
    someone().close(round_id)
    before = Board.read(store, round_id)
    again = Store(paths.database())
    after = Board.read(again, round_id)
    again.close()
    assert (after.round, after.players, after.guesses, after.seeds) == (
        before.round,
        before.players,
        before.guesses,
        before.seeds,
    )
    assert after.round.arms == tuple(ARMS)


# Who may what


@pytest.mark.parametrize("what", ["close", "reveal", "archive", "train_the_rest"])
def test_only_the_host_leads_a_round(someone, store, round_id, what):
    take_part(someone, round_id, "ann")
    with pytest.raises(StoreError, match="only the host may"):
        getattr(someone("ann"), what)(round_id)
    with pytest.raises(StoreError, match="only the host may"):
        someone("ann").open(QUESTION, ARMS)
    assert store.rounds.round(round_id).is_open and {run.status for run in store.runs()} == {Status.PAUSED}
    getattr(someone(), what)(round_id)


def test_nobody_can_guess_in_a_closed_round_or_before_joining_or_train_before_guessing(someone, round_id):
    with pytest.raises(StoreError, match="choose a nickname first"):
        someone("eve").commit(round_id, 1, 2.0)
    someone("ann").join(round_id, "Ann")
    with pytest.raises(StoreError, match="guess first"):
        someone("ann").train(round_id)
    someone().close(round_id)
    with pytest.raises(StoreError, match="takes no more guesses"):
        someone("ann").commit(round_id, 1, 2.0)
    with pytest.raises(StoreError, match="takes no more joins"):
        someone("bob").join(round_id, "Bob")
    with pytest.raises(StoreError, match="this round is not here"):
        someone("ann").commit("nowhere", 1, 2.0)


@pytest.mark.parametrize("points", [-0.1, 100.1, float("nan"), float("inf"), -float("inf")])
def test_a_guess_beyond_what_can_be_is_refused(someone, store, round_id, points):
    someone("ann").join(round_id, "Ann")
    with pytest.raises(StoreError, match="choose 0 to 100"):
        someone("ann").commit(round_id, 1, points)
    with pytest.raises(StoreError, match="choose A or B"):
        someone("ann").commit(round_id, 2, 1.0)
    assert kept(store, round_id) == {} and store.runs() == []


def test_a_student_starts_and_adds_nothing_but_their_own_pair(someone, manager, store, round_id):
    take_part(someone, round_id, "ann")
    ann = manager.as_visitor("ann")
    pair = store.runs_of("ann", round_id)
    for added in (
        lambda: ann.extend(round_id, lambda experiment: more_seeds(experiment, 1)),
        lambda: ann.submit([NewRun(tiny(seed=99), "n", round_id)]),
        lambda: ann.delete([run.id for run in pair]),
        lambda: manager.extend(round_id, lambda experiment: more_seeds(experiment, 1)),
    ):
        with pytest.raises(StoreError, match=r"of a round|is a round"):
            added()
    someone("bob").join(round_id, "Bob")
    someone("bob").commit(round_id, 0, 1.0)
    with pytest.raises(StoreError, match="somebody else's"):
        ann.resume(store.runs_of("bob", round_id)[0].id)
    assert len(store.runs()) == 4


def test_what_is_not_left_to_students_cannot_be_changed_and_what_is_makes_a_condition(someone, store, round_id):
    someone("ann").join(round_id, "Ann")
    with pytest.raises(ConfigError, match="depth: this is the same for all"):
        someone("ann").commit(round_id, 1, 2.0, {"depth": 1})
    someone("ann").commit(round_id, 1, 2.0, {"depth": 2})  # as it is anyway
    free = someone().open(QUESTION, ARMS, ["depth"])
    for name, depth in (("ann", 2), ("bob", 1), ("eve", 1)):
        someone(name).join(free, name)
        someone(name).commit(free, 1, 2.0, {"depth": depth})
    experiment = Experiment.read(store, free)
    assert experiment.conditions == {0: "depth 2", 1: "depth 1"}
    assert [(c.condition, c.planned) for c in comparisons(Board.read(store, free))] == [(0, 1), (1, 2)]
    someone("kim").join(free, "kim")
    with pytest.raises(ConfigError, match="depth"):
        someone("kim").commit(free, 1, 2.0, {"depth": 1000})
    assert store.rounds.guess(free, "kim") is None, "nothing of a refused guess is kept"
    with pytest.raises(ConfigError, match="steps: this cannot be left to students"):
        someone().open(QUESTION, ARMS, ["steps"])


def test_settings_that_go_together_are_checked_together(someone, store):
    free = someone().open(QUESTION, ARMS, ["heads", "dim"])
    for name in ("ann", "bob"):
        someone(name).join(free, name)
    with pytest.raises(ConfigError, match="heads"):
        someone("ann").commit(free, 1, 2.0, {"dim": ARMS[0].model.dim, "heads": 3})
    someone("ann").commit(free, 1, 2.0, {"dim": 12, "heads": 3})
    assert {(run.config.model.dim, run.config.model.heads) for run in store.runs()} == {(12, 3)}
    someone("bob").commit(free, 1, 2.0, {"dim": "12", "heads": 3.0})
    assert store.rounds.guess(free, "bob").condition == store.rounds.guess(free, "ann").condition == 1


def test_only_what_both_twins_have_and_have_alike_is_left_to_students(someone, store):
    unlike = [tiny(depth=1), tiny(depth=2)]
    words = [tiny_sequences(scheme=scheme) for scheme in ("xavier", "vit")]
    for arms, name in ((unlike, "depth"), (words, "patch_size")):
        assert name not in may_be_free(arms) and "batch_size" in may_be_free(arms)
        with pytest.raises(ConfigError, match=f"{name}: this cannot be left to students of this pair; choose among"):
            someone().open(QUESTION, arms, [name])
    assert store.rounds.all() == []


def test_a_round_compares_two_arms_that_differ_and_that_visitors_may_train(someone, store):
    for arms, said in (
        (ARMS[:1], "these are 1; choose two"),
        ([ARMS[0], ARMS[0]], "they must differ"),
        ([tiny(dim=512, heads=2), tiny(dim=512, heads=4)], "dim: 512 is more than the 256"),
        ([tiny(seed=2**31 - 10), tiny(seed=3, dim=16)], "leaves too few for a class"),
    ):
        with pytest.raises(ConfigError, match=said):
            someone().open(QUESTION, arms)
    for question in ("", " \n ", "x" * 301):
        with pytest.raises(StoreError, match="write 1 to 300"):
            someone().open(question, ARMS)
    assert store.rounds.all() == []


NAMES = [
    "Ada",
    "Zoë",
    "O'Neil",
    "Jean-Luc 2",
    "李雷",
    "मीना",
    "7of9",
    "J. R. Tolkien",
    "Ann B.",
    "A" * LONGEST_NICKNAME,
]
NO_NAMES = [
    "",
    "  ",
    "A" * 21,
    "<b>x</b>",
    "a\x00b",
    "a\u202eb",
    "$x$",
    "**x**",
    "[x](y)",
    "-x",
    "🦊",
    "a:b",
    "z" + 4 * "\u0301",
    "www.evil.com",
    "www．evil．com",
    "a.b",
    *"\u3164\u115f\u1160\uffa0",
    "Ann\u3164",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_are_taken(name):
    assert checked_nickname(f"  {name} ") == name


@pytest.mark.parametrize("name", [*NO_NAMES, "\ud800"])
def test_what_is_no_name_is_refused_in_a_sentence(name):
    with pytest.raises(StoreError, match=r"^nickname: "):
        checked_nickname(name)


def test_a_name_is_one_students_and_a_round_takes_so_many(someone, store, round_id):
    someone("ann").join(round_id, "Ann")
    with pytest.raises(StoreError, match="ANN is taken"):
        someone("bob").join(round_id, "ANN")
    with pytest.raises(StoreError, match="joined this round already"):
        someone("ann").join(round_id, "Other")
    for place in range(MOST_PLAYERS - 1):
        someone(f"v{place}").join(round_id, f"S{place}")
    with pytest.raises(StoreError, match=f"{MOST_PLAYERS} have joined this round, and that is the most"):
        someone("late").join(round_id, "Late")


def test_a_code_is_found_however_it_is_typed_until_its_round_is_archived(someone, store, round_id):
    code = store.rounds.round(round_id).code
    assert len(code) == CODE_LENGTH and set(code) <= set(LETTERS)
    assert store.rounds.by_code(f" {code.lower()} ").id == round_id
    for other in ("", "????", code + "A", "'; DROP TABLE rounds; --"):
        assert store.rounds.by_code(other) is None
    take_part(someone, round_id, "ann")
    someone().archive(round_id)
    assert store.rounds.by_code(code) is None and kept(store, round_id)
    assert store.rounds.all()[0].archived_at


@pytest.mark.parametrize("spoilt", ["", "{}", "nonsense", b"\xff"])
def test_a_spoilt_record_is_told_in_a_sentence(store, round_id, spoilt):
    with store.transaction() as db:
        db.execute("UPDATE rounds SET arms_json = ?, free_json = ?", (spoilt, spoilt))
    for field in ("arms", "free"):
        with pytest.raises(StoreError, match="the record of this round is damaged"):
            getattr(store.rounds.round(round_id), field)


# What came out


def test_while_guesses_are_taken_nothing_is_decided_however_many_pairs_are_in(someone, store, round_id):
    take_part(someone, round_id, *"abcdefg")
    for seed in range(7, 14):
        finish(store, seed, 0.5, 0.55 + 0.001 * seed)
    for read in (lambda: Experiment.read(store, round_id), lambda: Experiment.read_all(store)[0]):
        experiment = read()
        (found,) = compare(experiment, scores_of(experiment))
        assert experiment.is_open and found.test.n == found.planned == 7
        assert (found.state, found.winner, found.p_holm) == ("not yet", None, None)
        assert "one more comes with each guess until the round is closed" in verdict(found, "A", "B")
        assert swapped(found).state == "not yet"
    someone().close(round_id)
    for read in (lambda: Experiment.read(store, round_id), lambda: Experiment.read_all(store)[0]):
        (found,) = compare(read(), scores_of(read()))
        assert (found.state, found.winner) == ("decided", 1)


def test_the_board_says_what_compare_says_and_who_came_closest(someone, store, round_id):
    for name, arm, points in (("ann", 1, 10.0), ("bob", 1, 4.0), ("eve", 0, 5.0)):
        take_part(someone, round_id, name, arm=arm, points=points)
    finish(store, 7, 0.5, 0.55)
    finish(store, 8, 0.5, 0.53)
    someone().reveal(round_id)
    board = Board.read(store, round_id)
    (found,) = comparisons(board)
    assert (found.state, found.test.n, found.planned) == ("too few", 2, 3)
    told = lines(board, [found])
    assert [(line.name, line.guess, line.seed) for line in told] == [
        ("Ann", 10.0, 7),
        ("Bob", 4.0, 8),
        ("Eve", -5.0, 9),
    ]
    assert [line.own_pair and round(line.own_pair, 6) for line in told] == [5.0, 3.0, None]
    assert [line.name for line in closest(told)] == ["Bob"] and right_twin(told) == (2, 3)
    finish(store, 9, 0.5, 0.51)
    assert comparisons(Board.read(store, round_id))[0].state == "demo"
    assert "Bob" not in guesses_csv(told, names=False) and "Bob,8" in guesses_csv(told, names=True)


def test_removed_runs_leave_the_guesses_and_no_second_try(someone, store, round_id):
    take_part(someone, round_id, "ann")
    finish(store, 7, 0.5, 0.55)
    someone().remove_runs(store.runs())
    assert store.runs() == [] and kept(store, round_id)
    with pytest.raises(StoreError, match="a pair is not trained twice"):
        someone("ann").train(round_id)
    assert comparisons(Board.read(store, round_id)) == []


def test_the_host_trains_what_nobody_has_started(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob")
    someone().train_the_rest(round_id)
    assert {(run.owner, run.status) for run in store.runs()} == {("ann", Status.QUEUED), ("bob", Status.QUEUED)}


def test_a_run_that_cannot_go_on_keeps_none_of_the_others(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob")
    first = min(store.runs(), key=lambda run: run.number)
    store._set(first.id, wall_seconds=1e6)
    (why,) = someone().train_the_rest(round_id)
    assert first.name in why and "the longest that a run may" in why
    states = {run.id: run.status for run in store.runs()}
    assert states.pop(first.id) == Status.PAUSED and set(states.values()) == {Status.QUEUED}


def test_who_names_a_twin_by_no_points_has_named_it(someone, store, round_id):
    take_part(someone, round_id, "ann", "bob", points=0.0)
    take_part(someone, round_id, "eve", arm=0, points=0.0)
    for seed in (7, 8, 9):
        finish(store, seed, 0.5, 0.55)
    someone().close(round_id)
    board = Board.read(store, round_id)
    told = lines(board, comparisons(board))
    assert [line.guessed for line in told] == ["B +0.0", "B +0.0", "A +0.0"] and right_twin(told) == (2, 3)
    rows = guess_rows(told, comparisons(board))
    assert rows[rows["kind"] == "guess"]["arm"].tolist() == ["B", "B", "A"]
    assert [row.split(",")[2:4] for row in guesses_csv(told, names=False).splitlines()[1:]] == [
        ["B", "0.0"],
        ["B", "0.0"],
        ["A", "0.0"],
    ]


def test_of_several_who_came_closest_only_what_they_share_is_told():
    def line(guess, mean=5.0):
        return Line("v", "n", 0, 0, int(guess > 0), guess, None, mean)

    assert closest_words([line(3.0)]) == "The class came to B +5.0; the guess was B +3.0, 2.0 points off."
    assert closest_words([line(3.0)] * 2) == "The class came to B +5.0; their guess was B +3.0, 2.0 points off."
    assert closest_words([line(3.0), line(7.0)]) == "The class came to B +5.0; their guesses were 2.0 points off."
    apart = closest_words([line(3.0), line(7.0, mean=9.0)])
    assert apart == "Their guesses were 2.0 points off what the class came to under their settings."


# kill -9


def test_a_server_killed_in_the_middle_of_guesses_loses_none_that_was_acknowledged(home):
    store = Store(paths.database())
    manager = RunManager(store, 1)
    round_id = Classroom(manager).open(QUESTION, ARMS)
    manager.shutdown()
    store.close()
    before = {}
    for kill in range(3):
        server = SPAWN.Process(target=commit_guesses, args=(home, round_id, 1000 * kill), daemon=True)
        server.start()
        lines_before = len(acknowledged(home))
        wait_for(lambda seen=lines_before: len(acknowledged(home)) > seen + 3)
        time.sleep(0.05 * kill)
        os.kill(server.pid, signal.SIGKILL)
        server.join(30)
        assert server.exitcode == -signal.SIGKILL
        store = Store(paths.database())
        now = kept(store, round_id)
        for visitor, arm, points in acknowledged(home):
            assert now[visitor][:2] == (arm, points)
        assert before.items() <= now.items(), "a guess is gone or has changed"
        pairs = {run.owner for run in store.runs()}
        assert pairs == set(now) and len(store.runs()) == 2 * len(now), "a guess and its pair are kept together or not"
        assert sorted(seed for *_, seed in now.values()) == list(range(7, 7 + len(now)))
        store.close()
        before = now


def acknowledged(home):
    file = home / "acknowledged"
    return [json.loads(line) for line in file.read_text().splitlines() if line.endswith("]")] if file.exists() else []


# Ready rounds


@pytest.mark.parametrize("name", READY)
def test_a_ready_round_can_be_opened(someone, store, name):
    ready = READY[name]
    opened = store.rounds.round(someone().open(ready.question, ready.configs))
    assert opened.arms == ready.configs and ready_for(opened.arms) is ready


def test_of_a_ready_round_nothing_is_said_that_no_table_holds(tmp_path):
    assert measured(tmp_path / "none.csv") == {}
    file = tmp_path / "table.csv"
    file.write_text("round,pairs,mean,low,high\nvariance,10,3.5,1,6\nunknown,1,1,1,1\n")
    assert measured(file) == {"variance": Outcome(10, 3.5, 1.0, 6.0)}
    assert set(measured()) <= set(READY)


def test_a_guess_is_signed_by_its_arm():
    guess = Guess("r", "v", 0, 0, "{}", 0, 2.5, "")
    assert guess.signed == -2.5 and guess.settings == {}
