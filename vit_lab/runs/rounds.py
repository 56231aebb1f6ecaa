"""The rounds of a class, row by row: what the host asked, who joined, and what they guessed.

A guess is written once and never changed: the tables refuse it, whoever asks. Until the round is closed, nobody reads
anybody's guess but their own. Who may do what, and whose runs train, is the business of `vit_lab.runs.classroom`.
"""

import json
import math
import secrets
import sqlite3
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

from vit_lab.config import RunConfig
from vit_lab.runs.database import Database
from vit_lab.runs.errors import StoreError
from vit_lab.runs.rows import storable
from vit_lab.settings import parse

LETTERS, CODE_LENGTH = "ABCDEFGHJKMNPQRSTUVWXYZ23456789", 4  # without those that look like others from the last row
LONGEST_QUESTION, LONGEST_NICKNAME = 300, 20
MOST_LETTERS = 3_000  # of what somebody types that are looked at
BETWEEN = " -.'"  # what a nickname may have beside letters and digits
UNSEEN = "\u115f\u1160\u3164\uffa0"  # Hangul fillers: letters by their kind, and nothing to the eye
NICKNAME = (
    "it may have letters that can be seen, digits, spaces and - . ', begins with a letter or a digit, and has a space "
    "after each . within it"
)
MOST_PLAYERS = 60  # of one round
MOST_POINTS = 100.0  # by which one accuracy can be above another
Moment = Literal["closed_at", "revealed_at", "archived_at"]


@dataclass(frozen=True)
class Round:
    """One row of the table of rounds; the fields are the columns (see `vit_lab.runs.migrations`)."""

    id: str
    number: int
    code: str
    question: str
    arms_json: str
    free_json: str
    created_at: str
    closed_at: str | None
    revealed_at: str | None
    archived_at: str | None

    @cached_property
    def arms(self) -> tuple[RunConfig, ...]:
        """The pair; its seed is that of the first student. Raises ConfigError if it is not valid here any more."""
        return tuple(parse(nested) for nested in _listed(self.arms_json))

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The settings that a student may change."""
        return tuple(_listed(self.free_json))

    @property
    def is_open(self) -> bool:
        """Whether guesses are still taken."""
        return not (self.closed_at or self.archived_at)


@dataclass(frozen=True)
class Player:
    """A student who has joined a round."""

    round: str
    visitor: str
    nickname: str
    joined_at: str


@dataclass(frozen=True)
class Guess:
    """What a student committed: which arm ends ahead and by how many points; and the seed that is theirs for it."""

    round: str
    visitor: str
    seed: int
    condition: int
    settings_json: str
    arm: int
    points: float
    guessed_at: str

    @property
    def settings(self) -> dict[str, Any]:
        """What they have changed of the pair."""
        return dict(json.loads(self.settings_json))

    @property
    def signed(self) -> float:
        """The points by which the second arm is ahead of the first."""
        return self.points if self.arm else 0.0 - self.points  # never -0.0


ROUND, PLAYER, GUESS = (", ".join(field.name for field in fields(kind)) for kind in (Round, Player, Guess))
MINE = "round = ? AND visitor = ?"
VERSION = """
    SELECT closed_at, revealed_at, archived_at,
    (SELECT COUNT(*) FROM players WHERE round = rounds.id), (SELECT COUNT(*) FROM guesses WHERE round = rounds.id),
    (SELECT GROUP_CONCAT(status) FROM (SELECT status FROM runs WHERE experiment = rounds.id ORDER BY number))
    FROM rounds WHERE id = ?
