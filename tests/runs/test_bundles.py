"""A bundle takes whole experiments from one home to another, all or nothing, and is refused unless it is sound."""

import hashlib
import json
import multiprocessing
import os
import signal
import sqlite3
import struct
import tracemalloc
import zipfile
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import pair, tiny
from waiting import wait_for

from vit_lab import paths
from vit_lab.analysis.guesses import lines
from vit_lab.runs import bundles
from vit_lab.runs.bundles import MANIFEST, Arrived, read_bundle, write_bundle
from vit_lab.runs.classroom import Board, Classroom
from vit_lab.runs.errors import BundleError, StoreError
from vit_lab.runs.executors.threads import ThreadExecutor
from vit_lab.runs.limits import LEFT_FREE, MIB
from vit_lab.runs.manager import RunManager
from vit_lab.runs.migrations import NEWEST
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.runs.tables import ON_ARRIVAL, TABLES

SPAWN = multiprocessing.get_context("forkserver")
EVENTS, EXPERIMENTS = "SELECT * FROM events ORDER BY run, kind, step", "SELECT * FROM experiments"
CONFIGS = [tiny(scheme=scheme, steps=4) for scheme in ("linear-default", "xavier")]


@contextmanager
def lab_of(home):
    """The store and the manager of another home, closed at the end."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VIT_LAB_HOME", str(home))
        with closing(Store(paths.database())) as store:
            manager = RunManager(store, 1, ThreadExecutor())
            yield store, manager
            manager.shutdown()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A home in which an experiment of two runs has been trained, and its bundle."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with lab_of(folder) as (store, manager):
        ids = manager.submit(pair(CONFIGS, "taken"))
        manager.submit(pair(CONFIGS[:1], "left"))
        wait_for(lambda: all(run.has_ended for run in store.runs()), seconds=60)
        manager.describe(ids[0], "a pupil's 'run' 🧪", "week 3")
        assert write_bundle(store, ["taken"], folder / "taken.zip") == 2
    return folder


@pytest.fixture
def bundle(elsewhere):
    return elsewhere / "taken.zip"


def everything(home, experiment=None):
    """All rows and files of a home, or of one experiment; of runs without what is not for other machines."""
    with sqlite3.connect(home / "runs.sqlite3") as db:
        db.row_factory = sqlite3.Row
        runs = [dict(row) for row in db.execute("SELECT * FROM runs ORDER BY number")]
        wanted = [run for run in runs if experiment in (None, run["experiment"])]
        ids = [run["id"] for run in wanted]
        rows = {
            "runs": [{k: v for k, v in run.items() if k not in ("number", *ON_ARRIVAL["runs"])} for run in wanted],
            "events": [row for row in map(tuple, db.execute(EVENTS)) if row[0] in ids],
            "experiments": [row for row in map(tuple, db.execute(EXPERIMENTS)) if experiment in (None, row[0])],
        }
    db.close()
    files = [file for file in home.rglob("*.safetensors") if any(run in str(file) for run in ids)]
    return rows, {file.relative_to(home).as_posix(): file.read_bytes() for file in files}


def test_an_experiment_arrives_as_it_was(elsewhere, bundle, store, home):
    mine = store.add(pair(CONFIGS, "mine"))
    assert read_bundle(store, bundle) == Arrived(runs=2, known=0)
    rows, files = everything(home, "taken")
    assert (rows, files) == everything(elsewhere, "taken")
    assert len(rows["runs"]) == 2 and len(files) > 4
    assert {run.status for run in store.runs(experiment="taken")} == {Status.FINISHED}
    assert [run.id for run in store.runs()][2:] == mine[::-1], "what comes is newer than what was here"
    assert sorted(experiment.id for experiment in store.experiments()) == ["mine", "taken"]
    assert not (home / "imports").exists() or not list((home / "imports").iterdir())


def test_importing_twice_changes_nothing(bundle, store, home):
    read_bundle(store, bundle)
    store.rename(store.runs(experiment="taken")[0].id, "renamed here")
    before = everything(home)
    assert read_bundle(store, bundle) == Arrived(runs=0, known=2)
    assert everything(home) == before


def test_an_import_brings_what_is_new_and_leaves_what_is_here(bundle, store, home):
    read_bundle(store, bundle)
    gone, kept = (run.id for run in store.runs(experiment="taken"))
    manager = RunManager(store, 1, ThreadExecutor())
    manager.delete([gone])
    manager.shutdown()
    assert read_bundle(store, bundle) == Arrived(runs=1, known=1)
    assert sorted(run.id for run in store.runs(experiment="taken")) == sorted([gone, kept])


def test_an_imported_run_can_go_on(elsewhere, bundle, store):
    read_bundle(store, bundle)
    run = store.runs(experiment="taken")[0]
    store._set(run.id, status=Status.INTERRUPTED)
    manager = RunManager(store, 1, ThreadExecutor())
    manager.start_over(run.id)
    wait_for(lambda: store.run(run.id).has_ended, seconds=60)
    manager.shutdown()
    assert store.run(run.id).test_accuracy == run.test_accuracy


def test_a_bundle_keeps_to_the_experiments_that_are_named(bundle):
    with zipfile.ZipFile(bundle) as archive:
        told = json.loads(archive.read(MANIFEST))
        assert told["experiments"] == ["taken"] and (told["format"], told["schema"]) == ("vit-lab bundle", NEWEST)
        assert {name for name in told["files"] if name[:5] == "rows/"} == {f"rows/{table}.jsonl" for table in TABLES}
        for name, one in told["files"].items():
            content = archive.read(name)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (one["bytes"], one["sha256"])
        runs = [json.loads(line) for line in archive.read("rows/runs.jsonl").splitlines()]
        assert {run["experiment"] for run in runs} == {"taken"}


def test_runs_at_work_are_not_bundled(store, home):
    store.add(pair(CONFIGS, "e"))
    with pytest.raises(BundleError, match="still at work; wait for it, or stop it"):
        write_bundle(store, ["e"], home / "e.zip")
    assert list(home.glob("e.zip*")) == []


def test_a_run_that_was_at_work_elsewhere_stands_still_here(bundle, store, tmp_path):
    def running(content):
        runs = [json.loads(line) for line in content.splitlines()]
        return b"".join(json.dumps(run | {"status": "running", "process": "x"}).encode() + b"\n" for run in runs)

    read_bundle(store, changed(bundle, tmp_path, {"rows/runs.jsonl": running}))
    assert {run.status for run in store.runs()} == {Status.INTERRUPTED}


def changed(bundle, folder, files=(), manifest=lambda told: told, more=(), hashed=True, packed=(), after=b""):
    """A copy of a bundle with other contents, whose hashes are right all the same unless told otherwise.

    `packed` are other ways of packing by name; `after` comes behind the manifest.
    """
    copy = folder / "changed.zip"
    files, packed = dict(files), dict(packed)
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        told = json.loads(old.read(MANIFEST))
        for name in told["files"]:
            content = files[name](old.read(name)) if name in files else old.read(name)
            if hashed:
                told["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            new.writestr(name, content, packed.get(name))
        for name, content in dict(more).items():
            told["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            new.writestr(name, content)
        new.writestr(MANIFEST, json.dumps(manifest(told)).encode() + after, packed.get(MANIFEST))
    return copy


def refused(store, home, file):
    """The sentence with which a file is refused; nothing of it is left."""
    before = everything(home)
    with pytest.raises(StoreError) as caught:
        read_bundle(store, file)
    assert everything(home) == before
    assert not list((home / "imports").glob("*")), "half an import lies about"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def first_checkpoint(bundle):
    with zipfile.ZipFile(bundle) as archive:
        return next(name for name in archive.namelist() if name.startswith("checkpoints/"))


def middles(bundle):
    """The place of a byte amid each file in a bundle that has any; what a zip says beside them may be of no use."""
    with zipfile.ZipFile(bundle) as archive:
        files = [one for one in archive.infolist() if one.file_size]
    return [one.header_offset + 30 + len(one.filename.encode()) + one.compress_size // 2 for one in files]


def test_a_bundle_of_a_later_version_is_refused(bundle, store, home, tmp_path):
    for later in ({"schema": NEWEST + 1}, {"version": 2}):
        file = changed(bundle, tmp_path, manifest=lambda told, later=later: told | later)
        assert refused(store, home, file) == "a later version of the lab wrote this bundle; update this one first"


def test_damage_is_found_wherever_it_is(bundle, store, home, tmp_path):
    name = first_checkpoint(bundle)
    turned = changed(bundle, tmp_path, {name: lambda content: content[:-1] + bytes([content[-1] ^ 1])}, hashed=False)
    assert refused(store, home, turned).startswith(f"the bundle is damaged: {name} has another hash than it should")
    shorter = changed(bundle, tmp_path, {name: lambda content: content[:-1]}, hashed=False)
    assert f"{name} is not as its manifest.json says" in refused(store, home, shorter)
    content = bundle.read_bytes()
    for place in middles(bundle):
        (tmp_path / "bit.zip").write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        assert refused(store, home, tmp_path / "bit.zip").endswith("export it again")
    for size in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.zip").write_bytes(content[:size])
        assert "is no bundle, or a damaged one" in refused(store, home, tmp_path / "cut.zip")


def test_what_is_no_bundle_is_refused(store, home, tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert "has no manifest.json, so it is none of the lab" in refused(store, home, tmp_path / "other.zip")
    endless = '{"format": "vit-lab bundle", "version": Infinity, "schema": 1, "files": {}}'
    for told in ("[]", "{", endless, '{"format": 3}', '{"format": "x", "version": 1, "schema": 1, "files": {}}'):
        with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
            archive.writestr(MANIFEST, told)
        assert "bundle" in refused(store, home, tmp_path / "other.zip")
    assert "No such file" in refused(store, home, tmp_path / "nowhere.zip")


NAMES_THAT_CLIMB = [
    "../x.safetensors",
    "/etc/passwd",
    "checkpoints/../../x.safetensors",
    "snapshots/a/../../x",
    "C:\\x",
]


@pytest.mark.parametrize("name", NAMES_THAT_CLIMB)
def test_names_that_lead_out_are_refused(name, bundle, store, home, tmp_path):
    file = changed(bundle, tmp_path, more={name: b"x"})
    assert refused(store, home, file).startswith("the bundle has a name that leads out of it")


STRANGE_NAMES = [
    "rows/other.jsonl",
    "checkpoints/a.pt",
    "run.py",
    "snapshots/a/x.safetensors",
    "checkpoints/AB12.safetensors",  # where the disk ignores case, that of the run ab12
    "snapshots/AB12/0000004.safetensors",
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_names_that_no_bundle_has_are_refused(name, bundle, store, home, tmp_path):
    assert "a name that no bundle has" in refused(store, home, changed(bundle, tmp_path, more={name: b"x"}))


def test_what_would_grow_without_end_is_refused(bundle, store, home, tmp_path, monkeypatch):
    bomb = changed(bundle, tmp_path, {"rows/events.jsonl": lambda _: b" " * 50_000_000})
    assert bomb.stat().st_size < 2_000_000
    assert "would grow to 48 MiB, so it is not taken in" in refused(store, home, bomb)
    monkeypatch.setattr(bundles, "MOST_BYTES", 1000)
    assert "unpacked, and" in refused(store, home, bundle) or "would grow" in refused(store, home, bundle)


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("which", ["manifest", "checkpoint"])
def test_what_python_cannot_unpack_piece_by_piece_is_refused(which, how, bundle, store, home, tmp_path):
    name = MANIFEST if which == "manifest" else first_checkpoint(bundle)
    file = changed(bundle, tmp_path, packed={name: how})
    assert f"{name!r} in the bundle is packed as the lab packs nothing" in refused(store, home, file)


def test_a_manifest_that_is_longer_than_it_says_takes_no_memory(bundle, store, tmp_path):
    content = bytearray(changed(bundle, tmp_path, after=b" " * 64 * MIB).read_bytes())
    place = content.rfind(MANIFEST.encode()) - 46  # its entry in the directory at the end of a zip file
    content[place + 24 : place + 28] = struct.pack("<I", 1000)
    (tmp_path / "bomb.zip").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError):
            read_bundle(store, tmp_path / "bomb.zip")
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def filling(size):
    """So many bytes without an end of line that shrink, but not suspiciously."""
    piece = os.urandom(10_000).hex().encode() + b" " * 980_000
    return (piece * (size // len(piece) + 1))[:size]


def test_what_is_held_in_memory_is_short(bundle, store, home, tmp_path):
    file = changed(bundle, tmp_path, {"rows/runs.jsonl": lambda _: filling(33 * MIB)})
    assert "rows/runs.jsonl in the bundle would grow to 33 MiB" in refused(store, home, file)
    file = changed(bundle, tmp_path, {"rows/events.jsonl": lambda rows: rows + filling(9 * MIB)})
    assert "a row of events that is longer than 8 MiB" in refused(store, home, file)


def test_rows_need_the_room_of_their_file_of_the_database_and_of_its_log(bundle, store, home, monkeypatch):
    with zipfile.ZipFile(bundle) as archive:
        told = json.loads(archive.read(MANIFEST))["files"]
    total, rows = (sum(one["bytes"] for name, one in told.items() if name.startswith(of)) for of in ("", "rows/"))
    room = total + 2 * rows + LEFT_FREE
    monkeypatch.setattr(bundles.shutil, "disk_usage", lambda _: SimpleNamespace(free=room - 1))
    assert "the disk has no room for it" in refused(store, home, bundle)
    monkeypatch.setattr(bundles.shutil, "disk_usage", lambda _: SimpleNamespace(free=room))
    assert read_bundle(store, bundle).runs == 2


def test_a_file_that_lies_about_its_length_is_refused(bundle, store, home, tmp_path):
    name = first_checkpoint(bundle)

    def shorter(told):
        told["files"][name]["bytes"] = 10
        return told

    assert "is not as its manifest.json says" in refused(store, home, changed(bundle, tmp_path, manifest=shorter))


ROWS = {
    "no JSON": b"{",
    "no object": b"[1]",
    "another column": b'{"id": "a", "x); DROP TABLE runs; --": 1}',
    "no plain value": b'{"id": {"a": 1}}',
    "an id that leads out": b'{"id": "../../x", "experiment": "e"}',
    "too little": b'{"id": "aaaa", "experiment": "e", "status": "finished"}',
    "too large a number": b'{"id": "aaaa", "experiment": "e", "status": "finished", "step": 99999999999999999999}',
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_rows_that_cannot_be_are_refused(row, bundle, store, home, tmp_path):
    refused(store, home, changed(bundle, tmp_path, {"rows/runs.jsonl": lambda content: content + row + b"\n"}))


# Rows of which each would take pages from everybody: the table, a column, and its value; None: it has none.
NONSENSE = [
    ("runs", "created_at", "rubbish"),
    ("runs", "created_at", "0001-01-01T00:00:00+00:00"),
    ("runs", "status", "unheard-of"),
    ("runs", "id", "AB12"),
    ("runs", "id", None),
    ("runs", "experiment", None),
    ("runs", "experiment", "nowhere"),
    ("experiments", "id", None),
    ("experiments", "id", "another"),
    ("experiments", "kind", "duel"),
    ("experiments", "created_at", 5),
    ("events", "run", None),
    ("events", "seconds", "long"),
]


def with_row(table, column, value):
    """What changes the last row of a table of a bundle."""

    def change(content):
        *others, last = content.splitlines(keepends=True)
        row = json.loads(last) | {column: value}
        return b"".join(others) + json.dumps({k: v for k, v in row.items() if v is not None}).encode() + b"\n"

    return {f"rows/{table}.jsonl": change}


@pytest.mark.parametrize(("table", "column", "value"), NONSENSE)
def test_rows_of_nonsense_are_refused_though_their_hashes_are_right(
    table, column, value, bundle, store, home, tmp_path
):
    said = refused(store, home, changed(bundle, tmp_path, with_row(table, column, value)))
    assert said.startswith("the bundle has ") and said.endswith("export it again")
    assert repr(value) in said or value == "another"


@pytest.mark.parametrize(("column", "value"), [("step", 10**20), ("name", None)])
def test_what_the_database_does_not_take_is_refused(column, value, bundle, store, home, tmp_path):
    said = refused(store, home, changed(bundle, tmp_path, with_row("runs", column, value)))
    assert said.startswith("a row of runs cannot be (") and said.endswith("export the bundle again")


def test_an_event_nested_without_end_is_passed_over(bundle, store, tmp_path):
    read_bundle(store, changed(bundle, tmp_path, with_row("events", "body", "[" * 100_000)))
    with zipfile.ZipFile(bundle) as archive:
        events = [json.loads(line) for line in archive.read("rows/events.jsonl").splitlines()]
    run, kind = events[-1]["run"], events[-1]["kind"]
    of_that_kind = [event for event in events if (event["run"], event["kind"]) == (run, kind)]
    assert len(store.events(run, kind)) == len(of_that_kind) - 1


@pytest.fixture(scope="module")
def round_elsewhere(tmp_path_factory):
    """A home with an open round of two guesses, and its bundle; and the round's id."""
    folder = tmp_path_factory.mktemp("round")
    with lab_of(folder) as (store, manager):
        round_id = Classroom(manager).open("Which twin is ahead?", CONFIGS)
        for place, name in enumerate(("ada", "bo", "cy")):
            Classroom(manager.as_visitor(name)).join(round_id, name.title())
            if name != "cy":
                Classroom(manager.as_visitor(name)).commit(round_id, place, 3.5)
        write_bundle(store, [round_id], folder / "round.zip")
    return folder, round_id


