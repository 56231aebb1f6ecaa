"""The database's history: each entry is one numbered step, applied once, in order. Add at the end; never edit."""

import sqlite3

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            number INTEGER NOT NULL UNIQUE,           -- order of submission
            experiment TEXT NOT NULL,                 -- runs launched to be compared share it
            arm INTEGER NOT NULL,                     -- place of its arm in the experiment, 0 first
            name TEXT NOT NULL,
            tags TEXT NOT NULL DEFAULT '',
            config TEXT NOT NULL,                     -- RunConfig as JSON
            status TEXT NOT NULL,
            process TEXT NOT NULL,                    -- the server or command that has it trained, while it is at work
            request TEXT,                             -- 'paused' or 'stopped': what a person asked for
            error TEXT,                               -- one sentence: why it failed or diverged
            created_at TEXT NOT NULL,                 -- UTC, ISO 8601
            wall_seconds REAL NOT NULL DEFAULT 0,     -- training time, pauses left out
            images_per_second REAL,
            step INTEGER NOT NULL DEFAULT 0,
            total_steps INTEGER,
            train_loss REAL,
            val_accuracy REAL,
            test_accuracy REAL,
            sparkline TEXT NOT NULL DEFAULT '[]'      -- the training loss at a few moments, as JSON, once it has ended
        )
        """,
        "CREATE INDEX runs_by_experiment ON runs (experiment)",
        "CREATE INDEX runs_by_status ON runs (status)",
        """
        CREATE TABLE events (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            step INTEGER NOT NULL,
            seconds REAL NOT NULL,                    -- training time when it happened
            body TEXT NOT NULL,                       -- the event as JSON
            PRIMARY KEY (run, kind, step)
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE experiments (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,                       -- 'compare', 'sweep' or 'claim': how it is shown
            extended INTEGER NOT NULL DEFAULT 0,      -- whether seeds were added after the launch
            created_at TEXT NOT NULL
        )
        """,
        "INSERT INTO experiments (id, kind, created_at) "
        "SELECT experiment, 'compare', MIN(created_at) FROM runs GROUP BY experiment",
        "ALTER TABLE runs ADD COLUMN condition INTEGER NOT NULL DEFAULT 0",  # place of its data in the experiment
        "ALTER TABLE runs ADD COLUMN pilot INTEGER NOT NULL DEFAULT 0",  # 1: it only helps to pick a learning rate
        "ALTER TABLE runs ADD COLUMN best_test_accuracy REAL",  # of the model with the best validation accuracy
    ),
    (
        "ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",  # who launched it; '': the host
        "ALTER TABLE runs ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",  # which taking its latest was; 0: none yet
    ),
    (
        "ALTER TABLE runs ADD COLUMN worker TEXT NOT NULL DEFAULT ''",  # the worker that took it last
    ),
    (
        """
        CREATE TABLE rounds (
            id TEXT PRIMARY KEY,                      -- that of its experiment, too
            number INTEGER NOT NULL UNIQUE,           -- order of opening
            code TEXT NOT NULL UNIQUE,                -- what a student types
            question TEXT NOT NULL,
            arms_json TEXT NOT NULL,                  -- a JSON list: the two RunConfigs that each student's seed trains
            free_json TEXT NOT NULL,                  -- a JSON list: the settings that a student may change
            created_at TEXT NOT NULL,                 -- UTC, ISO 8601, as the next three
            closed_at TEXT,                           -- from then on nobody can guess, and guesses may be read
            revealed_at TEXT,
            archived_at TEXT
        )
        """,
        """
        CREATE TABLE players (
            round TEXT NOT NULL REFERENCES rounds (id),
            visitor TEXT NOT NULL,                    -- the owner of their runs
            nickname TEXT NOT NULL,
            joined_at TEXT NOT NULL,
            PRIMARY KEY (round, visitor),
            UNIQUE (round, nickname)
        )
        """,
        """
        CREATE TABLE guesses (
            round TEXT NOT NULL,
            visitor TEXT NOT NULL,
            seed INTEGER NOT NULL,                    -- of the pair that is theirs
            condition INTEGER NOT NULL,               -- its place among those of the experiment
            settings_json TEXT NOT NULL,              -- a JSON object: what they have changed
            arm INTEGER NOT NULL CHECK (arm IN (0, 1)),                      -- which they think ends ahead,
            points REAL NOT NULL CHECK (points BETWEEN 0 AND 100),           -- and by how many points of accuracy
            guessed_at TEXT NOT NULL,
            PRIMARY KEY (round, visitor),
            UNIQUE (round, seed),
            FOREIGN KEY (round, visitor) REFERENCES players (round, visitor)
        )
        """,
        "CREATE TRIGGER a_guess_stays BEFORE UPDATE ON guesses BEGIN SELECT RAISE(ABORT, 'a guess stays'); END",
        "CREATE TRIGGER a_guess_is_kept BEFORE DELETE ON guesses BEGIN SELECT RAISE(ABORT, 'a guess is kept'); END",
        """
        CREATE TRIGGER one_guess_each BEFORE INSERT ON guesses      -- also for an INSERT OR REPLACE
        WHEN EXISTS (SELECT 1 FROM guesses WHERE round = NEW.round AND (visitor = NEW.visitor OR seed = NEW.seed))
        BEGIN SELECT RAISE(ABORT, 'one guess each'); END
        """,
    ),
    (
        "ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT ''",  # of a cluster, that trained it last; '': none
    ),
)

NEWEST = len(MIGRATIONS)


class ForeignDatabase(sqlite3.DatabaseError):
    """The file is a database, but not one that this version of the lab can use."""


class NewerDatabase(ForeignDatabase):
    """A newer version of the lab wrote it."""


def refuse_foreign(connection: sqlite3.Connection) -> None:
    """Raise ForeignDatabase for another program's file, or a newer lab's, before anything is written to it."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version > NEWEST:
        raise NewerDatabase("a newer version of the lab wrote it")
    if tables and not (version and {"runs", "events"} <= tables):
        raise ForeignDatabase("it is not a database of the lab")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to date, each step whole or not at all, also when two processes open it at once."""
    for number, statements in enumerate(MIGRATIONS, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk ends it by itself
                connection.execute("ROLLBACK")
            raise