"""


class Rounds:
    """The rounds of a lab home. Whatever it is asked raises StoreError, in a sentence, if it cannot be."""

    def __init__(self, database: Database):
        self._database = database

    # What screens read

    def all(self) -> list[Round]:
        """All rounds, the one opened last first."""
        return self._rounds("ORDER BY number DESC")

    def round(self, round_id: str) -> Round:
        """One round."""
        if found := self._rounds("WHERE id = ?", round_id):
            return found[0]
        raise StoreError("this round is not here; the page Class lists what there is")

    def by_code(self, code: str) -> Round | None:
        """The round with a code, however it is typed; none if there is none, or it is archived."""
        found = self._rounds("WHERE code = ? AND archived_at IS NULL", "".join(code.split()).upper()[: CODE_LENGTH + 1])
        return found[0] if found else None

    def holds(self, experiment: str) -> bool:
        """Whether an experiment is a round, so that its seeds are given out to students."""
        return bool(self._database.read("SELECT 1 FROM rounds WHERE id = ?", experiment))

    def open_ones(self) -> frozenset[str]:
        """The ids of the rounds that still take guesses, and so may still gain pairs."""
        rows = self._database.read("SELECT id FROM rounds WHERE closed_at IS NULL AND archived_at IS NULL")
        return frozenset(row["id"] for row in rows)

    def players(self, round_id: str) -> list[Player]:
        """Who has joined, in the order in which they did."""
        rows = self._database.read(f"SELECT {PLAYER} FROM players WHERE round = ? ORDER BY rowid", round_id)
        return [Player(**dict(row)) for row in rows]

    def player(self, round_id: str, visitor: str) -> Player | None:
        """A visitor, if they have joined."""
        rows = self._database.read(f"SELECT {PLAYER} FROM players WHERE {MINE}", round_id, visitor)
        return Player(**dict(rows[0])) if rows else None

    def guess(self, round_id: str, visitor: str) -> Guess | None:
        """The guess of a visitor, for their own eyes; None if they have committed none."""
        rows = self._database.read(f"SELECT {GUESS} FROM guesses WHERE {MINE}", round_id, visitor)
        return Guess(**dict(rows[0])) if rows else None

    def guesses(self, round_id: str) -> list[Guess]:
        """All guesses, in the order of their seeds, once the round is closed; none before."""
        closed = "(SELECT closed_at FROM rounds WHERE id = round) IS NOT NULL"
        rows = self._database.read(f"SELECT {GUESS} FROM guesses WHERE round = ? AND {closed} ORDER BY seed", round_id)
        return [Guess(**dict(row)) for row in rows]

    def seeds(self, round_id: str) -> dict[str, int]:
        """By visitor, the seed of everybody who has committed a guess; what they guessed is not told."""
        rows = self._database.read("SELECT visitor, seed FROM guesses WHERE round = ? ORDER BY seed", round_id)
        return {row["visitor"]: row["seed"] for row in rows}

    def version(self, round_id: str) -> tuple[Any, ...]:
        """What is another after each change of a round but the steps of its runs; told at once."""
        return tuple(row for found in self._database.read(VERSION, round_id) for row in found)

    # What people change

    def add(self, question: str, arms: Sequence[RunConfig], free: Sequence[str]) -> str:
        """Open a round; returns its id."""
        asked = " ".join(storable(question[:MOST_LETTERS]).split())
        if not 0 < len(asked) <= LONGEST_QUESTION:
            raise StoreError(f"a question of {len(asked)} letters does not work; write 1 to {LONGEST_QUESTION}")
        round_id, as_json = uuid.uuid4().hex[:10], f"[{', '.join(arm.model_dump_json() for arm in arms)}]"
        with self._database.transaction() as db:
            taken = {row["code"] for row in db.execute("SELECT code FROM rounds")}
            code = next(code for code in iter(new_code, None) if code not in taken)
            number = db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM rounds").fetchone()[0]
            values = round_id, number, code, asked, as_json, json.dumps(list(free)), now(), None, None, None
            db.execute(f"INSERT INTO rounds ({ROUND}) VALUES ({', '.join('?' * len(values))})", values)
        return round_id

    def mark(self, round_id: str, moment: Moment) -> None:
        """Remember that a round is closed, revealed or archived from now on; the first time counts."""
        with self._database.transaction() as db:
            db.execute(f"UPDATE rounds SET {moment} = COALESCE({moment}, ?) WHERE id = ?", (now(), round_id))

    def join(self, round_id: str, visitor: str, nickname: str) -> None:
        """Take a visitor in under a nickname, which they keep."""
        name = checked_nickname(nickname)
        with self._database.transaction() as db:
            _refuse_closed(db, round_id, "joins")
            if db.execute(f"SELECT 1 FROM players WHERE {MINE}", (round_id, visitor)).fetchone():
                raise StoreError("you have joined this round already, and keep your name in it")
            names = [row["nickname"] for row in db.execute("SELECT nickname FROM players WHERE round = ?", (round_id,))]
            if len(names) >= MOST_PLAYERS:
                raise StoreError(f"{MOST_PLAYERS} have joined this round, and that is the most; look on with somebody")
            if name.casefold() in map(str.casefold, names):
                raise StoreError(f"nickname: {name} is taken in this round; choose another")
            db.execute(f"INSERT INTO players ({PLAYER}) VALUES (?, ?, ?, ?)", (round_id, visitor, name, now()))

    def commit(
        self, round_id: str, visitor: str, arm: int, points: float, settings: Mapping[str, Any], first_seed: int
    ) -> Guess:
        """Write down a guess, for good, and give the visitor the next seed."""
        if arm not in (0, 1):
            raise StoreError("a guess names one of the two twins; choose A or B")
        if not (math.isfinite(points) and 0 <= points <= MOST_POINTS):
            raise StoreError(f"points: {points:g} does not work; choose 0 to {MOST_POINTS:g}")
        changed = json.dumps(dict(settings), sort_keys=True)
        with self._database.transaction() as db:
            _refuse_closed(db, round_id, "guesses")
            if not db.execute(f"SELECT 1 FROM players WHERE {MINE}", (round_id, visitor)).fetchone():
                raise StoreError("only who has joined can guess; choose a nickname first")
            known = db.execute("SELECT condition, settings_json FROM guesses WHERE round = ?", (round_id,)).fetchall()
            places = {"{}": 0} | {row["settings_json"]: row["condition"] for row in known}
            place = places.get(changed, max(places.values()) + 1)
            guess = Guess(
                round_id, visitor, first_seed + len(known), place, changed, arm, round(float(points), 1), now()
            )
            values = [getattr(guess, field.name) for field in fields(Guess)]
            try:
                db.execute(f"INSERT INTO guesses ({GUESS}) VALUES ({', '.join('?' * len(values))})", values)
            except sqlite3.IntegrityError as error:
                raise StoreError("your guess is committed already, and cannot be changed") from error
        return guess

    def _rounds(self, clause: str, *values: object) -> list[Round]:
        return [Round(**dict(row)) for row in self._database.read(f"SELECT {ROUND} FROM rounds {clause}", *values)]


def checked_nickname(text: str) -> str:
    """A nickname as it is stored. Raises StoreError for one that is too long, or has other signs than names have."""
    name = " ".join(unicodedata.normalize("NFKC", storable(text[:MOST_LETTERS])).split())
    if not 1 <= len(name) <= LONGEST_NICKNAME:
        raise StoreError(f"nickname: {len(name)} letters do not work; choose 1 to {LONGEST_NICKNAME}")
    kinds = [unicodedata.category(sign)[0] for sign in name]
    is_link = any(before == "." and after != " " for before, after in pairwise(name))  # as www.a.b is to a browser
    crowded = any(kinds[place : place + 3] == ["M"] * 3 for place in range(len(kinds)))  # accents upon accents
    if (
        kinds[0] not in "LN"
        or crowded
        or is_link
        or not set(UNSEEN).isdisjoint(name)
        or any(k not in "LMN" and s not in BETWEEN for k, s in zip(kinds, name, strict=True))
    ):
        raise StoreError(f"nickname: {NICKNAME}")
    return name


def new_code() -> str:
    """A code to type."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def now() -> str:
    """This moment as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _listed(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, list):
        raise StoreError("the record of this round is damaged; the host can open it anew")
    return found


def _refuse_closed(db: sqlite3.Connection, round_id: str, what: str) -> None:
    row = db.execute(f"SELECT {ROUND} FROM rounds WHERE id = ?", (round_id,)).fetchone()
    if row is None:
        raise StoreError("this round is not here; ask for its code again")
    if not Round(**dict(row)).is_open:
        raise StoreError(f"this round takes no more {what}: the host has closed it")