def of_rounds(home):
    """The rows of all rounds, players and guesses."""
    with sqlite3.connect(home / "runs.sqlite3") as db:
        db.row_factory = sqlite3.Row
        rows = {
            table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")]
            for table in ("rounds", "players", "guesses")
        }
    db.close()
    return rows


def test_a_round_arrives_with_its_question_its_students_and_their_guesses(round_elsewhere, store, home):
    (elsewhere, round_id), before = round_elsewhere, of_rounds(round_elsewhere[0])
    assert read_bundle(store, elsewhere / "round.zip") == Arrived(runs=4, known=0)
    after = of_rounds(home)
    assert [after[table] for table in ("players", "guesses")] == [before[table] for table in ("players", "guesses")]
    assert len(after["guesses"]) == 2 and len(after["players"]) == 3
    closed = after["rounds"][0].pop("closed_at")
    assert closed and before["rounds"][0].pop("closed_at") is None, "nobody guesses here"
    assert after["rounds"] == before["rounds"]
    board = Board.read(store, round_id)
    assert [(line.name, line.guess) for line in lines(board, [])] == [("Ada", -3.5), ("Bo", 3.5), ("Cy", None)]
    assert read_bundle(store, elsewhere / "round.zip") == Arrived(runs=0, known=4)
    assert of_rounds(home)["guesses"] == after["guesses"] and len(of_rounds(home)["rounds"]) == 1


