"""First come, first served: how long a request waits for an arm that is busy."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapreplace

__all__ = ["Queues"]


class Queues:
    """The queue in front of each arm, which serves a few requests side by side.

    Requests join in the order of time, over all arms. As soon as one has joined it is known when
    it will be done, for nobody overtakes.

    Args:
        parallel: How many requests each arm serves side by side.
    """

    def __init__(self, parallel: Sequence[int]) -> None:
        self._free = [[0.0] * count for count in parallel]  # heaps: when each place falls free

    def wait(self, arm: int, now: float) -> float:
        """Seconds until a request that joins now would be served."""
        return max(0.0, self._free[arm][0] - now)

    def join(self, arm: int, now: float, seconds: float) -> tuple[float, float]:
        """Queue up.

        Args:
            arm: Whose queue.
            now: When; never before the last one that joined it.
            seconds: How long serving will take.

        Returns:
            When serving begins, and when it ends.
        """
        free = self._free[arm]
        start = max(now, free[0])
        heapreplace(free, start + seconds)
        return start, start + seconds
