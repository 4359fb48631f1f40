"""A fitted router on the rows that it is judged on, with intervals from one bootstrap of groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automix_core.errors import OutcomesError
from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Bootstrap, Measure, Statistic, first_over_last
from automix_core.outcomes import Outcomes
from automix_core.replay import Replay
from automix_core.request import Preference
from automix_core.router import Router

__all__ = ["Trial", "complete"]


@dataclass(frozen=True, eq=False)
class Trial:
    """A fitted router and the rows that it is judged on, arms in the router's order."""

    router: Router
    preference: Preference
    seed: int
    held: Outcomes
    seen: Replay
    bootstrap: Bootstrap

    @property
    def place(self) -> list[int]:
        """Where the router's arms are in the table."""
        return [self.held.arms.index(name) for name in self.seen.arms]

    @property
    def quality(self) -> Floats:
        """(n, arms) quality of every arm."""
        return self.held.quality[:, self.place]

    @property
    def cost(self) -> Floats:
        """(n, arms) US dollars of every arm's answer."""
        return self.held.cost[:, self.place]

    def mean(self, values: Floats, statistic: Statistic = first_over_last) -> Measure:
        """The mean over the rows, or another statistic of sums over them, with its interval."""
        measured = self.bootstrap.interval(values, statistic)
        if measured is None:
            msg = "There are too few held-out rows for an interval. Collect more answers."
            raise OutcomesError(msg)
        return measured

    def known_mean(self, values: Floats) -> Measure | None:
        """The same, or `None` where any row is unknown."""
        return self.mean(values) if np.isfinite(values).all() else None


def complete(held: Outcomes) -> Outcomes:
    """The rows that hold an answer of every arm.

    Raises:
        OutcomesError: They do not come from at least two groups.
    """
    rows = held.has.all(axis=1) & np.isfinite(held.cost).all(axis=1)
    kept = held.take(rows)
    if len(np.unique(kept.groups)) < 2:
        msg = (
            f"Of {len(held)} rows to judge on, {len(kept)} hold all of the arms "
            f"{', '.join(held.arms)}. A report needs such rows of at least two groups: collect "
            "what is missing, or leave arms out with Outcomes.only([...])."
        )
        raise OutcomesError(msg)
    return kept
