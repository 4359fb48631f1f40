"""The policy that asks one arm, whatever the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from automix_core.decide.committing import Choice, Committing
from automix_core.errors import NotFittedError, UnknownNameError
from automix_core.evidence import Estimates, Evidence, Floats

__all__ = ["Always"]


@dataclass(frozen=True)
class Always(Committing):
    """One arm for everything; where it cannot be asked, the best of the others.

    Attributes:
        arm: Its name, or `cheapest` or `dearest` where no arm has that name.
        place_: Its place in the order of cost, once the arms are known.
    """

    name = "always"
    arm: str = "dearest"
    place_: int | None = None

    def over(self, arms: Sequence[str]) -> Self:
        """Find the arm.

        Raises:
            UnknownNameError: There is none of that name.
        """
        ends = {"cheapest": 0, "dearest": len(arms) - 1}
        places = {**ends, **{name: place for place, name in enumerate(arms)}}
        if self.arm not in places:
            what = "arm"
            raise UnknownNameError(what, self.arm, arms)
        return replace(self, place_=places[self.arm])

    def _chosen(self, worth: Floats, estimates: Estimates, evidence: Evidence) -> Choice:
        if self.place_ is None:
            raise NotFittedError(self.name)
        others = np.argmax(worth, axis=1)
        arm = np.where(evidence.able[:, self.place_], self.place_, others)
        return Choice(arm, np.ones(len(worth)))
