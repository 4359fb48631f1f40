"""The file of a store of events, and the outcome table that stands in it.

`automix_core.learn.Store` writes the file: one table of decisions, one of feedback. Here it is
read as an outcome table: a row is a decision with a known score, and holds the arms that were
scored. A thumb is no quality, and an answer of unknown cost is no outcome: both are left out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from automix_core.columns.rows import gather
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["APPLICATION", "PIECE", "SUFFIXES", "VERSION", "problem", "read", "write"]

SUFFIXES = (".db", ".sqlite", ".sqlite3")
"""What the name of a store ends in where it is read as a table."""
APPLICATION = 0x414D5852
"""SQLite's application_id of such a file, by which it is known."""
VERSION = 1
PIECE = 500

_SCORED = """
    SELECT d.id, d.decision, d.question, d.context, d.answers,
           f.arm, f.value, f.cost, f.latency, f.output_tokens
    FROM feedback AS f JOIN decisions AS d ON d.id = f.decision
    WHERE f.kind = 'score' ORDER BY d.rowid
"""
_ANSWERS = ("draft", "answer")
_OWN = "self_verification"


def problem(connection: sqlite3.Connection) -> str | None:
    """Why an open file is no store that can be read here, or `None` where it is one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        return "it is an SQLite file, but no store of events."
    if version > VERSION:
        return f"it has version {version}, and this package reads version {VERSION}: upgrade it."
    return None


def read(path: Path, rows: int, source: Source) -> Iterator[Columns]:
    """The scored decisions in pieces of so many.

    Raises:
        OutcomesError: The file is no store, is locked, or holds nothing that was scored.
    """
    if not path.is_file():
        msg = f"{path} cannot be read: there is no such file."
        raise OutcomesError(msg)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            if wrong := problem(opened):
                msg = f"{path} cannot be read: {wrong}"
                raise OutcomesError(msg)
            opened.row_factory = sqlite3.Row
            yield from _pieces(opened.execute(_SCORED), rows, source)
    except (sqlite3.Error, ValueError) as error:
        msg = f"{path} cannot be read: {error}."
        raise OutcomesError(msg) from error


def write(path: Path, _columns: Columns) -> None:
    """There is nothing to write: only a router adds to a store.

    Raises:
        OutcomesError: Always.
    """
    msg = f"{path.suffix} is a store of events, which only routers write to; write a .jsonl file."
    raise OutcomesError(msg)


def _pieces(scored: Iterable[sqlite3.Row], size: int, source: Source) -> Iterator[Columns]:
    found = (_row(list(of_one)) for _, of_one in groupby(scored, key=lambda row: row["id"]))
    known = (row for row in found if row["arms"])
    start = 1
    while some := list(islice(known, size)):
        yield gather(some, source.at(range(start, start + len(some))))
        start += len(some)
    if start == 1:
        msg = f"{source.name} holds no decision with a score and a known cost."
        raise OutcomesError(msg)


def _row(scored: list[sqlite3.Row]) -> dict[str, Any]:
    """One decision as a row of an outcome table."""
    kept = scored[0]
    decision = json.loads(kept["decision"])
    texts = json.loads(kept["answers"]) if kept["answers"] else {}
    arms = {row["arm"]: _answer(decision, row, texts.get(row["arm"])) for row in scored}
    row: dict[str, Any] = {"id": kept["id"]}
    row |= {what: kept[what] for what in ("question", "context") if kept[what] is not None}
    return {**row, "arms": {arm: one for arm, one in arms.items() if one["cost"] is not None}}


def _answer(decision: Mapping[str, Any], row: sqlite3.Row, text: str | None) -> dict[str, Any]:
    """One arm's answer, with what the decision knows of it where the feedback says nothing."""
    arm = row["arm"]
    steps = [s for s in decision["steps"] if s["to"] == arm and s["purpose"] in _ANSWERS]
    step: Mapping[str, Any] = next((s for s in reversed(steps) if s["outcome"] == "replied"), {})
    answer = {"quality": row["value"], "input_tokens": step.get("input_tokens")}
    for name in ("cost", "latency", "output_tokens"):
        answer[name] = step.get(name) if row[name] is None else row[name]
    if text is not None:
        answer["answer"] = text
    verdicts = [v for v in decision["verdicts"] if v["arm"] == arm and v["asked"] >= v["planned"]]
    if verdicts:
        answer |= _signals(verdicts[-1]["values"], _checked(decision["steps"], arm))
    return answer


def _signals(values: Mapping[str, float | None], checks: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What the verifier said, and what that cost where it is one signal that cost it."""
    told: dict[str, Any] = {"signals": {k: v for k, v in values.items() if k != _OWN}}
    if _OWN in values:
        told["confidence"] = values[_OWN]
    spent: dict[str, Any] = {}
    for what, many in (("cost", "costs"), ("latency", "latencies")):
        amounts = [step[what] for step in checks]
        if len(values) != 1 or None in amounts:
            continue
        (name,) = values
        spent |= {what: sum(amounts)} if name == _OWN else {many: {name: sum(amounts)}}
    return told | ({"verification": spent} if spent else {})


def _checked(steps: Iterable[Mapping[str, Any]], arm: str) -> list[Mapping[str, Any]]:
    """The calls that verified an arm's answer: those between it and the next answer."""
    found: list[Mapping[str, Any]] = []
    inside = False
    for step in steps:
        if step["purpose"] in _ANSWERS:
            inside = step["to"] == arm
        elif inside and step["outcome"] != "not started":
            found.append(step)
    return found
