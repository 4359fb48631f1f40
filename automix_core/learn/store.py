"""The store of events: decisions and the feedback on them, in one SQLite file.

It lets feedback come late, in another process or after a restart, and it is an outcome table of
its own: `Outcomes.read("events.db")`. Prompts and answers are not written down unless asked for.
Threads and processes may share a file.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.columns import events
from automix_core.columns.source import Source
from automix_core.decision import Decision
from automix_core.errors import StoreError
from automix_core.evidence import Floats
from automix_core.learn.memory import Known

if TYPE_CHECKING:
    from automix_core.learn.feedback import Feedback
    from automix_core.outcomes import Outcomes

__all__ = ["Store"]

PATIENCE = 2.0
"""Seconds to wait for a file that another process writes to."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS decisions (
    id TEXT PRIMARY KEY, origin TEXT, at REAL NOT NULL, decision TEXT, arms TEXT,
    features BLOB, chances BLOB, question TEXT, context TEXT, answers TEXT
);
CREATE TABLE IF NOT EXISTS feedback (
    decision TEXT NOT NULL, arm TEXT NOT NULL, kind TEXT NOT NULL, value REAL NOT NULL,
    cost REAL, latency REAL, output_tokens INTEGER, at REAL NOT NULL,
    PRIMARY KEY (decision, arm, kind)
);
PRAGMA application_id = {events.APPLICATION};
PRAGMA user_version = {events.VERSION};
COMMIT;
"""


class Store:
    """A log of decisions and feedback in a file.

    Args:
        path: The file, made if it is not there. End its name in `.db` to read it as a table.
        texts: Also keep the question, its context and the answers. Without them the file holds
            the decisions, which hold no text, and the numbers that the embedder made of the
            request; a router with an embedder cannot be fitted anew on such a file.

    Raises:
        StoreError: The file is no store, is of a newer version, or cannot be opened.
    """

    def __init__(self, path: str | Path, *, texts: bool = False) -> None:
        self.path = Path(path)
        self.texts = texts
        self._lock = threading.RLock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        with self._using():
            pass

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, texts={self.texts})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes by name: each opens the file for itself."""
        return _opened_again, (self.path, self.texts)

    def keep(
        self,
        known: Known,
        *,
        question: str = "",
        context: str = "",
        answers: Mapping[str, str] | None = None,
    ) -> None:
        """Write a decision down.

        Args:
            known: The decision.
            question: What was asked; it is written only with `texts=True`, like the next two.
            context: What the answer had to rest on.
            answers: The answers by arm.

        Raises:
            StoreError: The file cannot be written.
        """
        told = (question, context, json.dumps(answers or {}, ensure_ascii=False))
        row = (
            known.decision.id,
            time.time(),
            json.dumps(known.decision.as_dict(), ensure_ascii=False),
            json.dumps(known.arms),
            _packed(known.features),
            _packed(known.chances),
            *(told if self.texts else (None, None, None)),
        )
        with self._using() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO decisions "
                "(id, at, decision, arms, features, chances, question, context, answers) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def link(self, identifier: str, origin: str) -> None:
        """Write down that a decision gave the answer of an earlier one, from a cache.

        Raises:
            StoreError: The file cannot be written.
        """
        with self._using() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO decisions (id, origin, at) VALUES (?, ?, ?)",
                (identifier, origin, time.time()),
            )

    def find(self, identifier: str) -> Known | None:
        """The decision of that id with the feedback it has had; `None` where there is none.

        Raises:
            StoreError: The file cannot be read.
        """
        with self._using() as connection:
            row = connection.execute(
                "SELECT d.id, d.decision, d.arms, d.features, d.chances FROM decisions AS a "
                "JOIN decisions AS d ON d.id = COALESCE(a.origin, a.id) "
                "WHERE a.id = ? AND d.decision IS NOT NULL",
                (identifier,),
            ).fetchone()
            if row is None:
                return None
            given = connection.execute(
                "SELECT arm, kind FROM feedback WHERE decision = ?", (row[0],)
            ).fetchall()
        features = None if row[3] is None else _unpacked(row[3])[None]
        chances = None if row[4] is None else _unpacked(row[4])
        try:
            decision = Decision.from_dict(json.loads(row[1]))
        except ValueError as error:
            msg = f"The decision {row[0]!r} in {self.path} cannot be read: {error}"
            raise StoreError(msg) from error
        return Known(decision, tuple(json.loads(row[2])), features, chances, frozenset(given))

    @contextmanager
    def noting(
        self, identifier: str, arm: str, feedback: Feedback, kinds: Collection[str]
    ) -> Iterator[tuple[str, ...]]:
        """Write feedback down once the block has ended well; else nothing is written.

        Args:
            identifier: The decision.
            arm: Whose answer it is about.
            feedback: What became known.
            kinds: The kinds of feedback to write.

        Yields:
            The kinds that were not there before, from whatever process.

        Raises:
            StoreError: The file cannot be written.
        """
        spent = (feedback.cost, feedback.latency, feedback.output_tokens, time.time())
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            fresh = []
            for kind in kinds:
                value = float(getattr(feedback, kind))
                done = connection.execute(
                    "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (identifier, arm, kind, value, *spent),
                )
                fresh += [kind] * done.rowcount
            yield tuple(fresh)
            connection.execute("COMMIT")

    def outcomes(self) -> Outcomes:
        """The decisions with a known score as an outcome table.

        A row holds the arms that were scored and whose cost is known, with their latency, tokens
        and signals. There are texts only in a store with `texts=True`.

        Raises:
            OutcomesError: There is no such decision, or the file cannot be read.
        """
        from automix_core.outcomes import Outcomes

        source = Source(self.path.name)
        return Outcomes.of_columns(events.read(self.path, events.PIECE, source))

    def close(self) -> None:
        """Close the file. It is opened again if it is used again."""
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The open file, for one thread at a time; what is half done in it is undone."""
        with self._lock:
            try:
                connection = self._connection()
                try:
                    yield connection
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                msg = f"The store {self.path} cannot be used: {error}."
                raise StoreError(msg) from error

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():  # no file outlives a fork
            self._opened = os.getpid(), self._open()
        return self._opened[1]

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            if not empty and (wrong := events.problem(connection)):
                msg = f"The store {self.path} cannot be opened: {wrong}"
                raise StoreError(msg)
            # Readers and one writer do not wait for each other; a crash loses no more than the
            # last events, and never the file.
            _in_wal_mode(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            if empty:
                connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection


def _in_wal_mode(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, for which SQLite itself does not wait while others switch."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(PATIENCE / 200)
        else:
            return


def _opened_again(path: Path, texts: bool) -> Store:
    return Store(path, texts=texts)


def _packed(values: Floats | None) -> bytes | None:
    return None if values is None else np.ascontiguousarray(values, dtype="<f8").tobytes()


def _unpacked(packed: bytes) -> Floats:
    return np.frombuffer(packed, dtype="<f8").astype(np.float64)
