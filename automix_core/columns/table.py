"""The columns of an outcome table while it is read, joined or written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from automix_core.columns.arrays import fixed, numbered
from automix_core.evidence import Floats

__all__ = [
    "NAMED",
    "PLAIN",
    "TEXTS",
    "Columns",
    "Key",
    "attributes",
    "merge",
]

PLAIN = ("quality", "cost", "latency", "input_tokens", "output_tokens")
"""Fields of an answer that hold one number; the first two are required."""

NAMED = ("signals", "checks", "check_latency")
"""Fields of an answer that hold one number for each signal."""

TEXTS = ("query", "question", "context")

_STEP = 50_000

Key = tuple[str, str]
"""A field of an answer, and the signal's name where the field has one for each signal."""


@dataclass(slots=True)
class Columns:
    """n rows over m arms, in any order of arms.

    Attributes:
        ids: n names.
        arms: m names.
        answers: (n, m) by field, NaN where missing; fields that no row fills are left out.
        groups: n names of groups, or `None` where a row belongs to no other.
        texts: n texts by field; fields that no row fills are left out.
        tags: n tuples, or none at all where no row has tags.
        agreement: (n,) by pair of arms and measure.
    """

    ids: list[str]
    arms: list[str]
    answers: dict[Key, Floats] = field(default_factory=dict)
    groups: list[str | None] = field(default_factory=list)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    tags: list[tuple[str, ...]] = field(default_factory=list)
    agreement: dict[Key, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def merge(pieces: Iterable[Columns]) -> Columns:
    """All rows of several pieces, with their arms in order of mean cost, cheapest first.

    Each piece is copied and let go before the next is asked for, so that a table that is read
    piece by piece takes little more memory than the result. Arms of equal mean cost keep the
    order in which they were first seen.
    """
    growing = _Growing()
    for piece in pieces:
        growing.add(piece)
    return growing.finished()


class _Growing:
    """Columns that grow in place."""

    def __init__(self) -> None:
        self.all = Columns([], [])
        self.room = 0

    def add(self, piece: Columns) -> None:
        """Copy the rows of a piece to the end."""
        start = len(self.all)
        self.all.ids += piece.ids
        self.all.groups += piece.groups
        self._make_room(len(self.all), piece.arms)
        places = [self.all.arms.index(name) for name in piece.arms]
        for key in [key for key in piece.answers if key not in self.all.answers]:
            self.all.answers[key] = np.full((self.room, len(self.all.arms)), np.nan)
        for key, column in self.all.answers.items():
            rows = column[start : len(self.all)]
            rows[:] = np.nan
            if key in piece.answers:
                rows[:, places] = piece.answers[key]
        for key in [key for key in piece.agreement if key not in self.all.agreement]:
            self.all.agreement[key] = np.full(self.room, np.nan)
        for key, values in self.all.agreement.items():
            values[start : len(self.all)] = piece.agreement.get(key, np.nan)
        for what, texts in piece.texts.items():
            known = self.all.texts.setdefault(what, [])
            known += [None] * (start - len(known)) + texts
        if any(piece.tags):
            self.all.tags += [()] * (start - len(self.all.tags)) + piece.tags

    def finished(self) -> Columns:
        """The columns, cut to their length and put in order; nothing can be added any more."""
        table = self.all
        count = len(table)
        # The sum over many equal costs is rounded: twelve digits do not tell them apart.
        cost = table.answers.get(("cost", ""), np.empty((count, 0)))[:count]
        held = np.maximum((~np.isnan(cost)).sum(axis=0), 1)
        means = [float(f"{mean:.12g}") for mean in np.nansum(cost, axis=0) / held]
        order = sorted(range(len(means)), key=means.__getitem__)
        del cost
        table.arms = [table.arms[i] for i in order]
        for key, column in table.answers.items():
            column.resize((count, len(order)), refcheck=False)
            if order != list(range(len(order))):
                table.answers[key] = column[:, order]
        for values in table.agreement.values():
            values.resize(count, refcheck=False)
        for texts in table.texts.values():
            texts.extend([None] * (count - len(texts)))
        if table.tags:
            table.tags += [()] * (count - len(table.tags))
        return table

    def _make_room(self, count: int, arms: list[str]) -> None:
        """Make the columns long and wide enough for so many rows and for these arms."""
        table = self.all
        new = [name for name in arms if name not in table.arms]
        table.arms += new
        if count > self.room:
            # A large array is made longer where it is, without a copy; a copy of every piece
            # until all are there would take the memory twice.
            self.room = count if not self.room else max(count, self.room + self.room // 8 + _STEP)
            for column in chain(table.answers.values(), table.agreement.values()):
                column.resize((self.room, *column.shape[1:]), refcheck=False)
        if new:
            wider = (self.room, len(new))
            for key, column in table.answers.items():
                table.answers[key] = np.hstack([column, np.full(wider, np.nan)])


def attributes(columns: Columns) -> dict[str, Any]:
    """The columns under the names of the attributes of `Outcomes`."""
    nothing = np.broadcast_to(np.nan, (len(columns), len(columns.arms)))
    found: dict[str, Any] = dict.fromkeys(PLAIN, nothing) | {what: {} for what in NAMED}
    for (what, name), column in columns.answers.items():
        if name:
            found[what][name] = fixed(column)
        else:
            found[what] = fixed(column)
    agreement: dict[str, dict[str, Floats]] = {}
    for (pair, measure), values in columns.agreement.items():
        agreement.setdefault(pair, {})[measure] = fixed(values)
    named = any(name is not None for name in columns.groups)
    return {
        **found,
        "ids": tuple(columns.ids),
        "arms": tuple(columns.arms),
        "groups": fixed(numbered(columns.groups)),
        "texts": {what: tuple(texts) for what, texts in columns.texts.items()},
        "tags": tuple(columns.tags) if any(columns.tags) else (),
        "agreement": agreement,
        "group_names": tuple(columns.groups) if named else (),
    }
