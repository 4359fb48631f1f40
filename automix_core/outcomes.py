"""The outcome table: what each arm's answer to each question was worth, cost and looked like.

Routers are fitted on it and measured with it. In memory it is arrays of rows and arms, cheapest
arm first; on disk it is JSON Lines or Parquet, one question a row. A row need not hold every arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.columns import files
from automix_core.columns.rows import gather, objects
from automix_core.columns.source import Source
from automix_core.columns.table import Columns, Key, merge
from automix_core.errors import ConfigurationError, OutcomesError, UnknownNameError
from automix_core.evidence import Bools, Floats

__all__ = ["Outcomes"]

_Kind = TypeVar("_Kind", np.float64, np.int64)

_PIECE = 2_000
_PLAIN = ("quality", "cost", "latency", "input_tokens", "output_tokens")
_NAMED = ("signals", "checks", "check_latency")


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes:
    """Rows of (query x arm): n rows over m arms, in order of mean cost, cheapest first.

    The mean is over the rows that hold the arm, and arms of equal mean cost keep the order in
    which they were first seen. NaN stands for what is missing, never 0. All arrays are read-only;
    a column that no row fills takes no memory. Made by `read`, `of`, `from_arrays` and `join`.

    Not kept: the answers' texts, the counts of verdicts behind a confidence, and fields that the
    format does not name.

    Attributes:
        ids: (n) names of the rows.
        arms: (m) names of the arms.
        quality: (n, m) in [0, 1]; NaN where the row does not hold that arm.
        cost: (n, m) US dollars of the answer alone; NaN where the row does not hold that arm.
        latency: (n, m) seconds.
        input_tokens: (n, m) as the provider counted.
        output_tokens: (n, m) as the provider counted.
        signals: (n, m) by the name of the verifier. "self_verification" is the file's
            `confidence`, "true_probability" its `p_true`, and "answer_likelihood" is computed
            from the sum of the answer's log-probabilities where the file does not give it.
        checks: (n, m) US dollars that getting a signal cost, by its name.
        check_latency: (n, m) seconds that getting a signal took, by its name.
        groups: (n,) rows with one number belong together and are never split apart.
        texts: (n) texts by "query", "question" and "context", where there are any.
        tags: (n) tags of each row, or nothing at all where no row has tags.
        agreement: (n,) by pair of arms ("small|large") and measure ("exact", "f1").
        group_names: (n) names of the groups, `None` where a row belongs to no other.
    """

    ids: tuple[str, ...]
    arms: tuple[str, ...]
    quality: Floats
    cost: Floats
    latency: Floats
    input_tokens: Floats
    output_tokens: Floats
    signals: Mapping[str, Floats]
    checks: Mapping[str, Floats]
    check_latency: Mapping[str, Floats]
    groups: NDArray[np.int64]
    texts: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    tags: tuple[tuple[str, ...], ...] = ()
    agreement: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    group_names: tuple[str | None, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        signals = ", ".join(self.signals) or "none"
        return f"Outcomes({len(self)} rows, arms: {', '.join(self.arms) or 'none'}; signals: {signals})"

    @property
    def has(self) -> Bools:
        """(n, m) the row holds that arm."""
        return ~np.isnan(self.quality)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], source: str = "rows") -> Outcomes:
        """A table of JSON objects, as a file holds them.

        Args:
            rows: One object for each question.
            source: What errors call them.

        Raises:
            OutcomesError: A bad row; the message names the row and the field.
        """
        return cls._whole(_pieces(iter(rows), Source(source)), Source(source))

    @classmethod
    def read(cls, path: str | Path) -> Outcomes:
        """A table from a `.jsonl`, `.jsonl.gz` or `.parquet` file.

        Raises:
            OutcomesError: The file cannot be read, or a row is bad; names file, line and field.
        """
        return cls._whole(files.read(path, _PIECE), Source(Path(path).name))

    @classmethod
    def join(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """The rows of several tables, in this order; groups of one name become one.

        Raises:
            OutcomesError: Two rows have one id.
        """
        return cls._whole((part.columns() for part in parts), Source("joined tables"))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows as JSON objects, of which `of` makes an equal table.

        A row without any answer is left out, for the format cannot hold it.
        """
        return objects(self.columns())

    def write(self, path: str | Path) -> None:
        """Write the table to a `.jsonl`, `.jsonl.gz` or `.parquet` file, in one step.

        Raises:
            OutcomesError: The file cannot be written.
        """
        files.write(path, self.columns())

    def take(self, rows: ArrayLike | slice) -> Outcomes:
        """Some of the rows, with the arms in the same order.

        Args:
            rows: Places of the rows, a slice, or a mask. A place may recur, as in a bootstrap.
        """
        chosen = _places(rows, len(self))
        index = rows if isinstance(rows, slice) else chosen  # a slice of an array is a view
        places = chosen.tolist()
        return Outcomes(
            ids=tuple([self.ids[i] for i in places]),
            arms=self.arms,
            **{what: _chosen(getattr(self, what), index) for what in _PLAIN},
            **{
                what: {k: _chosen(column, index) for k, column in getattr(self, what).items()}
                for what in _NAMED
            },
            groups=_fixed(self.groups[index]),
            texts={k: tuple([texts[i] for i in places]) for k, texts in self.texts.items()},
            tags=tuple([self.tags[i] for i in places]) if self.tags else (),
            agreement={
                pair: {k: _chosen(column, index) for k, column in measures.items()}
                for pair, measures in self.agreement.items()
            },
            group_names=tuple([self.group_names[i] for i in places]) if self.group_names else (),
        )

    def only(self, arms: Sequence[str]) -> Outcomes:
        """Some of the arms, in their order of cost. Every row stays, even one that held no other.

        Raises:
            UnknownNameError: The table has no arm of that name.
        """
        for name in arms:
            if name not in self.arms:
                what = "arm in this table"
                raise UnknownNameError(what, name, self.arms)
        kept = [i for i, name in enumerate(self.arms) if name in arms]
        names = tuple(self.arms[i] for i in kept)
        pairs = {f"{a}|{b}" for a in names for b in names}
        everywhere = (slice(None), kept)
        return Outcomes(
            ids=self.ids,
            arms=names,
            **{what: _chosen(getattr(self, what), everywhere) for what in _PLAIN},
            **{
                what: {k: _chosen(column, everywhere) for k, column in getattr(self, what).items()}
                for what in _NAMED
            },
            groups=self.groups,
            texts=self.texts,
            tags=self.tags,
            agreement={pair: m for pair, m in self.agreement.items() if pair in pairs},
            group_names=self.group_names,
        )

    def split(self, share: float = 0.5, seed: int = 0) -> tuple[Outcomes, Outcomes]:
        """Two tables at random: about this share of the rows, and the others.

        Rows of one group stay together, and both tables hold at least one group.

        Raises:
            ConfigurationError: The share does not lie between 0 and 1.
            OutcomesError: All rows belong to one group, or there are none.
        """
        if not 0 < share < 1:
            msg = f"split(share=...) must lie between 0 and 1, not {share!r}."
            raise ConfigurationError(msg)
        order, sizes, group = self._shuffled(seed)
        ends = np.cumsum(sizes)[:-1]
        first = int(np.abs(ends - share * len(self)).argmin()) + 1
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        mask = rank[group] < first
        return self.take(mask), self.take(~mask)

    def folds(
        self, count: int = 5, seed: int = 0
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Splits for cross-validation: each row is held out once, with all rows of its group.

        Args:
            count: How many folds; fewer where there are fewer groups.
            seed: Of the random order of the groups.

        Returns:
            Places of the training rows and of the held-out rows, one pair for each fold.

        Raises:
            ConfigurationError: Fewer than two folds.
            OutcomesError: All rows belong to one group, or there are none.
        """
        if count < 2:
            msg = f"folds(count=...) must be at least 2, not {count!r}."
            raise ConfigurationError(msg)
        order, sizes, group = self._shuffled(seed)
        # The largest groups are dealt first, to and fro, so that the folds come out alike.
        dealt = order[np.argsort(-sizes, kind="stable")]
        count = min(count, len(order))
        round_trip = np.concatenate([np.arange(count), np.arange(count)[::-1]])
        fold = np.empty(len(order), dtype=np.int64)
        fold[dealt] = np.resize(round_trip, len(order))
        held = fold[group]
        return [(np.flatnonzero(held != k), np.flatnonzero(held == k)) for k in range(count)]

    def _shuffled(
        self, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The groups in random order, their sizes in that order, and the group of each row."""
        _, group, size = np.unique(self.groups, return_inverse=True, return_counts=True)
        if len(size) < 2:
            msg = (
                f"A table of {len(self)} rows in {len(size)} groups cannot be split: rows of one "
                "group stay together, and each side needs at least one."
            )
            raise OutcomesError(msg)
        order = np.random.default_rng(seed).permutation(len(size))
        return order, size[order], group

    def columns(self) -> Columns:
        """The table as columns that may be taken apart; the arrays are shared."""
        plain: dict[Key, Floats] = {(what, ""): getattr(self, what) for what in _PLAIN}
        named: dict[Key, Floats] = {
            (what, name): column for what in _NAMED for name, column in getattr(self, what).items()
        }
        return Columns(
            ids=list(self.ids),
            arms=list(self.arms),
            answers={key: c for key, c in (plain | named).items() if any(c.strides) or not c.size},
            groups=list(self.group_names) or [None] * len(self),
            texts={what: list(texts) for what, texts in self.texts.items()},
            tags=list(self.tags),
            agreement={
                (pair, measure): column
                for pair, measures in self.agreement.items()
                for measure, column in measures.items()
            },
        )

    @classmethod
    def _whole(cls, pieces: Iterable[Columns], source: Source) -> Outcomes:
        """One table of all pieces."""
        seen: set[str] = set()
        kept: list[Columns] = []
        for piece in pieces:
            for name in piece.ids:
                if name in seen:
                    raise OutcomesError(f"{source.name}, id: {name!r} occurs twice.")
                seen.add(name)
            kept.append(piece)
        return cls.of_columns(merge(kept))

    @classmethod
    def of_columns(cls, columns: Columns) -> Outcomes:
        """A table of columns whose arms are in order."""
        n, m = len(columns), len(columns.arms)
        nothing = np.broadcast_to(np.nan, (n, m))
        agreement: dict[str, dict[str, Floats]] = {}
        for (pair, measure), values in columns.agreement.items():
            agreement.setdefault(pair, {})[measure] = _fixed(values)
        named: dict[str, dict[str, Floats]] = {what: {} for what in _NAMED}
        for (what, name), column in columns.answers.items():
            if name:
                named[what][name] = _fixed(column)
        return cls(
            ids=tuple(columns.ids),
            arms=tuple(columns.arms),
            **{what: _fixed(columns.answers.get((what, ""), nothing)) for what in _PLAIN},
            **named,
            groups=_fixed(_numbered(columns.groups)),
            texts={what: tuple(texts) for what, texts in columns.texts.items()},
            tags=tuple(columns.tags),
            agreement=agreement,
            group_names=tuple(columns.groups) if any(columns.groups) else (),
        )


def _pieces(rows: Iterator[Any], source: Source) -> Iterator[Columns]:
    start = 1
    while found := list(islice(rows, _PIECE)):
        yield gather(found, source.at(range(start, start + len(found))))
        start += len(found)


def _numbered(groups: Sequence[str | None]) -> NDArray[np.int64]:
    """A number for each row, the same for rows whose group has one name."""
    if not any(groups):
        return np.arange(len(groups))
    numbers: dict[str | int, int] = {}
    keys = (i if name is None else name for i, name in enumerate(groups))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _places(rows: ArrayLike | slice, count: int) -> NDArray[np.int64]:
    everything = np.arange(count)
    if isinstance(rows, slice):
        return everything[rows]
    asked = np.asarray(rows)
    return np.atleast_1d(everything[asked if asked.size else asked.astype(np.int64)])


def _chosen(column: Floats, index: Any) -> Floats:
    """Some rows or arms of a column; one that is missing throughout stays free of memory."""
    if any(column.strides) or not column.size:
        return _fixed(column[index])
    picked: Floats = column[index]
    return np.broadcast_to(np.nan, picked.shape)


def _fixed(array: NDArray[_Kind]) -> NDArray[_Kind]:
    """The same values, which can no longer be written to."""
    array.flags.writeable = False
    return array
