"""Intervals by resampling groups of rows.

Rows of one group (one document, one conversation) are not independent, so whole groups are drawn
with replacement. A statistic is a function of sums over rows; sums over groups are made once, and
a resample is one row of a matrix product. The same seed draws the same resamples, so that two
statistics of one bootstrap are compared as pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats

__all__ = ["Bootstrap", "Measure", "first_over_last", "standard_error"]

RESAMPLES = 2000
BLOCKS = 10_000
CELLS = 2_000_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Measure:
    """A statistic with its 95 % interval.

    Attributes:
        mean: Its value on the rows as they are.
        low: Lower end of the interval; never above `mean`.
        high: Upper end of the interval; never below `mean`.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Measure | None:
        """The measure of a statistic from its value on the rows and on the resamples.

        A resample in which the statistic is undefined might have come out anywhere, so it counts
        as the lowest for the lower end and as the highest for the upper.

        Args:
            values: (1 + resamples,) the value on the rows as they are, then on each resample; NaN
                where it is undefined.

        Returns:
            The measure, or `None` where the statistic is undefined on the rows themselves, or in
            so many resamples that an end of the interval is.
        """
        mean, drawn = float(values[0]), values[1:]
        if not np.isfinite(mean) or not len(drawn):
            return None
        tail = (1 - LEVEL) / 2
        missing = ~np.isfinite(drawn)
        low = np.quantile(np.where(missing, -np.inf, drawn), tail, method="lower")
        high = np.quantile(np.where(missing, np.inf, drawn), 1 - tail, method="higher")
        if not (np.isfinite(low) and np.isfinite(high)):
            return None
        return cls(mean, min(float(low), mean), max(float(high), mean))

    def as_dict(self) -> dict[str, float]:
        """The measure as JSON values."""
        return asdict(self)


Statistic = Callable[[Floats], Floats]
"""From sums over rows, (resamples, columns), to one value for each resample; NaN if undefined.

The last column is the number of rows.
"""


def first_over_last(sums: Floats) -> Floats:
    """The mean of the first column: its sum over the number of rows."""
    mean: Floats = sums[:, 0] / sums[:, -1]
    return mean


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Resamples of groups of rows.

    Above 10,000 groups, groups are dealt at random into 10,000 blocks of equal size, and those are
    resampled: the spread is the same, and the work no longer grows.

    Attributes:
        units: (rows,) which unit, a group or a block of groups, each row belongs to, from 0.
        count: How many units there are.
        resamples: How many resamples are drawn.
        seed: Seed of the draws.
    """

    units: NDArray[np.int64]
    count: int
    resamples: int = RESAMPLES
    seed: int = 0

    @classmethod
    def over(
        cls,
        groups: ArrayLike,
        *,
        resamples: int = RESAMPLES,
        seed: int = 0,
        blocks: int = BLOCKS,
    ) -> Bootstrap:
        """A bootstrap over rows.

        Args:
            groups: (rows,) rows with one value belong together. Of rows that are independent,
                each has a value of its own: `np.arange(rows)`.
            resamples: How many resamples to draw.
            seed: Seed of the draws: the same seed, the same intervals.
            blocks: Most units to resample; more groups than that are dealt into so many blocks.

        Raises:
            ConfigurationError: No rows, or no resamples.
        """
        names, units = np.unique(np.asarray(groups), return_inverse=True)
        if not len(names) or resamples < 1:
            msg = "A bootstrap needs at least one row and one resample."
            raise ConfigurationError(msg)
        count = len(names)
        if count > blocks:
            dealt = np.random.default_rng(seed).permutation(count) % blocks
            units, count = dealt[units], blocks
        return cls(units.reshape(-1).astype(np.int64), count, resamples, seed)

    def sums(self, columns: ArrayLike) -> Floats:
        """Sums of columns over the rows, on the rows as they are and on every resample.

        Args:
            columns: (rows,) or (rows, columns) finite numbers.

        Returns:
            (1 + resamples, columns + 1); the last column counts the rows.

        Raises:
            ConfigurationError: A number is not finite, or there are not as many as rows.
        """
        table = np.asarray(columns, dtype=float)
        table = table[:, None] if table.ndim == 1 else table
        if len(table) != len(self.units) or not np.isfinite(table).all():
            msg = f"A bootstrap over {len(self.units)} rows needs a finite number for each of them."
            raise ConfigurationError(msg)
        parts = [np.bincount(self.units, column, self.count) for column in table.T]
        rows = np.bincount(self.units, minlength=self.count)
        return self.of_units(np.column_stack([*parts, rows]))

    def of_units(self, table: Floats) -> Floats:
        """The same from sums over units: (units, columns) gives (1 + resamples, columns)."""
        drawn = [weights @ table for weights in self._draws()]
        return np.concatenate([table.sum(axis=0, keepdims=True), *drawn])

    def interval(
        self, columns: ArrayLike, statistic: Statistic = first_over_last
    ) -> Measure | None:
        """A statistic of sums over rows, with its interval.

        Args:
            columns: (rows,) or (rows, columns) finite numbers. For a paired difference give the
                differences, or both columns and a statistic that subtracts.
            statistic: From sums to values; the mean of the first column where left out.

        Returns:
            The measure, or `None` where the statistic is undefined, or where there are fewer than
            two groups: from one there is no telling how others would vary.
        """
        if self.count <= 1:
            return None
        sums = self.sums(columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            return Measure.of(np.asarray(statistic(sums), dtype=float))

    def interval_of_weighted(self, statistic: Callable[[Floats], Floats]) -> Measure | None:
        """A statistic that is no function of sums, such as one of ranks, with its interval.

        Args:
            statistic: From weights of rows, (resamples, rows), to one value for each resample; NaN
                where it is undefined. A weight is how often the row was drawn.

        Returns:
            As `interval`.
        """
        if self.count <= 1:
            return None
        few = max(1, CELLS // len(self.units))
        drawn = (weights[:, self.units] for weights in self._draws(at_once=few))
        as_they_are = np.ones((1, len(self.units)))
        values = [np.asarray(statistic(weights)) for weights in chain([as_they_are], drawn)]
        return Measure.of(np.concatenate(values).astype(float))

    def _draws(self, at_once: int | None = None) -> Iterator[Floats]:
        """How often each unit is drawn, (resamples, units), a few resamples at a time."""
        generator = np.random.default_rng(self.seed)
        chunk = min(max(1, CELLS // self.count), at_once or self.resamples)
        for start in range(0, self.resamples, chunk):
            size = min(chunk, self.resamples - start)
            drawn = generator.integers(self.count, size=(size, self.count), dtype=np.int32)
            drawn += np.arange(size, dtype=np.int32)[:, None] * np.int32(self.count)
            counts = np.bincount(drawn.ravel(), minlength=size * self.count)
            yield counts.reshape(size, self.count).astype(float)


def standard_error(values: Floats, groups: NDArray[np.int64]) -> float:
    """Standard error of a mean whose rows hang together in groups; infinite for one group.

    Args:
        values: (rows,) finite.
        groups: (rows,) rows with one value belong together.
    """
    _, unit, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(size) < 2:
        return float("inf")
    residual = np.bincount(unit, values) - values.mean() * size
    spread = (residual**2).sum() * len(size) / (len(size) - 1)
    return float(np.sqrt(spread) / len(values))
