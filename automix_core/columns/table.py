"""The columns of an outcome table while it is read, joined or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
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


def merge(pieces: list[Columns]) -> Columns:
    """All rows of several pieces, with their arms in order of mean cost, cheapest first.

    The pieces are emptied column by column, so that little more memory is needed than for the
    result. Arms of equal mean cost keep the order in which they were first seen.
    """
    arms = _by_cost(pieces)
    sizes = [len(piece) for piece in pieces]
    merged = Columns([name for piece in pieces for name in piece.ids], arms)
    for key in _keys(piece.answers for piece in pieces):
        merged.answers[key] = _stacked(pieces, sizes, key, arms)
    for key in _keys(piece.agreement for piece in pieces):
        nothing = [np.full(size, np.nan) for size in sizes]
        parts = [
            piece.agreement.pop(key, none) for piece, none in zip(pieces, nothing, strict=True)
        ]
        merged.agreement[key] = np.concatenate(parts)
    merged.groups = [name for piece in pieces for name in piece.groups]
    for what in TEXTS:
        if any(what in piece.texts for piece in pieces):
            merged.texts[what] = [
                text
                for piece in pieces
                for text in piece.texts.pop(what, None) or [None] * len(piece)
            ]
    if any(piece.tags for piece in pieces):
        merged.tags = [tags for piece in pieces for tags in piece.tags or [()] * len(piece)]
    return merged


def _keys(pieces: Iterable[dict[Key, Floats]]) -> list[Key]:
    """Every key once, in the order first seen."""
    return list(dict.fromkeys(key for piece in pieces for key in piece))


def _stacked(pieces: list[Columns], sizes: list[int], key: Key, arms: list[str]) -> Floats:
    """One field of all pieces, which lose it."""
    place = {name: i for i, name in enumerate(arms)}
    out = np.full((sum(sizes), len(arms)), np.nan)
    start = 0
    for piece, size in zip(pieces, sizes, strict=True):
        part = piece.answers.pop(key, None)
        if part is not None:
            out[start : start + size, [place[name] for name in piece.arms]] = part
        start += size
    return out


def _by_cost(pieces: list[Columns]) -> list[str]:
    """The names of all arms by mean cost over the rows that hold them."""
    total: dict[str, float] = {}
    count: dict[str, int] = {}
    for name, costs in _costs(pieces):
        total[name] = total.get(name, 0.0) + float(np.nansum(costs))
        count[name] = count.get(name, 0) + int((~np.isnan(costs)).sum())
    # Twelve digits: the rounding of a sum over many rows must not tell equal costs apart.
    mean = {
        name: float(f"{total[name] / count[name]:.12g}") if count[name] else np.inf
        for name in total
    }
    return sorted(total, key=lambda name: mean[name])


def _costs(pieces: list[Columns]) -> Iterator[tuple[str, Floats]]:
    for piece in pieces:
        for i, name in enumerate(piece.arms):
            yield name, piece.answers["cost", ""][:, i]


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
