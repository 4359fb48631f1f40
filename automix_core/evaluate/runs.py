"""Routers fitted and replayed on the same splits, seed by seed.

Each seed splits the table by group; every router is fitted on one part and replayed on the other.
A row counts once however often it was held out: its results are averaged over those seeds. What
is kept are sums over groups, so that all intervals come of one bootstrap and routers are compared
as pairs. Only rows that hold every arm are measured, for else the models alone and the routers
would be measured on different questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import ConfigurationError
from automix_core.evidence import Bools, Floats
from automix_core.metrics.bootstrap import Bootstrap
from automix_core.outcomes import Outcomes
from automix_core.request import Preference

__all__ = ["WEIGHTS", "Layout", "Plan", "Replayed", "Routes", "Tally", "run"]

BLOCKS = 2_000
"""Most units that are resampled: sums are kept for each of them, by router and by seed."""

WEIGHTS = (0.0, *(float(f"{weight:.2g}") for weight in np.geomspace(0.01, 3, 24)))
"""The cost weights that trace a trade-off curve, from quality alone to hardly ever escalating."""


class Replayed(Protocol):
    """What a replay says of n rows."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""

    @property
    def arm(self) -> NDArray[np.int64]:
        """(n,) place of the arm whose answer was returned."""

    @property
    def asked(self) -> Bools:
        """(n, arms) the arm was asked."""

    @property
    def quality(self) -> Floats:
        """(n,) quality of the answer returned."""

    @property
    def cost(self) -> Floats:
        """(n,) US dollars, verification included."""

    @property
    def latency(self) -> Floats:
        """(n,) seconds; NaN where unknown."""


class Routes(Protocol):
    """Whatever can be fitted and replayed as a router can."""

    def fit(self, outcomes: Outcomes, *, seed: int = 0) -> Routes:
        """A fitted copy."""

    def replay(
        self, outcomes: Outcomes, preference: Preference | None = None, *, seed: int = 0
    ) -> Replayed:
        """What would have been answered, and at what cost."""


@dataclass(frozen=True)
class Layout:
    """Where the columns of a tally are.

    Attributes:
        arms: How many arms.
        settings: How many points the trade-off curve has.
    """

    arms: int
    settings: int

    @property
    def width(self) -> int:
        """How many columns there are."""
        return 3 + self.arms + 3 * self.settings

    @property
    def share(self) -> slice:
        """Columns of each arm's share of the answers."""
        return slice(3, 3 + self.arms)

    @property
    def points(self) -> list[int]:
        """Columns of quality, then of cost: at the operating point, then along the curve."""
        start = 3 + self.arms
        curve = [range(start + i * self.settings, start + (i + 1) * self.settings) for i in (0, 1)]
        return [0, *curve[0], 1, *curve[1]]

    def curve(self, what: int) -> slice:
        """Columns of the curve: 0 its quality, 1 its cost, 2 its share of calls to the dearest."""
        start = 3 + self.arms + what * self.settings
        return slice(start, start + self.settings)


@dataclass(frozen=True, eq=False)
class Tally:
    """What one router came to.

    Attributes:
        name: What the router is called.
        layout: Where its columns are; the first three are quality, cost and latency.
        sums: (units, columns) sums over the rows of each unit of the bootstrap.
        weights: The cost weight of each point of the curve; none for a curve without a knob.
        by_seed: (units, points, 2, seeds) sums of quality and cost over the rows that each seed
            held out: at the operating point, then at each point of the curve.
        learns: It is fitted for each seed; a baseline is not.
        alone: It is one model for everything, as a baseline.
        hindsight: It knows the outcomes beforehand, so that no router is behind it on the front.
    """

    name: str
    layout: Layout
    sums: Floats
    by_seed: Floats
    weights: tuple[float, ...] = ()
    learns: bool = False
    alone: bool = False
    hindsight: bool = False


