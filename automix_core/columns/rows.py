"""Rows as JSON objects: checked and turned into columns, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from automix_core.columns.source import (
    AMOUNT,
    COUNT,
    NUMBER,
    SHARE,
    Limits,
    Source,
    name,
    numbers,
    text,
    texts,
)
from automix_core.columns.table import TEXTS, Columns, Key
from automix_core.errors import OutcomesError
from automix_core.evidence import Floats

__all__ = ["ALIASES", "gather", "objects", "with_signals"]

ALIASES = {"p_true": "true_probability"}
"""Other names under which a file may hold a verifier's signal."""

_SHARES = {"self_verification", "true_probability", "answer_likelihood"}
_PLAIN = {
    "quality": SHARE,
    "cost": AMOUNT,
    "latency": AMOUNT,
    "input_tokens": AMOUNT,
    "output_tokens": AMOUNT,
}
_NEEDED = {
    "quality": "is missing: every answer needs a score in [0, 1].",
    "cost": "is missing: every answer needs what it cost, in US dollars.",
}
_LIKELIHOOD_TOKENS = 32
_NOTHING: Mapping[str, Any] = {}


def gather(rows: Sequence[Any], source: Source) -> Columns:
    """Rows as columns, once every field is known to be good.

    Raises:
        OutcomesError: A bad field; of several, the one in the first bad row.
    """
    try:
        return _gathered(rows, source)
    except OutcomesError:
        if len(rows) > 1:
            for row, place in zip(rows, source.places, strict=True):
                _gathered([row], source.at([place]))
        raise


def _gathered(rows: Sequence[Any], source: Source) -> Columns:
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise source.error(i, "", "a row must be a JSON object.")
    columns = Columns(
        [name(row.get("id"), _fail(source, i, "id")) for i, row in enumerate(rows)], []
    )
    groups = [row.get("group") for row in rows]
    columns.groups = [
        None if group is None else source.shared(name(group, _fail(source, i, "group")))
        for i, group in enumerate(groups)
    ]
    for what in TEXTS:
        found = [text(row.get(what), _fail(source, i, what)) for i, row in enumerate(rows)]
        if any(value is not None for value in found):
            shared = source.shared if what == "context" else str
            columns.texts[what] = [None if value is None else shared(value) for value in found]
    tags = [
        tuple(source.shared(tag) for tag in texts(row.get("tags"), _fail(source, i, "tags")))
        for i, row in enumerate(rows)
    ]
    columns.tags = tags if any(tags) else []
    answers = _Answers(rows, source)
    columns.arms = list(answers.arms)
    columns.answers = answers.columns()
    columns.agreement = _agreement(rows, source)
    return columns


