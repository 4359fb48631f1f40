"""Where rows come from, so that an error can name the file, the line and the field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError
from automix_core.evidence import Bools, Floats

__all__ = [
    "AMOUNT",
    "COUNT",
    "NUMBER",
    "SHARE",
    "Limits",
    "Source",
    "checked",
    "name",
    "numbers",
    "text",
    "texts",
    "to_the_first_error",
]

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Source:
    """Some rows of one table.

    Attributes:
        name: The file's name, or what else the rows came from.
        unit: What the places count: "line" or "row".
        places: The place of each row, counted from 1.
        pool: Texts that were read before, so that equal ones are kept once.
        seen: Ids that were read before.
    """

    name: str
    unit: str = "row"
    places: Sequence[int] = ()
    pool: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def at(self, places: Sequence[int]) -> Source:
        """The same source, for the rows at these places."""
        return replace(self, places=places)

    def error(self, row: int, where: str, problem: str) -> OutcomesError:
        """What is wrong with a field of the row with this index; an empty field is the row."""
        at = f", {where}" if where else ""
        return OutcomesError(f"{self.name}, {self.unit} {self.places[row]}{at}: {problem}")

    def first_of(self, ids: Sequence[str]) -> None:
        """Remember these ids.

        Raises:
            OutcomesError: One was there before.
        """
        for i, row_id in enumerate(ids):
            if row_id in self.seen:
                raise self.error(i, "id", f"{row_id!r} occurs twice; every row needs its own.")
            self.seen.add(row_id)

    def shared(self, text: str) -> str:
        """An equal text, kept once however often it is read."""
        return self.pool.setdefault(text, text)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number must be."""

    says: str
    low: float = -np.inf
    high: float = np.inf
    whole: bool = False

    def broken(self, values: Floats) -> Bools:
        """Where values break these limits; NaN breaks none, for it stands for a missing value."""
        with np.errstate(invalid="ignore"):
            bad = (values < self.low) | (values > self.high) | np.isinf(values)
            if self.whole:
                bad |= values % 1 > 0
        return bad


NUMBER = Limits("a finite number")
SHARE = Limits("a number in [0, 1]", 0.0, 1.0)
AMOUNT = Limits("a number of at least 0", 0.0)
COUNT = Limits("a whole number of at least 0", 0.0, whole=True)

Fail = Callable[[int, str], OutcomesError]
"""Makes the error of the value with this index, from what is wrong with it."""


def to_the_first_error(make: Callable[[int, int], Columns], start: int, stop: int) -> Columns:
    """Columns of the rows from `start` to `stop`, or else the error of the first bad row.

    Columns are checked one field after another, so the first error that shows need not be the
    first in the file; rows in halves, and halves of halves, lead to that one.
    """
    try:
        return make(start, stop)
    except OutcomesError:
        if stop - start > 1:
            middle = (start + stop) // 2
            to_the_first_error(make, start, middle)
            to_the_first_error(make, middle, stop)
        raise


def numbers(values: Sequence[Any], limits: Limits, fail: Fail) -> Floats:
    """Values read from JSON as an array, with NaN for `None`.

    Raises:
        OutcomesError: A value that is not a number (a boolean is none), or breaks the limits.
    """
    for kind in set(map(type, values)) - {float, int, type(None)}:
        if not issubclass(kind, int | float | np.number) or issubclass(kind, bool):
            bad = next(i for i, value in enumerate(values) if type(value) is kind)
            raise fail(bad, f"must be {limits.says}, not {_shown(values[bad])}.")
    try:
        array = np.array(values, dtype=np.float64)
    except (OverflowError, TypeError) as error:
        bad = next((i for i, value in enumerate(values) if _too_large(value)), 0)
        msg = f"must be {limits.says}, not {_shown(values[bad])}."
        raise fail(bad, msg) from error
    missing = np.isnan(array)
    if missing.sum() != values.count(None):
        missing = np.array([value is None for value in values], dtype=bool)
    return checked(array, missing, limits, fail)


def checked(array: Floats, missing: Bools, limits: Limits, fail: Fail) -> Floats:
    """The array itself, once it is known to hold nothing but numbers within the limits.

    Args:
        array: (n,) values, NaN where missing.
        missing: (n,) where no value was given; NaN elsewhere is an error.
        limits: What the values must be.
        fail: Makes the error of the value with this index.
    """
    bad = limits.broken(array) | (np.isnan(array) & ~missing)
    if bad.any():
        first = int(bad.argmax())
        raise fail(first, f"must be {limits.says}, not {_shown(float(array[first]))}.")
    return array


def text(value: Any, fail: Callable[[str], OutcomesError]) -> str | None:
    """A text or `None`."""
    if value is None or isinstance(value, str):
        return value
    msg = f"must be text, not {_shown(value)}."
    raise fail(msg)


def name(value: Any, fail: Callable[[str], OutcomesError]) -> str:
    """A name that is not empty; a whole number is taken as its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    msg = "is missing." if value is None else f"must be a text that is not empty, not {value!r}."
    raise fail(msg)


def texts(values: Any, fail: Callable[[str], OutcomesError]) -> Iterable[str]:
    """A list of texts; `None` is an empty one."""
    if values is None:
        return ()
    if isinstance(values, list | tuple) and all(isinstance(value, str) for value in values):
        return values
    msg = f"must be a list of texts, not {_shown(values)}."
    raise fail(msg)


def _too_large(value: Any) -> bool:
    try:
        float(value if value is not None else 0)
    except OverflowError:
        return True
    return False


def _shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
