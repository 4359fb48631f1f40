"""Rows as JSON objects: checked and turned into columns, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import numpy as np

from automix_core.columns import source as checks
from automix_core.columns.answers import EXTRAS, Found, fields_of
from automix_core.columns.source import SHARE, Fail, Limits, Source, to_the_first_error
from automix_core.columns.table import TEXTS, Columns, Key
from automix_core.errors import OutcomesError
from automix_core.evidence import Floats

__all__ = ["gather", "heads", "objects", "pieces"]

_AT_ONCE = 1_000
_NOTHING: Mapping[str, Any] = {}


def pieces(rows: Iterable[Any], size: int, source: Source) -> Iterator[Columns]:
    """Rows as columns, so many at a time."""
    left, start = iter(rows), 1
    while found := list(islice(left, size)):
        yield gather(found, source.at(range(start, start + len(found))))
        start += len(found)


def gather(rows: Sequence[Any], source: Source) -> Columns:
    """Rows as columns, once every field is known to be good.

    Raises:
        OutcomesError: A bad field; of several, one in the first bad row.
    """

    def made(start: int, stop: int) -> Columns:
        return _gathered(rows[start:stop], source.at(source.places[start:stop]))

    columns = to_the_first_error(made, 0, len(rows))
    source.first_of(columns.ids)
    return columns


def _gathered(rows: Sequence[Any], source: Source) -> Columns:
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise source.error(i, "", "a row must be a JSON object.")
    columns = heads(rows, source)
    answers = _Answers(rows, source)
    columns.arms = list(answers.arms)
    shape = (len(rows), len(columns.arms))
    for key, values in fields_of(_Objects(answers.found), answers.problem).items():
        columns.answers[key] = np.full(shape, np.nan)
        columns.answers[key][answers.row, answers.arm] = values
    return columns


def heads(rows: Sequence[Mapping[str, Any]], source: Source) -> Columns:
    """Everything of the rows but their answers."""
    columns = Columns(
        ids=[checks.name(row.get("id"), _at(source, i, "id")) for i, row in enumerate(rows)],
        arms=[],
        groups=[_group(row.get("group"), source, i) for i, row in enumerate(rows)],
        agreement=_agreement(rows, source),
    )
    for what in TEXTS:
        found = [checks.text(row.get(what), _at(source, i, what)) for i, row in enumerate(rows)]
        if any(text is not None for text in found):
            # Many questions are asked of one context.
            columns.texts[what] = [
                text if text is None or what != "context" else source.shared(text) for text in found
            ]
    if any(row.get("tags") is not None for row in rows):
        tags = [checks.texts(row.get("tags"), _at(source, i, "tags")) for i, row in enumerate(rows)]
        columns.tags = [tuple(source.shared(tag) for tag in found) for found in tags]
    return columns


def _group(value: Any, source: Source, row: int) -> str | None:
    return None if value is None else source.shared(checks.name(value, _at(source, row, "group")))


class _Answers:
    """The answers of some rows, one after another, with the row and the arm of each."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], source: Source) -> None:
        self.source = source
        self.arms: dict[str, int] = {}
        self.found: list[Mapping[str, Any]] = []
        self.row: list[int] = []
        self.arm: list[int] = []
        for i, row in enumerate(rows):
            self._add(i, row.get("arms"))

    def _add(self, i: int, arms: Any) -> None:
        if not isinstance(arms, Mapping):
            missing = "is missing: it " if arms is None else ""
            problem = f"{missing}must be an object with one entry for each model that answered."
            raise self.source.error(i, "arms", problem)
        before = len(self.found)
        for arm, answer in arms.items():
            if answer is None:
                continue
            if not (arm and isinstance(answer, dict | Mapping)):
                raise self.source.error(i, f"arms.{arm}", "must be an object, under a name.")
            self.found.append(answer)
            self.row.append(i)
            self.arm.append(self.arms.setdefault(arm, len(self.arms)))
        if len(self.found) == before:
            raise self.source.error(i, "arms", "a row needs the answer of at least one model.")

    def problem(self, i: int, where: str, says: str) -> OutcomesError:
        """The error of the answer with this index."""
        arm = list(self.arms)[self.arm[i]]
        return self.source.error(self.row[i], f"arms.{arm}.{where}", says)