class _Answers:
    """The answers of some rows, one after another, with the row and the arm of each."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], source: Source) -> None:
        self.source = source
        self.shape = (len(rows), 0)
        self.arms: dict[str, int] = {}
        self.found: list[Mapping[str, Any]] = []
        self.row: list[int] = []
        self.arm: list[int] = []
        for i, row in enumerate(rows):
            self._add(i, row.get("arms"))
        self.shape = (len(rows), len(self.arms))

    def _add(self, i: int, arms: Any) -> None:
        if not isinstance(arms, Mapping):
            problem = "must be an object with one entry for each model that answered."
            raise self.source.error(
                i, "arms", problem if arms is not None else f"is missing: {problem}"
            )
        before = len(self.found)
        for arm, answer in arms.items():
            if answer is None:
                continue
            if not (isinstance(answer, Mapping) and arm):
                raise self.source.error(i, f"arms.{arm}", "must be an object, under a name.")
            self.found.append(answer)
            self.row.append(i)
            self.arm.append(self.arms.setdefault(arm, len(self.arms)))
        if len(self.found) == before:
            raise self.source.error(i, "arms", "a row needs the answer of at least one model.")

    def columns(self) -> dict[Key, Floats]:
        """Every field that some answer fills, as a column."""
        flat: dict[Key, Floats] = {}
        for what, limits in _PLAIN.items():
            flat[what, ""] = self._numbers(self.found, what, what, limits)
        for what, problem in _NEEDED.items():
            missing = np.isnan(flat[what, ""])
            if missing.any():
                raise self._error(int(missing.argmax()), what, problem)
        verification = self._objects(self.found, "verification", "verification")
        if verification is not None:
            flat |= self._verification(verification)
        confidence = self._numbers(self.found, "confidence", "confidence", SHARE)
        flat["signals", "self_verification"] = self._confidence(confidence, verification)
        signals = self._objects(self.found, "signals", "signals")
        if signals is not None:
            for key, values in self._named(signals, "signals", None).items():
                flat[key] = _either(flat.get(key), values)
        with_signals(flat)
        return {
            key: self._placed(values)
            for key, values in flat.items()
            if key[0] in _NEEDED or not np.isnan(values).all()
        }

    def _verification(self, found: Sequence[Mapping[str, Any]]) -> dict[Key, Floats]:
        """What verifying cost, in money and in time, by the signal's name."""
        flat: dict[Key, Floats] = {}
        for one, many, key in (
            ("cost", "costs", "checks"),
            ("latency", "latencies", "check_latency"),
        ):
            where = f"verification.{one}"
            flat[key, "self_verification"] = self._numbers(found, one, where, AMOUNT)
            others = self._objects(found, many, f"verification.{many}")
            if others is not None:
                named = self._named(others, key, AMOUNT, f"verification.{many}")
                for name_, values in named.items():
                    flat[name_] = _either(flat.get(name_), values)
        return flat

    def _confidence(self, confidence: Floats, found: Sequence[Mapping[str, Any]] | None) -> Floats:
        """The share of correct verdicts: as it was given, else from the counts."""
        if found is None:
            return confidence
        planned, asked, valid, correct = (
            self._numbers(found, what, f"verification.{what}", COUNT)
            for what in ("planned", "samples", "valid", "correct")
        )
        for less, more, what, limit in (
            (correct, valid, "correct", "valid"),
            (correct, asked, "correct", "samples"),
            (valid, asked, "valid", "samples"),
        ):
            bad = less > more
            if bad.any():
                i = int(bad.argmax())
                problem = (
                    f"{less[i]:g} cannot be more than verification.{limit}, which is {more[i]:g}."
                )
                raise self._error(i, f"verification.{what}", problem)
        bad = (valid == 0) & ~np.isnan(confidence)
        if bad.any():
            problem = (
                "must be null where verification.valid is 0: no verdict is neither a yes nor a no."
            )
            raise self._error(int(bad.argmax()), "confidence", problem)
        counted = np.divide(correct, valid, out=np.full_like(valid, np.nan), where=valid > 0)
        # A verifier that stopped early says only on which side of a line the rest lies.
        return np.where(asked < planned, np.nan, _either(confidence, counted))

    def _objects(
        self, found: Sequence[Mapping[str, Any]], what: str, where: str
    ) -> list[Mapping[str, Any]] | None:
        """The objects under one field, empty ones for those missing; `None` if all are."""
        values = [answer.get(what) for answer in found]
        if values.count(None) == len(values):
            return None
        for i, value in enumerate(values):
            if value is not None and not isinstance(value, Mapping):
                raise self._error(i, where, "must be an object.")
        return [_NOTHING if value is None else value for value in values]

    def _named(
        self, found: Sequence[Mapping[str, Any]], field: str, limits: Limits | None, where: str = ""
    ) -> dict[Key, Floats]:
        """One column for each name in the objects; a canonical name goes before its alias."""
        columns: dict[Key, Floats] = {}
        names = dict.fromkeys(chain.from_iterable(found))
        for given in sorted(names, key=lambda n: n in ALIASES):
            canonical = ALIASES.get(given, given)
            bounds = limits or (SHARE if canonical in _SHARES else NUMBER)
            values = self._numbers(found, given, f"{where or field}.{given}", bounds)
            columns[field, canonical] = _either(columns.get((field, canonical)), values)
        return columns

    def _numbers(
        self, found: Sequence[Mapping[str, Any]], what: str, where: str, limits: Limits
    ) -> Floats:
        values = [answer.get(what) for answer in found]
        return numbers(values, limits, lambda i, problem: self._error(i, where, problem))

    def _placed(self, values: Floats) -> Floats:
        out = np.full(self.shape, np.nan)
        out[self.row, self.arm] = values
        return out

    def _error(self, i: int, field: str, problem: str) -> OutcomesError:
        arm = list(self.arms)[self.arm[i]]
        return self.source.error(self.row[i], f"arms.{arm}.{field}", problem)


