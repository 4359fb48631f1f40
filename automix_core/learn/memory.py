"""The decisions that feedback may still come for, so many of them and no more.

What is kept of a decision is what learning needs: the record, the request's features and the
chances of the arms. No text is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automix_core.decision import Decision, Step, Verdict
from automix_core.evidence import Floats
from automix_core.numbers import at_least

__all__ = ["MOST_REMEMBERED", "Known", "Memory"]

MOST_REMEMBERED = 10_000
"""Decisions that are remembered where nothing else is said."""


@dataclass(slots=True, eq=False)
class Known:
    """A decision, as learning looks at it.

    Attributes:
        decision: The record.
        arms: The names of the router's arms at that time, cheapest first.
        features: (1, d) what the embedder made of the request; `None` where it made nothing.
        chances: (arms,) probability of each arm to be asked, from policies that randomise; `None`
            from all others.
        taken: The feedback that was learned from, as pairs of arm and kind.
    """

    decision: Decision
    arms: tuple[str, ...]
    features: Floats | None = None
    chances: Floats | None = None
    taken: frozenset[tuple[str, str]] = frozenset()

    def asked(self, arm: str) -> Step | None:
        """The call in which an arm answered the request, if there was one."""
        found = (
            step
            for step in reversed(self.decision.steps)
            if step.to == arm and step.purpose in ("draft", "answer") and step.outcome == "replied"
        )
        return next(found, None)

    def verdict(self, arm: str) -> Verdict | None:
        """What the verifier said of an arm's answer; nothing where it stopped early.

        A verifier that stopped early says only on which side of a line the rest lies.
        """
        found = (v for v in reversed(self.decision.verdicts) if v.arm == arm)
        verdict = next(found, None)
        return None if verdict is None or verdict.asked < verdict.planned else verdict

    def taken_of(self, arm: str) -> bool:
        """Whether anything was learned from an arm's answer before."""
        return any(name == arm for name, _ in self.taken)

    def chances_of(self, arms: Sequence[str]) -> Floats:
        """(1, arms) the chances of these arms, NaN where they are unknown."""
        row = np.full((1, len(arms)), np.nan)
        if self.chances is None:
            known = {self.decision.arm: self.decision.propensity}
        else:
            known = dict(zip(self.arms, self.chances.tolist(), strict=True))
        for place, name in enumerate(arms):
            row[0, place] = known.get(name, np.nan)
        return row


class Memory:
    """The latest decisions by id; where it is full, the oldest is forgotten. For any thread.

    Args:
        size: How many are remembered.

    Raises:
        ConfigurationError: Fewer than one.
    """

    def __init__(self, size: int = MOST_REMEMBERED) -> None:
        at_least(1, size, "Memory.size")
        self.size = size
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, identifier: str, known: Known) -> None:
        """Remember a decision under an id."""
        with self._lock:
            self._known[identifier] = known
            if len(self._known) > self.size:
                self._known.popitem(last=False)

    def find(self, identifier: str) -> Known | None:
        """The decision of that id, or `None` where it is not or no longer known."""
        with self._lock:
            return self._known.get(identifier)
