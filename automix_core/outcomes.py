"""The outcome table: what each arm's answer to each question was worth, cost and looked like.

Routers are fitted on it and measured with it. In memory it is arrays of rows and arms, cheapest
arm first; on disk it is JSON Lines or Parquet, one question a row. A row need not hold every arm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.columns import files, jsonl
from automix_core.columns.arrays import Rows, chosen, fixed, is_empty, places_of
from automix_core.columns.given import from_arrays
from automix_core.columns.rows import objects, pieces
from automix_core.columns.source import Source
from automix_core.columns.splits import fold_of, in_first
from automix_core.columns.table import NAMED, PLAIN, Columns, Key, attributes, merge
from automix_core.errors import OutcomesError, UnknownNameError
from automix_core.evidence import Bools, Floats

__all__ = ["Outcomes"]


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
        arms = ", ".join(self.arms) or "none"
        return f"Outcomes({len(self)} rows; arms: {arms}; signals: {signals})"

    @property
    def has(self) -> Bools:
        """(n, m) the row holds that arm."""
        return ~np.isnan(self.quality)

    @cached_property
    def group_count(self) -> int:
        """In how many groups the rows lie."""
        ordered = np.sort(self.groups)  # sorting is quicker than np.unique where all differ
        return int(np.count_nonzero(np.diff(ordered))) + 1 if len(ordered) else 0

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], source: str = "rows") -> Outcomes:
        """A table of JSON objects, as a file holds them.

        Args:
            rows: One object for each question.
            source: What errors call them.

        Raises:
            OutcomesError: A bad row; the message names the row and the field.
        """
        return cls.of_columns(pieces(rows, jsonl.PIECE, Source(source)))

    @classmethod
    def read(cls, path: str | Path) -> Outcomes:
        """A table from a `.jsonl`, `.jsonl.gz` or `.parquet` file, or from a store of events.

        Of a store (`.db`), the decisions with a known score are the rows.

        Raises:
            OutcomesError: The file cannot be read, or a row is bad; names file, line and field.
        """
        return cls.of_columns(files.read(path))

    @classmethod
    def from_arrays(
        cls,
        arms: Sequence[str],
        quality: ArrayLike,
        cost: ArrayLike,
        *,
        latency: ArrayLike | None = None,
        signals: Mapping[str, ArrayLike] | None = None,
        checks: Mapping[str, ArrayLike] | None = None,
        groups: Sequence[Any] | NDArray[Any] | None = None,
        ids: Sequence[str] | None = None,
    ) -> Outcomes:
        """A table of arrays, which are copied, with the arms put in order of mean cost.

        Args:
            arms: m names.
            quality: (n, m) in [0, 1], NaN where a row does not hold the arm.
            cost: (n, m), or (m,) where an arm costs the same in every row. US dollars.
            latency: (n, m) or (m,) seconds.
            signals: By the name of the verifier, (n, m), NaN where missing.
            checks: US dollars that getting a signal cost, by its name, (n, m) or (m,).
            groups: n names or numbers; rows of one group belong together.
            ids: n names; "0", "1" and so on where they are not given.

        Raises:
            OutcomesError: A shape that does not fit, or a value out of bounds.
        """
        given: dict[Key, ArrayLike | None] = {("quality", ""): quality, ("cost", ""): cost}
        given["latency", ""] = latency
        given |= {("signals", name): column for name, column in (signals or {}).items()}
        given |= {("checks", name): column for name, column in (checks or {}).items()}
        return cls.of_columns([from_arrays(arms, given, groups, ids)])

    @classmethod
    def join(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """The rows of several tables, in this order; groups of one name become one.

        Raises:
            OutcomesError: Two rows have one id.
        """
        source = Source("joined tables")
        for part in parts:
            source.at(range(1, len(part) + 1)).first_of(part.ids)
        return cls.of_columns(part.columns() for part in parts)

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

    def take(self, rows: Rows) -> Outcomes:
        """Some of the rows, with the arms in the same order.

        Args:
            rows: Places of the rows, a slice, or a mask. A place may recur, as in a bootstrap.
        """
        found = places_of(rows, len(self))
        index = rows if isinstance(rows, slice) else found  # a slice of an array is a view
        places = found.tolist()
        return self._mapped(
            lambda column: chosen(column, index),
            ids=tuple([self.ids[i] for i in places]),
            groups=fixed(self.groups[index]),
            texts={k: tuple([texts[i] for i in places]) for k, texts in self.texts.items()},
            tags=tuple([self.tags[i] for i in places]) if self.tags else (),
            agreement={
                pair: {k: chosen(column, index) for k, column in measures.items()}
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
        return self._mapped(
            lambda column: chosen(column, (slice(None), kept)),
            arms=names,
            agreement={pair: m for pair, m in self.agreement.items() if pair in pairs},
        )

    def in_order(self, arms: Sequence[str]) -> Outcomes:
        """The same arms in another order than that of their cost, as a router was fitted on.

        Args:
            arms: Every arm of the table, once.
        """
        if tuple(arms) == self.arms:
            return self
        places = [self.arms.index(name) for name in arms]
        return self._mapped(lambda column: chosen(column, (slice(None), places)), arms=tuple(arms))

    def require_comparable(self) -> Outcomes:
        """This table itself, if arms can be compared on it, as fitting and measuring must.

        Raises:
            OutcomesError: No rows, fewer than two arms, or an arm that no row holds.
        """
        if not len(self):
            msg = "The outcome table has no rows. Collect answers to some labelled questions first."
            raise OutcomesError(msg)
        if len(self.arms) < 2:
            msg = f"The outcome table has one arm, {self.arms[0]!r}; routing needs at least two."
            raise OutcomesError(msg)
        held = self.has
        for i, name in enumerate(self.arms):
            if not held[:, i].any():
                msg = f"No row holds the arm {name!r}. Collect its answers, or use only()."
                raise OutcomesError(msg)
        return self

    def split(self, share: float = 0.5, seed: int = 0) -> tuple[Outcomes, Outcomes]:
        """Two tables at random: about this share of the rows, and the others.

        Rows of one group stay together, and both tables hold at least one group.

        Raises:
            ConfigurationError: The share does not lie between 0 and 1.
            OutcomesError: All rows belong to one group, or there are none.
        """
        first = in_first(self.groups, share, seed)
        return self.take(first), self.take(~first)

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
        fold = fold_of(self.groups, count, seed)
        held = range(int(fold.max()) + 1)
        return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in held]

    def _mapped(self, change: Callable[[Floats], Floats], **others: Any) -> Outcomes:
        """This table with every (n, m) column changed, and other attributes replaced."""
        changed: dict[str, Any] = {what: change(getattr(self, what)) for what in PLAIN}
        for what in NAMED:
            columns: Mapping[str, Floats] = getattr(self, what)
            changed[what] = {name: change(column) for name, column in columns.items()}
        return replace(self, **changed, **others)

    def columns(self) -> Columns:
        """The table as columns that may be taken apart; the arrays are shared."""
        columns = Columns(
            ids=list(self.ids),
            arms=list(self.arms),
            groups=list(self.group_names) or [None] * len(self),
            texts={what: list(texts) for what, texts in self.texts.items()},
            tags=list(self.tags),
        )
        for what in PLAIN:
            if not is_empty(getattr(self, what)):
                columns.answers[what, ""] = getattr(self, what)
        for what in NAMED:
            for name, column in getattr(self, what).items():
                columns.answers[what, name] = column
        for pair, measures in self.agreement.items():
            for measure, values in measures.items():
                columns.agreement[pair, measure] = values
        return columns

    @classmethod
    def of_columns(cls, pieces: Iterable[Columns]) -> Outcomes:
        """A table of pieces that were checked; the pieces are used up."""
        return cls(**attributes(merge(pieces)))