def with_signals(flat: dict[Key, Floats]) -> None:
    """Add the likelihood of the answers, where their log-probabilities are known.

    As the verifier of that name has it: `exp(sum)` up to 32 tokens, and above that as if the
    answer were 32 tokens of the same average. The number of tokens is sum / mean, else the
    answer's output tokens.
    """
    total = flat.get(("signals", "answer_logprob_sum"))
    if total is None:
        return
    unknown = np.full_like(total, np.nan)
    mean = flat.get(("signals", "answer_logprob_mean"), unknown)
    counted = np.round(np.divide(total, mean, out=unknown.copy(), where=mean != 0))
    tokens = np.where(counted >= 1, counted, flat.get(("output_tokens", ""), unknown))
    tokens = np.where(tokens >= 1, tokens, np.nan)
    likelihood = np.exp(np.minimum(0.0, total * np.minimum(1.0, _LIKELIHOOD_TOKENS / tokens)))
    key = ("signals", "answer_likelihood")
    flat[key] = _either(flat.get(key), likelihood)


def _either(first: Floats | None, second: Floats) -> Floats:
    """The first column, and the second where the first is missing."""
    return second if first is None else np.where(np.isnan(first), second, first)


def _agreement(rows: Sequence[Mapping[str, Any]], source: Source) -> dict[Key, Floats]:
    """How far the answers of two arms agree, by pair and measure."""
    given = [row.get("agreement") for row in rows]
    cells: dict[Key, dict[int, Any]] = {}
    for i, pairs in enumerate(given):
        for pair, measures in _items(pairs, _fail(source, i, "agreement")):
            where = f"agreement.{pair}"
            for measure, value in _items(measures, _fail(source, i, where)):
                if value is not None:
                    cells.setdefault((pair, measure), {})[i] = value
    columns: dict[Key, Floats] = {}
    for key, found in cells.items():
        places = list(found)
        columns[key] = np.full(len(rows), np.nan)
        columns[key][places] = numbers(
            list(found.values()),
            SHARE,
            lambda i, problem, key=key, places=places: source.error(  # type: ignore[misc]
                places[i], f"agreement.{key[0]}.{key[1]}", problem
            ),
        )
    return columns


def _items(value: Any, fail: Any) -> Any:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise fail("must be an object.")
    return value.items()


def _fail(source: Source, row: int, where: str) -> Any:
    return lambda problem: source.error(row, where, problem)


def objects(columns: Columns) -> Iterator[dict[str, Any]]:
    """The rows as JSON objects; a row without any answer is left out."""
    for i, row_id in enumerate(columns.ids):
        arms = {
            arm: found for j, arm in enumerate(columns.arms) if (found := _answer(columns, i, j))
        }
        if not arms:
            continue
        row: dict[str, Any] = {"id": row_id}
        row |= {what: t for what, values in columns.texts.items() if (t := values[i]) is not None}
        if columns.tags and columns.tags[i]:
            row["tags"] = list(columns.tags[i])
        group = columns.groups[i]
        if group is not None:
            row["group"] = group
        row["arms"] = arms
        agreement: dict[str, dict[str, float]] = {}
        for (pair, measure), values in columns.agreement.items():
            if not math.isnan(values[i]):
                agreement.setdefault(pair, {})[measure] = float(values[i])
        if agreement:
            row["agreement"] = agreement
        yield row


def _answer(columns: Columns, i: int, j: int) -> dict[str, Any]:
    """One answer as a JSON object, empty where the row does not hold that arm."""
    answer: dict[str, Any] = {}
    for (what, name_), column in columns.answers.items():
        value = float(column[i, j])
        if math.isnan(value):
            continue
        if what == "signals":
            if name_ == "self_verification":
                answer["confidence"] = value
            else:
                answer.setdefault("signals", {})[name_] = value
        elif what in {"checks", "check_latency"}:
            one, many = ("cost", "costs") if what == "checks" else ("latency", "latencies")
            verification = answer.setdefault("verification", {})
            if name_ == "self_verification":
                verification[one] = value
            else:
                verification.setdefault(many, {})[name_] = value
        else:
            answer[what] = int(value) if what.endswith("_tokens") and value % 1 == 0 else value
    return answer
