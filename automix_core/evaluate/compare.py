"""A fair comparison of routers, with every model alone, random mixing and the oracle beside them.

All are measured on the same held-out rows. The figure to quote is the gain: quality less what
random mixing over the single models reaches at the same cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from automix_core.errors import ConfigurationError
from automix_core.evaluate.baselines import baselines
from automix_core.evaluate.runs import Plan, Routes, run
from automix_core.evaluate.scores import Score
from automix_core.evaluate.worlds import scores
from automix_core.metrics.bootstrap import RESAMPLES
from automix_core.outcomes import Outcomes
from automix_core.request import Preference

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes:
        rows: How many rows the measured table has.
        measured: How many of them were held out at least once and hold every arm.
        groups: How many groups those belong to.
        seeds: How many splits were made.
        arms: Names of the arms, cheapest first.
        preference: What the routers were replayed with.
        routers: The routers in the order given, then the baselines: `always:<arm>` for each arm,
            `random` and `oracle`. A router may have such a name as well; then the baseline is told
            from it by " (baseline)", for it need not be the same: the preset `random` gives every
            arm the same chance, and the preset `oracle` weighs cost as preferred, where the
            baseline looks at quality first.
    """

    rows: int
    measured: int
    groups: int
    seeds: int
    arms: tuple[str, ...]
    preference: Preference
    routers: tuple[Score, ...]

    def __getitem__(self, router: str) -> Score:
        """The score of a router or a baseline, by its name."""
        for score in self.routers:
            if score.router == router:
                return score
        raise KeyError(router)

    def as_dict(self) -> dict[str, Any]:
        """The comparison as JSON values, as `automix evaluate --json` prints them."""
        return {
            "rows": self.rows,
            "measured": self.measured,
            "groups": self.groups,
            "seeds": self.seeds,
            "arms": list(self.arms),
            "preference": self.preference.as_dict(),
            "routers": [score.as_dict() for score in self.routers],
        }


def compare(
    outcomes: Outcomes,
    routers: Sequence[tuple[str, Routes]],
    *,
    test: Outcomes | None = None,
    train_share: float = 0.5,
    seeds: int = 10,
    preference: Preference | None = None,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Fit routers on one part of a table, and measure them on the other.

    Every seed splits the table by group, and all routers meet the same splits. Results are
    averaged over the seeds that held a row out, and whole groups are resampled, once for all
    routers and seeds: more seeds are not more questions, and every difference is a paired one.
    The intervals thus say how far the figures would move with other questions. They do not hold
    what other training rows would do: that shows in how far a score's `by_seed` scatters.

    Args:
        outcomes: What routers are fitted on, and measured on unless there is a test table.
        routers: Names and routers, fitted or not. Without a test table each is fitted on every
            split; with one, a router that was fitted already is measured as it is.
        test: Rows to measure on instead; they must not have been used for fitting.
        train_share: About which share of the rows is for fitting; without meaning with `test`.
        seeds: How many splits, numbered from 0; the seeds of fits and replays as well.
        preference: The trade-off to measure at; the default one if left out.
        resamples: How many resamples the intervals come of.

    Raises:
        ConfigurationError: A name occurs twice, or the tables cannot be compared on.
    """
    plan = Plan.of(outcomes, test, train_share, seeds, resamples)
    given = [name for name, _ in routers]
    beside = [
        replace(tally, name=f"{tally.name} (baseline)") if tally.name in given else tally
        for tally in baselines(plan)
    ]
    names = given + [tally.name for tally in beside]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"Every router of a comparison needs a name of its own; given twice: {twice}."
        raise ConfigurationError(msg)
    tallies = [*run(plan, routers, preference), *beside]
    return Comparison(
        rows=len(plan.table),
        measured=len(plan.places),
        groups=len(set(plan.table.groups[plan.places].tolist())),
        seeds=seeds,
        arms=plan.table.arms,
        preference=preference or Preference(),
        routers=tuple(scores(plan, tallies)),
    )
