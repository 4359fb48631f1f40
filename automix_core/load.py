"""How busy the models of a router are: calls in flight, and how long a new one would wait.

It is shared by all requests of a router, so it is locked; what a decision sees is a snapshot. A
router keeps one only where a model was given a limit, `Arm(parallel=...)`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Self

import numpy as np

from automix_core.arms import Arm
from automix_core.evidence import Floats
from automix_core.flow import Ask, Call, Reply, Result

__all__ = ["Begun", "Load"]

Begun = tuple[float, Floats]
"""When the calls of a wave began, and how many were in flight of each arm then, (arms,)."""

NEWEST = 0.05
"""Least share of the newest call in the mean length of a call, so that the mean keeps up."""


class Load:
    """The live queue of each arm.

    Only calls of this router in this process are seen. A call counts from the moment its wave is
    handed to the driver until the wave has ended, however it ends; a hedge that starts later than
    its wave is not counted. Helpers of a verifier that are no arms are not counted either.

    Args:
        arms: The arms, in order of cost.
    """

    def __init__(self, arms: Sequence[Arm]) -> None:
        self._place = {arm.name: place for place, arm in enumerate(arms)}
        limits = [np.inf if arm.parallel is None else float(arm.parallel) for arm in arms]
        self._parallel = np.array(limits)
        self._in_flight = np.zeros(len(arms))
        self._begun = np.zeros(len(arms))  # sum of the moments at which these began
        self._ended = np.zeros(len(arms))
        self._seconds = np.zeros(len(arms))
        self._lock = threading.Lock()

    @classmethod
    def of(cls, arms: Sequence[Arm]) -> Self | None:
        """The load of these arms; `None` where none has a limit, for then nobody ever waits."""
        return cls(arms) if any(arm.parallel is not None for arm in arms) else None

    def over(self, arms: Sequence[Arm]) -> Load | None:
        """The load of other arms, which knows how long calls to those that stay take.

        Calls under way are counted by this one until they end, and not by the new one.
        """
        made = Load.of(arms)
        if made is not None:
            with self._lock:
                for name, place in self._place.items():
                    if name in made._place:
                        there = made._place[name]
                        made._ended[there] = self._ended[place]
                        made._seconds[there] = self._seconds[place]
        return made

    @property
    def in_flight(self) -> tuple[int, ...]:
        """Calls that run or wait now, by arm."""
        with self._lock:
            return tuple(int(count) for count in self._in_flight)

    def begin(self, asks: Sequence[Ask | Call]) -> Begun:
        """Note that the calls of a wave begin; gives what `end` is to be told."""
        now = time.monotonic()
        with self._lock:
            for place in self._places(asks):
                self._in_flight[place] += 1
                self._begun[place] += now
            return now, self._in_flight.copy()

    def end(
        self, asks: Sequence[Ask | Call], begun: Begun, results: Sequence[Result] | None
    ) -> None:
        """Note that they have ended.

        Args:
            asks: As they were given to `begin`.
            begun: What `begin` gave.
            results: What came back; `None` where the wave was cancelled or broke. Replies tell how
                long a call takes; the wait of those that found the arm busy is taken off.
        """
        moment, crowd = begun
        with self._lock:
            for place in self._places(asks):
                self._in_flight[place] -= 1
                self._begun[place] -= moment
                if not self._in_flight[place]:
                    self._begun[place] = 0.0
            for result in results or ():
                if isinstance(result, Reply) and result.source in self._place:
                    place = self._place[result.source]
                    self._took(
                        place, result.latency / max(1.0, crowd[place] / self._parallel[place])
                    )

    def waiting(self) -> Floats:
        """Seconds until each arm would begin to answer a new call, (1, arms); 0 for a free one.

        Calls beyond the limit wait for one another: with n in flight and p side by side, p <= n,
        the new one waits (n - p + 1) / p mean calls. While no call has ended yet, those in flight
        are taken to last as long as they have lasted so far.
        """
        with self._lock:
            count, ended, mean = (x.copy() for x in (self._in_flight, self._ended, self._seconds))
            so_far = time.monotonic() - self._begun / np.maximum(count, 1)
        mean = np.where(ended > 0, mean, so_far)
        ahead = np.maximum(count - self._parallel + 1, 0.0)
        waiting: Floats = np.where(ahead > 0, ahead * mean / self._parallel, 0.0)[None, :]
        return waiting

    def _places(self, asks: Sequence[Ask | Call]) -> list[int]:
        named = [ask.to for ask in asks if isinstance(ask, Ask) and not ask.after]
        return [self._place[name] for name in named if name in self._place]

    def _took(self, place: int, seconds: float) -> None:
        """Take a call into the mean."""
        self._ended[place] += 1
        share = max(1 / self._ended[place], NEWEST)
        self._seconds[place] += share * (seconds - self._seconds[place])
