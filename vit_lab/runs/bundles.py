"""Experiments in one file, from one lab home to another: rows, checkpoints and snapshots, checked by their hashes.

A bundle is a zip file. `manifest.json` says which version of the lab wrote it, which experiments it holds, and of each
other file how long it is and its SHA-256; `rows/TABLE.jsonl` has the rows of a table, a JSON object a line; and what
is kept of runs lies in `checkpoints/` and `snapshots/`, as in a lab home.

A bundle comes from somebody else. Nothing in it is run or unpickled, nothing is written but under names that this
module makes, and whatever is not as the manifest says refuses the whole. See docs/decisions/041-nothing-locked-in.md.
"""

import hashlib
import json
import os
import re
import shutil
import struct
import uuid
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from vit_lab import paths
from vit_lab.runs import snapshots
from vit_lab.runs.bundle_rows import RUN_ID, read_rows
from vit_lab.runs.errors import BundleError
from vit_lab.runs.limits import GIB, LEFT_FREE, MIB
from vit_lab.runs.migrations import NEWEST
from vit_lab.runs.rounds import MOST_PLAYERS
from vit_lab.runs.states import ACTIVE, Status
from vit_lab.runs.store import Store
from vit_lab.runs.tables import TABLES, Row

FORMAT, VERSION, MANIFEST = "vit-lab bundle", 1, "manifest.json"
MOST_BYTES, MOST_EVENTS = 16 * GIB, 2 * GIB  # unpacked: in all, of events, which are read one by one
MOST_ROWS, MOST_MANIFEST = 32 * MIB, 8 * MIB  # of each other table, and of the manifest: they are held in memory
MOST_SHRUNK = 200  # to one; rows as the lab writes them shrink to a twentieth
ROWS_TAKE = 3  # times the room of their file: in that, in the database, and in its log before that
PIECE = 2**20
# What Python's reader of zip files says of one that is none, is damaged or is encrypted.
UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, KeyError, OverflowError)
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what else Python can unpack comes at once, however much it is
NAMES = re.compile(
    rf"rows/(?P<table>{'|'.join(TABLES)})\.jsonl|checkpoints/(?P<run>{RUN_ID})\.safetensors"
    rf"|snapshots/(?P<of>{RUN_ID})/(?P<step>[0-9]{{1,12}})\.safetensors"
)


@dataclass(frozen=True)
class Arrived:
    """What an import has changed: runs that are here now, and how many were here before."""

    runs: int
    known: int