class _Objects(Found):
    """Objects as JSON has them."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        self._found = found

    def numbers(self, name: str, limits: Limits, fail: Fail) -> Floats:
        return checks.numbers(self._values(name), limits, fail)

    def objects(self, name: str, fail: Fail) -> Found | None:
        values = self._values(name)
        if values.count(None) == len(values):
            return None
        for i, value in enumerate(values):
            if value is not None and not isinstance(value, Mapping):
                raise fail(i, "must be an object.")
        return _Objects([_NOTHING if value is None else value for value in values])

    def names(self) -> Iterable[str]:
        return chain.from_iterable(self._found)

    def _values(self, name: str) -> list[Any]:
        try:  # most fields are in every object, and this is the faster way to them
            return list(map(itemgetter(name), self._found))
        except KeyError:
            return [one.get(name) for one in self._found]


def _agreement(rows: Sequence[Mapping[str, Any]], source: Source) -> dict[Key, Floats]:
    """How far the answers of two arms agree, by pair and measure."""
    cells: dict[Key, dict[int, Any]] = {}
    for i, row in enumerate(rows):
        for pair, measures in _items(row.get("agreement"), _at(source, i, "agreement")):
            for measure, value in _items(measures, _at(source, i, f"agreement.{pair}")):
                if value is not None:
                    cells.setdefault((pair, measure), {})[i] = value
    columns: dict[Key, Floats] = {}
    for key, found in cells.items():
        fail = _among(source, list(found), f"agreement.{key[0]}.{key[1]}")
        columns[key] = np.full(len(rows), np.nan)
        columns[key][list(found)] = checks.numbers(list(found.values()), SHARE, fail)
    return columns


def _items(value: Any, fail: Callable[[str], OutcomesError]) -> Iterable[tuple[str, Any]]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        msg = "must be an object."
        raise fail(msg)
    return value.items()


def _at(source: Source, row: int, where: str) -> Callable[[str], OutcomesError]:
    return lambda problem: source.error(row, where, problem)


def _among(source: Source, rows: Sequence[int], where: str) -> Fail:
    return lambda i, problem: source.error(rows[i], where, problem)


def objects(columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows as JSON objects; a row without any answer is left out."""
    for start in range(0, len(columns), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        answers = {key: column[some].tolist() for key, column in columns.answers.items()}
        for i, row_id in enumerate(columns.ids[some]):
            found = {arm: _answer(answers, i, j) for j, arm in enumerate(columns.arms)}
            arms = {arm: answer for arm, answer in found.items() if answer}
            if arms:
                yield {"id": row_id, **_head(columns, start + i), "arms": arms}


def _head(columns: Columns, i: int) -> dict[str, Any]:
    """Everything of a row but its id and its answers."""
    row: dict[str, Any] = {
        what: texts[i] for what, texts in columns.texts.items() if texts[i] is not None
    }
    if columns.tags and columns.tags[i]:
        row["tags"] = list(columns.tags[i])
    if columns.groups[i] is not None:
        row["group"] = columns.groups[i]
    for (pair, measure), values in columns.agreement.items():
        if not math.isnan(values[i]):
            agreement = row.setdefault("agreement", {})
            agreement.setdefault(pair, {})[measure] = float(values[i])
    return row


def _answer(answers: Mapping[Key, list[list[float]]], i: int, j: int) -> dict[str, Any]:
    """One answer as a JSON object, empty where the row does not hold that arm."""
    answer: dict[str, Any] = {}
    for (what, name), column in answers.items():
        value = column[i][j]
        if math.isnan(value):
            continue
        if what == "signals" and name == "self_verification":
            answer["confidence"] = value
        elif what == "signals":
            answer.setdefault("signals", {})[name] = value
        elif what in EXTRAS:
            one, many = EXTRAS[what]
            verification = answer.setdefault("verification", {})
            own = name == "self_verification"
            place = verification if own else verification.setdefault(many, {})
            place[one if own else name] = value
        else:
            answer[what] = int(value) if what.endswith("_tokens") and value % 1 == 0 else value
    return answer