def test_a_round_whose_code_is_taken_here_has_a_new_one(round_elsewhere, store, home):
    manager = RunManager(store, 1, ThreadExecutor())
    mine = Classroom(manager).open("Mine?", CONFIGS)
    manager.shutdown()
    code = of_rounds(round_elsewhere[0])["rounds"][0]["code"]
    with store.transaction() as db:
        db.execute("UPDATE rounds SET code = ?", (code,))
    read_bundle(store, round_elsewhere[0] / "round.zip")
    assert store.rounds.by_code(code).id == mine
    assert len({one.code for one in store.rounds.all()}) == 2


def test_no_bundle_adds_guesses_to_a_round_that_is_here(round_elsewhere, store, home, tmp_path):
    folder, round_id = round_elsewhere
    read_bundle(store, folder / "round.zip")
    manager = RunManager(store, 1, ThreadExecutor())
    manager.delete([run.id for run in store.runs(experiment=round_id)])
    manager.shutdown()
    before = of_rounds(home)

    def one_more(content):
        return content + json.dumps(json.loads(content.splitlines()[0]) | {"visitor": "cy", "seed": 9}).encode() + b"\n"

    forged = changed(folder / "round.zip", tmp_path, {"rows/guesses.jsonl": one_more})
    assert read_bundle(store, forged).runs == 4
    assert of_rounds(home) == before