def write_bundle(store: Store, experiments: Sequence[str], path: Path) -> int:
    """Write experiments to a file, whole or not at all; returns how many runs they have.

    Raises BundleError if one of their runs is still at work, for what is kept of it would not fit its events; OSError.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with store.snapshot(), zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            if store.tables.are_at_work(experiments):
                raise BundleError("a run of it is still at work; wait for it, or stop it")
            files = {f"rows/{table}.jsonl": _add_rows(archive, store, table, experiments) for table in TABLES}
            runs = [str(row["id"]) for row in store.tables.rows("runs", experiments)]
            for run_id in runs:
                for name, file in _kept(run_id):
                    with suppress(FileNotFoundError):  # thinned out just now
                        files[name] = _add_file(archive, name, file)
            told = {"format": FORMAT, "version": VERSION, "schema": NEWEST, "experiments": list(experiments)}
            archive.writestr(MANIFEST, json.dumps(told | {"files": files}, indent=1))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return len(runs)


def read_bundle(store: Store, path: Path) -> Arrived:
    """Take in the experiments of a file, all that is new or nothing. Runs that are here already stay as they are.

    Also after a kill at any moment, all of it is here or nothing; what files are left then, the next one clears away.
    Raises BundleError if it is no sound bundle of a version that is known here, and StoreError.
    """
    try:
        with _importing(), zipfile.ZipFile(path) as archive:
            _clear_away(store)
            folder = _imports() / uuid.uuid4().hex
            folder.mkdir(parents=True)
            try:
                _unpack(archive, _manifest(archive), folder)
                return _take_in(store, folder)
            finally:
                _clear_away(store)
    except UNREADABLE as error:
        raise BundleError(f"{path} is no bundle, or a damaged one ({error}); export it again") from error
    except OSError as error:
        why = error.strerror or error
        raise BundleError(f"{path} cannot be taken in ({why}); check the file and the disk") from error


def sweep(store: Store) -> None:
    """Clear away what an import has left that was killed, unless one is at work just now. Never raises OSError."""
    with suppress(OSError, Timeout):
        if _imports().is_dir():
            with FileLock(_lock(), timeout=0):
                _clear_away(store)


def _kept(run_id: str) -> Iterator[tuple[str, Path]]:
    """What is kept of a run: names in a bundle, and files."""
    if paths.checkpoint(run_id).is_file():
        yield f"checkpoints/{run_id}.safetensors", paths.checkpoint(run_id)
    for file in sorted(paths.snapshots_of(run_id).glob("*.safetensors")):
        yield f"snapshots/{run_id}/{file.name}", file


def _add_rows(archive: zipfile.ZipFile, store: Store, table: str, experiments: Sequence[str]) -> Row:
    digest, size = hashlib.sha256(), 0
    with archive.open(f"rows/{table}.jsonl", "w", force_zip64=True) as target:
        for row in store.tables.rows(table, experiments):
            line = json.dumps(row).encode() + b"\n"
            digest.update(line)
            size += target.write(line)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _add_file(archive: zipfile.ZipFile, name: str, file: Path) -> Row:
    content = file.read_bytes()  # at once: another may take its place
    archive.writestr(name, content, zipfile.ZIP_STORED)  # weights hardly shrink
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _manifest(archive: zipfile.ZipFile) -> Mapping[str, Row]:
    """Each file's length and hash, once the manifest is known to be sound and to fit the files. Raises BundleError."""
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) != len(archive.infolist()):
        raise BundleError("the bundle has two files of one name; export it again")
    if strange := [info.filename for info in archive.infolist() if info.compress_type not in PACKED]:
        raise BundleError(f"{strange[0][:60]!r} in the bundle is packed as the lab packs nothing; export it again")
    if MANIFEST not in infos or infos[MANIFEST].file_size > MOST_MANIFEST:
        raise BundleError(f"the bundle has no {MANIFEST}, so it is none of the lab; choose another file")
    try:
        with archive.open(MANIFEST) as source:
            told = json.loads(source.read(infos[MANIFEST].file_size))  # without a number, all that is packed comes
        is_later = int(told["version"]) > VERSION or int(told["schema"]) > NEWEST
        is_ours, listed = told["format"] == FORMAT, told["files"].items()
        files = {name: _told_of(one) for name, one in listed}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(f"the bundle's {MANIFEST} cannot be read; export it again") from error
    if not is_ours:
        raise BundleError("this is no bundle of the lab; choose another file")
    if is_later:
        raise BundleError("a later version of the lab wrote this bundle; update this one first")
    for name in {*infos, *files} - {MANIFEST}:
        _check(name, infos.get(name), files.get(name))
    total = sum(one["bytes"] for one in files.values())
    if total > MOST_BYTES:
        raise BundleError(f"the bundle would be {total / GIB:,.0f} GiB unpacked, and {MOST_BYTES / GIB:g} are the most")
    needed = sum(one["bytes"] * (ROWS_TAKE if name.startswith("rows/") else 1) for name, one in files.items())
    if needed + LEFT_FREE > shutil.disk_usage(paths.home()).free:
        raise BundleError(f"the bundle takes {needed / MIB:,.0f} MiB, and the disk has no room for it; free some")
    return files


def _told_of(told: Any) -> Row:
    return {"bytes": int(told["bytes"]), "sha256": str(told["sha256"])}


def _check(name: str, info: zipfile.ZipInfo | None, told: Row | None) -> None:
    """Refuse a file by its name, or by how long it is said to be."""
    if NAMES.fullmatch(name) is None:
        leads_out = PurePosixPath(name).is_absolute() or ".." in re.split(r"[/\\]", name) or "\\" in name or ":" in name
        why = "leads out of it" if leads_out else "no bundle has"
        raise BundleError(f"the bundle has a name that {why}, {name[:60]!r}; take bundles only from people you trust")
    if info is None or told is None or info.file_size != told["bytes"]:
        raise BundleError(f"the bundle is damaged: {name} is not as its {MANIFEST} says; export it again")
    most = MOST_EVENTS if name == "rows/events.jsonl" else MOST_ROWS if name.startswith("rows/") else MOST_BYTES
    if info.file_size > most or info.file_size > MOST_SHRUNK * info.compress_size + MIB:
        raise BundleError(f"{name} in the bundle would grow to {info.file_size / MIB:,.0f} MiB, so it is not taken in")