@dataclass(frozen=True, eq=False)
class Plan:
    """Which rows each seed fits on and holds out.

    Attributes:
        source: The table that routers are fitted on.
        table: The table whose rows are held out; the same one, or a test table.
        share: About which share of the rows each seed fits on; `None` with a test table.
        held: (seeds, rows) which rows of `table` each seed holds out.
        places: (measured,) rows of `table` that hold every arm and were held out at least once.
        bootstrap: Over the groups of the measured rows.
    """

    source: Outcomes
    table: Outcomes
    share: float | None
    held: Bools
    places: NDArray[np.int64]
    bootstrap: Bootstrap

    @classmethod
    def of(
        cls, source: Outcomes, test: Outcomes | None, share: float, seeds: int, resamples: int
    ) -> Plan:
        """The plan of a comparison.

        Raises:
            ConfigurationError: Fewer than two arms, no seed, a test table of other arms, or no
                row that holds every arm among those held out.
        """
        table = source if test is None else test
        _check(source, table, seeds)
        complete = table.has.all(axis=1) & ~np.isnan(table.cost).any(axis=1)
        if test is None:
            held = np.array([_held(source, share, seed) for seed in range(seeds)])
        else:
            held = np.ones((seeds, len(table)), dtype=bool)
        places = np.flatnonzero(held.any(axis=0) & complete)
        groups = table.groups[places]
        if len(np.unique(groups)) < 2:
            msg = (
                f"Only {len(places)} of the held-out rows hold every one of the arms "
                f"{', '.join(table.arms)}. A comparison needs at least two such rows, of two "
                "groups; compare fewer arms with Outcomes.only([...])."
            )
            raise ConfigurationError(msg)
        bootstrap = Bootstrap.over(groups, resamples=resamples, blocks=BLOCKS)
        return cls(source, table, None if test is not None else share, held, places, bootstrap)

    @property
    def measured(self) -> Bools:
        """(seeds, measured) which of the measured rows each seed holds out."""
        return self.held[:, self.places]

    def trials(self) -> Iterator[tuple[int, Outcomes, NDArray[np.int64]]]:
        """For each seed: its number, the rows to fit on, and the measured rows it holds out.

        A seed that holds out no row with every arm is passed over.
        """
        for seed, (held, measured) in enumerate(zip(self.held, self.measured, strict=True)):
            if measured.any():
                train = self.source if self.share is None else self.source.take(~held)
                yield seed, train, np.flatnonzero(measured)

    def tally(
        self, columns: Floats, rows: NDArray[np.int64] | None = None, weight: Floats | None = None
    ) -> Floats:
        """Sums over units, (units, columns), of columns over all or some measured rows."""
        units, count = self.bootstrap.units, self.bootstrap.count
        units = units if rows is None else units[rows]
        weight = np.ones(len(units)) if weight is None else weight
        return np.column_stack([np.bincount(units, c * weight, count) for c in columns.T])

    def tally_seed(self, columns: Floats, rows: NDArray[np.int64], layout: Layout) -> Floats:
        """Sums over units, (units, points, 2), of the points of a router on some measured rows."""
        sums = self.tally(columns[:, layout.points], rows)
        return np.moveaxis(sums.reshape(len(sums), 2, -1), 1, 2)


def run(
    plan: Plan, routers: Sequence[tuple[str, Routes]], preference: Preference | None
) -> list[Tally]:
    """Fit every router on every split and replay it on the rows held out.

    Args:
        plan: The splits.
        routers: Names and routers.
        preference: What to replay them with; the default one if `None`.
    """
    layout = Layout(len(plan.table.arms), len(WEIGHTS))
    units, times = plan.bootstrap.count, plan.measured.sum(axis=0)
    sums = [np.zeros((units, layout.width)) for _ in routers]
    by_seed = [np.zeros((units, 1 + layout.settings, 2, len(plan.held))) for _ in routers]
    for seed, train, rows in plan.trials():
        held = plan.table.take(plan.places[rows])
        for place, (_, router) in enumerate(routers):
            fitted = router if _is_ready(router, plan) else router.fit(train, seed=seed)
            columns = _columns(fitted, held, preference, seed, layout)
            sums[place] += plan.tally(columns, rows, 1 / times[rows])
            by_seed[place][..., seed] = plan.tally_seed(columns, rows, layout)
    return [
        Tally(name, layout, total, each, WEIGHTS, learns=True, hindsight=_has_hindsight(router))
        for (name, router), total, each in zip(routers, sums, by_seed, strict=True)
    ]


def _columns(
    router: Routes, held: Outcomes, preference: Preference | None, seed: int, layout: Layout
) -> Floats:
    """(rows, columns) of one router on some held-out rows."""
    replay = router.replay(held, preference, seed=seed)
    share = np.zeros((len(held), layout.arms))
    share[np.arange(len(held)), _place(replay, held)[replay.arm]] = 1
    dearest = held.arms[-1]
    curve = []
    latency_weight = preference.latency_weight if preference else 0.0
    for weight in WEIGHTS:
        setting = Preference(cost_weight=weight, latency_weight=latency_weight)
        again = router.replay(held, setting, seed=seed)
        called = (
            again.asked[:, again.arms.index(dearest)]
            if dearest in again.arms
            else np.zeros(len(held), dtype=bool)
        )
        curve.append((again.quality, again.cost, called))
    settings = [column for what in zip(*curve, strict=True) for column in what]
    return np.column_stack([replay.quality, replay.cost, replay.latency, share, *settings])


def _place(replay: Replayed, held: Outcomes) -> NDArray[np.int64]:
    """Where each arm of a replay is in the table."""
    return np.array([held.arms.index(name) for name in replay.arms], dtype=np.int64)


def _is_ready(router: Routes, plan: Plan) -> bool:
    """A fitted router meets a test table as it is; on its own table it has to be fitted anew."""
    return plan.share is None and getattr(router, "fit_report", None) is not None


def _has_hindsight(router: Routes) -> bool:
    """Of a router by its estimator; whatever else can be replayed is taken for foresight."""
    return bool(getattr(getattr(router, "estimator", None), "hindsight", False))


def _held(source: Outcomes, share: float, seed: int) -> Bools:
    """(rows,) which rows this seed holds out."""
    _, held = source.split(share, seed)
    return np.isin(source.groups, held.groups)


def _check(source: Outcomes, table: Outcomes, seeds: int) -> None:
    if seeds < 1:
        msg = f"A comparison needs at least one seed, not {seeds}."
        raise ConfigurationError(msg)
    if len(source.arms) < 2:
        msg = f"Routing is between at least two arms; this table holds {len(source.arms)}."
        raise ConfigurationError(msg)
    if set(table.arms) != set(source.arms):
        msg = (
            f"The test table holds the arms {', '.join(table.arms)}, and the routers are fitted "
            f"on {', '.join(source.arms)}. Both must hold the same."
        )
        raise ConfigurationError(msg)