OF_A_ROUND = [
    ("rounds", "arms_json", "[1, 2]"),
    ("rounds", "arms_json", "[]"),
    ("rounds", "code", "<b>"),
    ("rounds", "closed_at", "soon"),
    ("rounds", "free_json", "{"),
    ("players", "nickname", "<script>"),
    ("players", "joined_at", None),
    ("guesses", "settings_json", "[]"),
    ("guesses", "points", 101),
    ("guesses", "round", None),
]


@pytest.mark.parametrize(("table", "column", "value"), OF_A_ROUND)
def test_a_round_of_nonsense_is_refused(table, column, value, round_elsewhere, store, home, tmp_path):
    file = changed(round_elsewhere[0] / "round.zip", tmp_path, with_row(table, column, value))
    assert f"a row of {table} whose {column} cannot be {value!r}" in refused(store, home, file)
    assert of_rounds(home) == {"rounds": [], "players": [], "guesses": []}


def test_a_round_has_no_more_students_than_a_round_has(round_elsewhere, store, home, tmp_path):
    def crowd(content):
        row = json.loads(content.splitlines()[0])
        more = [row | {"visitor": f"v{number}", "nickname": f"Student {number}"} for number in range(60)]
        return content + b"".join(json.dumps(one).encode() + b"\n" for one in more)

    file = changed(round_elsewhere[0] / "round.zip", tmp_path, {"rows/players.jsonl": crowd})
    assert "a round of more than 60 students" in refused(store, home, file)