def _unpack(archive: zipfile.ZipFile, files: Mapping[str, Row], folder: Path) -> None:
    """Write the files under a folder of their own, each checked. Raises BundleError and OSError."""
    for name, told in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as copy:
            if _copied(source, copy, told["bytes"]) != told["sha256"]:
                raise BundleError(f"the bundle is damaged: {name} has another hash than it should; export it again")
            copy.flush()
            os.fsync(copy.fileno())


def _copied(source: Any, target: BinaryIO, most: int) -> str:
    """Copy a file, and no more of it than it is said to have; returns its hash."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        size += len(piece)
        if size > most:
            return ""
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()


def _take_in(store: Store, folder: Path) -> Arrived:
    """Insert the rows and put the files in place, in one transaction. Raises BundleError and StoreError."""
    kept = folder / "rows"
    rows = {table: read_rows(table, store.tables.columns(table), kept / f"{table}.jsonl") for table in TABLES}
    runs = list(rows.pop("runs"))
    known = {run.id for run in store.runs()}
    new = [run for run in runs if run["id"] not in known]
    ids = {str(run["id"]) for run in new}
    _remember(folder, sorted(ids))
    with store.transaction():
        if store.runs(sorted(ids)):
            raise BundleError("a run of the bundle has just been added; import it again")
        come = _add_experiments(store, rows["experiments"], new)
        for run in new:
            store.tables.insert("runs", run | ({"status": Status.INTERRUPTED} if run["status"] in ACTIVE else {}))
        _add(store, "events", rows["events"], "run", ids)
        rounds = _add(store, "rounds", rows["rounds"], "id", {one for one in come if not store.rounds.holds(one)})
        players = _add(store, "players", rows["players"], "round", rounds)
        if any(count > MOST_PLAYERS for count in players.values()):
            raise BundleError(f"the bundle has a round of more than {MOST_PLAYERS} students; export it again")
        _add(store, "guesses", rows["guesses"], "round", rounds)
        for run_id in ids:
            _put_in_place(folder, run_id)
    snapshots.settle()
    return Arrived(len(new), len(runs) - len(new))


def _add_experiments(store: Store, rows: Iterable[Row], new: Sequence[Row]) -> Collection[str]:
    """Insert the experiments of new runs that are not here yet; returns which. Those that are here stay as they are."""
    wanted, here = {str(run["experiment"]) for run in new}, {record.id for record in store.experiments()}
    come = _add(store, "experiments", rows, "id", wanted - here)
    if missing := sorted(wanted - here - come.keys()):
        raise BundleError(f"the bundle has runs of the experiment {missing[0][:60]!r} without it; export it again")
    return come


def _add(store: Store, table: str, rows: Iterable[Row], column: str, of: Collection[str]) -> Counter[str]:
    """Insert those rows of a table that belong to some of what comes; returns how many belong to each."""
    found: Counter[str] = Counter()
    for row in rows:
        if row[column] in of:
            store.tables.insert(table, row)
            found[row[column]] += 1
    return found


def _put_in_place(folder: Path, run_id: str) -> None:
    checkpoint, kept = folder / "checkpoints" / f"{run_id}.safetensors", folder / "snapshots" / run_id
    if checkpoint.is_file():
        paths.checkpoints().mkdir(parents=True, exist_ok=True)
        checkpoint.replace(paths.checkpoint(run_id))
    if kept.is_dir():
        paths.snapshots().mkdir(parents=True, exist_ok=True)
        shutil.rmtree(paths.snapshots_of(run_id), ignore_errors=True)
        kept.replace(paths.snapshots_of(run_id))


def _imports() -> Path:
    return paths.home() / "imports"


def _lock() -> Path:
    return paths.home() / "importing.lock"


def _importing() -> FileLock:
    """One import at a time; a second waits."""
    paths.home().mkdir(parents=True, exist_ok=True)
    return FileLock(_lock(), timeout=60)


def _remember(folder: Path, run_ids: Sequence[str]) -> None:
    """Which runs are about to come, so that their files can be cleared away if they do not."""
    (folder / "runs.json").write_text(json.dumps(run_ids), encoding="utf-8")


def _clear_away(store: Store) -> None:
    """Remove what imports have left: their folders, and the files of runs that did not come."""
    for folder in list(_imports().glob("*")):
        with suppress(OSError, ValueError):
            coming = json.loads((folder / "runs.json").read_text(encoding="utf-8"))
            for run_id in set(coming) - {run.id for run in store.runs(coming)}:
                paths.checkpoint(run_id).unlink(missing_ok=True)
                shutil.rmtree(paths.snapshots_of(run_id), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
