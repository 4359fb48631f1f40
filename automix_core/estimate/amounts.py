"""How much an arm takes for a request, such as the tokens of its answer, by the request's features.

For each arm the best of three is taken: its mean, a line of the logarithm, and the mean over the
most alike requests. MixLLM (arXiv 2502.18482, step 3) chooses so among a neural network, a random
forest and neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import ratio
from automix_core.errors import ConfigurationError
from automix_core.estimate.before import by_arm
from automix_core.estimate.nearest import NeighbourQuality
from automix_core.estimate.ridge import RidgeQuality
from automix_core.evidence import Bools, Evidence, Examples, Floats
from automix_core.parts import Part
from automix_core.request import Preference

__all__ = ["Amounts", "faded", "over_arms", "sane"]

MEAN, LINE, NEAR = range(3)
MOST = 2_000
"""Rows, spread over the table, that the choice is made on and neighbours are sought among."""
FEWEST = 20
"""Known rows below which the mean is taken."""
FOLDS = 5
BLOCKS = 50
"""Runs of rows that are held out together: what belongs together mostly stands together."""
SAME = 1e-12
"""Share of the mean square amount up to which a gain is mere rounding."""
LONGEST = 50.0
"""Logarithm that no amount exceeds."""


@dataclass(frozen=True, eq=False)
class Amounts(Part):
    """Expected amounts of each arm, each learned from its own rows and no others.

    A line is fitted to log(1 + amount), for amounts are skewed; its antilogarithm is scaled so that
    the amounts of the fit come out right on average (Duan's smearing estimate, 1983, as one
    factor). Anything but the mean must beat it on held-out rows by more than the standard error.
    Feedback moves the factor of its arm and leaves the shape as it was fitted.

    Attributes:
        penalty: Ridge penalty of the line, in rows.
        k: How many alike requests; 0 to leave neighbours out, whose search takes time.
        chosen_: (arms,) 0 for the mean, 1 for the line, 2 for alike requests.
        most_: (arms,) the greatest amount of the fit, beyond which nothing is expected.
        slope_: (arms, d) of the line.
        offset_: (arms,) of the line.
        near_: The most alike requests, with amounts in shares of `most_`.
        sums_: (arms, 3) weight of the rows, sum of their amounts, and sum of what is expected
            before the factor.
        factor_: (arms,) what the expectation is multiplied with; NaN for an arm without rows.
    """

    kind = "amounts"
    name = "amounts"
    penalty: float = 10.0
    k: int = 50
    chosen_: NDArray[np.int64] | None = None
    most_: Floats | None = None
    slope_: Floats | None = None
    offset_: Floats | None = None
    near_: NeighbourQuality | None = None
    sums_: Floats | None = None
    factor_: Floats | None = None

    def fit(self, amounts: Floats, features: Floats | None) -> Self:
        """A copy that has learned from a table.

        Args:
            amounts: (n, arms), at least 0, NaN where unknown.
            features: (n, d); with `None` all that can be learned is the mean.
        """
        amounts = sane(amounts)
        count, arms = amounts.shape
        some = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(int))
        chosen = np.full(arms, MEAN)
        if features is not None and (~np.isnan(amounts[some])).sum() >= FEWEST:
            chosen = self._best(amounts[some], features[some])
        return self._made(amounts, features, chosen, some)

    def expected(self, features: Floats | None, rows: int) -> Floats:
        """Amounts, (n, arms), NaN for an arm without rows.

        Args:
            features: (n, d); `None` where the embedder failed: arms are taken at their mean.
            rows: n.

        Raises:
            ConfigurationError: The features have another width than those that were learned from.
        """
        assert self.factor_ is not None  # noqa: S101 - for the type checker: it was fitted
        if features is None or not self._level:
            return self._unscaled(features, rows) * self.factor_
        self._check_width(features)
        row = self.factor_[None]  # the same for all requests, and quickly so for one
        return row if rows == 1 else np.repeat(row, rows, axis=0)

    def always(self, amount: float) -> bool:
        """Whether every arm with rows is expected to take just that, whatever the request."""
        factor: Any = self.factor_
        return self._level and bool(np.all(np.isnan(factor) | np.isclose(factor, amount)))

    def learn(self, amounts: Floats, features: Floats | None, forgetting: float) -> Self:
        """A copy that has taken in more rows; time and memory do not depend on those before.

        Args:
            amounts: (n, arms), NaN where unknown; the oldest row first.
            features: (n, d), or `None`.
            forgetting: What an arm's rows keep of their weight with each new row of it.
        """
        assert self.sums_ is not None  # noqa: S101 - for the type checker: it was fitted
        known = sane(amounts)
        if np.isnan(known).all():
            return self
        unscaled = self._unscaled(features, len(known))
        sums = faded(self.sums_, (np.ones_like(known), known, unscaled), forgetting)
        return replace(self, sums_=sums, factor_=_factor(sums))

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms, as `Estimator.over`; of a new one nothing is known."""
        moved: dict[str, Any] = {
            "chosen_": over_arms(self.chosen_, places, MEAN),
            "most_": over_arms(self.most_, places, 0.0),
            "slope_": over_arms(self.slope_, places, 0.0),
            "offset_": over_arms(self.offset_, places, 0.0),
            "sums_": over_arms(self.sums_, places, 0.0),
            "factor_": over_arms(self.factor_, places, np.nan),
            "near_": None if self.near_ is None else self.near_.over(places),
        }
        return replace(self, **moved)

    def _best(self, amounts: Floats, features: Floats) -> NDArray[np.int64]:
        """Of each arm, what missed its amounts least on held-out rows."""
        count, arms = amounts.shape
        blocks = min(BLOCKS, count)
        fold = (np.arange(count) * blocks // count) % FOLDS
        ways = (MEAN, LINE, NEAR) if self.k else (MEAN, LINE)
        missed = np.empty((len(ways), count, arms))
        for held in (fold == place for place in range(FOLDS)):
            train = amounts[~held], features[~held]
            for way in ways:
                made = self._made(*train, np.full(arms, way), np.arange(len(train[0])))
                missed[way, held] = made.expected(features[held], int(held.sum()))
        missed = (missed - amounts) ** 2
        chosen = np.full(arms, MEAN)
        for arm, (known, column) in enumerate(by_arm(amounts)):
            gained = missed[MEAN, known, arm] - missed[:, known, arm]
            if len(gained[0]) < FEWEST or np.isnan(gained).any():
                continue
            doubt = gained.std(axis=1) / np.sqrt(len(gained[0]))
            sure = gained.mean(axis=1) > doubt + SAME * (column[known] ** 2).mean()
            chosen[arm] = np.argmax(np.where(sure, gained.mean(axis=1), 0.0))
        return chosen

    def _made(
        self,
        amounts: Floats,
        features: Floats | None,
        chosen: NDArray[np.int64],
        some: NDArray[np.int64],
    ) -> Self:
        """A copy that expects amounts in the ways that were chosen.

        Args:
            amounts: (n, arms).
            features: (n, d), or `None` where the mean was chosen for all arms.
            chosen: (arms,) ways.
            some: Places of rows to take where it would take long to look at all.
        """
        most = np.array([c[known].max(initial=0.0) for known, c in by_arm(amounts)])
        made = replace(self, chosen_=chosen, most_=most, near_=None)
        if features is None:
            slope, offset = np.zeros((len(most), 0)), np.zeros(len(most))
        else:
            slope, offset = self._lines(amounts, features, chosen == LINE)
        made = replace(made, slope_=slope, offset_=offset)
        if features is not None and (chosen == NEAR).any():
            shares = np.where(chosen == NEAR, ratio(amounts, most, 0.0), np.nan)
            near = NeighbourQuality(k=self.k)
            made = replace(made, near_=near.fit(_to_learn(shares[some], features[some])))
        unscaled = np.ones((len(some), len(most)))
        if features is not None:
            unscaled = made._unscaled(features[some], len(some))
        sums = np.zeros((len(most), 3))
        for arm, (known, column) in enumerate(by_arm(amounts)):
            if chosen[arm] == MEAN:  # which is the mean of all
                told, base = column[known], np.ones(int(known.sum()))
            else:
                told, base = column[some][known[some]], unscaled[known[some], arm]
            sums[arm] = len(told), told.sum(), base.sum()
        return replace(made, sums_=sums, factor_=_factor(sums))

    def _lines(self, amounts: Floats, features: Floats, wanted: Bools) -> tuple[Floats, Floats]:
        """Slope and offset of each wanted arm's line, and zeros for the others."""
        slope, offset = np.zeros((len(wanted), features.shape[1])), np.zeros(len(wanted))
        if wanted.any():
            logs = np.log1p(np.where(wanted, amounts, np.nan))
            line: Any = RidgeQuality(penalty=self.penalty).fit(_to_learn(logs, features))
            slope = line.weights_[:, 1:].copy()
            from_centre = [w @ c for w, c in zip(slope, line.centre_, strict=True)]
            offset = line.prior_ + line.weights_[:, 0] - np.array(from_centre)
        return slope, offset

    def _unscaled(self, features: Floats | None, rows: int) -> Floats:
        """What is expected before the factor; 1 for arms at their mean."""
        learned: Any = self.chosen_, self.most_, self.slope_, self.offset_, self.sums_
        chosen, most, slope, offset, sums = learned
        if features is None:
            return np.tile(ratio(sums[:, 2], sums[:, 0], 1.0), (rows, 1))
        self._check_width(features)
        if self._level:
            return np.ones((rows, len(chosen)))
        # One product for each arm, all in one call, so that arms may come and go.
        logs = (features @ slope[:, :, None])[:, :, 0].T + offset
        lines = np.maximum(np.minimum(np.expm1(np.minimum(logs, LONGEST)), most), 0.0)
        unscaled = np.where(chosen == LINE, lines, 1.0)
        if self.near_ is not None:
            shares = self.near_.estimate(_to_ask(features, len(chosen)), Preference()).quality
            unscaled = np.where(chosen == NEAR, shares * most, unscaled)
        return unscaled

    @cached_property
    def _level(self) -> bool:
        """Whether all arms are taken at their mean, whatever the features."""
        chosen: Any = self.chosen_
        return not chosen.any()

    def _check_width(self, features: Floats) -> None:
        slope: Any = self.slope_
        if slope.shape[1] and features.shape[1] != slope.shape[1]:
            msg = (
                f"Amounts were learned from {slope.shape[1]} features, and the embedder gives "
                f"{features.shape[1]}. Fit the router again."
            )
            raise ConfigurationError(msg)


def sane(amounts: Floats) -> Floats:
    """The same with whatever is no amount, such as a negative one, unknown."""
    return np.where(np.isfinite(amounts) & (amounts >= 0), amounts, np.nan)


def faded(sums: Floats, terms: Sequence[Floats], forgetting: float) -> Floats:
    """Sums over each arm's rows once more rows have come.

    Args:
        sums: (arms, terms).
        terms: Of each of the new rows, (n, arms), the oldest first; rows of an arm in which any is
            NaN are left out.
        forgetting: What an arm's rows keep of their weight with each new row of it.
    """
    known = ~np.isnan(sum(terms))
    sums = sums.copy()
    if len(known) == 1:  # as feedback comes
        for arm in known[0].nonzero()[0]:
            sums[arm] = forgetting * sums[arm] + [term[0, arm] for term in terms]
        return sums
    for arm in np.flatnonzero(known.any(axis=0)):
        rows = np.array([term[known[:, arm], arm] for term in terms]).T
        kept = forgetting ** np.arange(len(rows) - 1, -1, -1.0)
        sums[arm] = forgetting ** len(rows) * sums[arm] + kept @ rows
    return sums


def over_arms(array: NDArray[Any] | None, places: Sequence[int | None], new: Any) -> Any:
    """An array over arms for other arms, as `Estimator.over`; `None` stays so.

    Args:
        array: (arms, ...).
        places: For each arm that there will be, its place so far, or `None` for a new one.
        new: What stands there for a new one.
    """
    if array is None:
        return None
    moved = np.full((len(places), *array.shape[1:]), new, dtype=array.dtype)
    for to, place in enumerate(places):
        if place is not None:
            moved[to] = array[place]
    return moved


def _factor(sums: Floats) -> Floats:
    return ratio(sums[:, 1], sums[:, 2], np.nan)


def _to_learn(values: Floats, features: Floats) -> Examples:
    return Examples(quality=values, confidence=np.full_like(values, np.nan), features=features)


def _to_ask(features: Floats, arms: int) -> Evidence:
    """Evidence of nothing but the features."""
    nothing = np.zeros((len(features), arms))
    none = np.zeros_like(nothing, dtype=bool)
    return Evidence(~none, none, nothing, nothing, nothing, 1.0, nothing[:, 0], features=features)