def taken_in(home, bundle, point):
    """A process that imports and kills itself at a point."""
    os.environ["VIT_LAB_HOME"] = str(home)
    store = Store(paths.database())
    what, count = point.split()

    def dies(function, calls=[int(count)]):  # noqa: B006
        def called(*arguments, **named):
            calls[0] -= 1
            if calls[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return called

    if what == "rename":
        Path.replace = dies(Path.replace)
    elif what == "fsync":
        os.fsync = dies(os.fsync)
    elif what == "row":
        type(store.tables).insert = dies(type(store.tables).insert)
    else:
        bundles.snapshots.settle = dies(bundles.snapshots.settle)  # after the commit
    read_bundle(store, bundle)


RARELY = [pytest.param(point, marks=pytest.mark.long) for point in ("row 1", "rename 3")]


@pytest.mark.parametrize("point", ["fsync 3", "row 4", "rename 1", "committed 1", *RARELY])
def test_a_kill_at_any_moment_leaves_all_or_nothing(point, elsewhere, bundle, home):
    Store(paths.database()).close()
    killed = SPAWN.Process(target=taken_in, args=(home, bundle, point), daemon=True)
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    store = Store(paths.database())
    RunManager(store, 1, ThreadExecutor()).shutdown()  # what every server does as it starts
    rows, files = everything(home)
    if point.startswith("committed"):
        assert (rows, files) == everything(elsewhere, "taken")
    else:
        assert rows == {"runs": [], "events": [], "experiments": []}
        assert list(home.rglob("*.safetensors")) == []
    assert list((home / "imports").glob("*")) == []
    assert sum(vars(read_bundle(store, bundle)).values()) == 2
    assert everything(home) == everything(elsewhere, "taken")
    store.close()
