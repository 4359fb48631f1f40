"""The world that every router meets: the same requests, at the same times, with the same luck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

from automix_core.evaluate.stream.protocol import Stream
from automix_core.evaluate.stream.speeds import Pace
from automix_core.evidence import Bools, Floats
from automix_core.outcomes import Outcomes

__all__ = ["Scene", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which nothing comes, goes or is read off anew.

    Attributes:
        start: Seconds from the start of the stream.
        end: Where the next span begins.
        refreshes: Waiting times are read off at its start, and feedback is learned from.
        changes: A model comes or goes at its start.
    """

    start: float
    end: float
    refreshes: bool
    changes: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """A stream of n requests over all arms of a table, m of them.

    Attributes:
        stream: The protocol.
        train: Rows that routers are fitted on, with all seconds and tokens.
        requests: The n requests, a row each.
        order: (n,) which held-out row each request is.
        held: The held-out rows.
        paces: How fast each arm is.
        arrived: (n,) seconds.
        presences: From when on which arms are there.
        draws: (n, m + 1) uniform numbers in [0, 1), one for each decision.
        branch_draws: (n,) uniform numbers, for preferences of several branches.
        heard: (n,) feedback on the request will come.
    """

    stream: Stream
    train: Outcomes
    requests: Outcomes
    order: NDArray[np.int64]
    held: Outcomes
    paces: tuple[Pace, ...]
    arrived: Floats
    presences: tuple[tuple[float, tuple[bool, ...]], ...]
    draws: Floats
    branch_draws: Floats
    heard: Bools

    @classmethod
    def of(cls, outcomes: Outcomes, paces: tuple[Pace, ...], stream: Stream) -> Scene:
        """The scene of a stream over a table in which all times are known.

        Raises:
            OutcomesError: The table cannot be split, or compares nothing.
            ConfigurationError: Changes that cannot be.
        """
        outcomes.require_comparable()
        train, held = outcomes.split(stream.train_share, stream.seed)
        size = len(held) if stream.length is None else stream.length
        rng = [np.random.default_rng((stream.seed, part)) for part in range(4)]
        passes = [rng[0].permutation(len(held)) for _ in range(-(-size // len(held)))]
        order = np.concatenate(passes)[:size]
        duration = stream.arrival(size)
        return cls(
            stream=stream,
            train=train,
            requests=held.take(order),
            order=order,
            held=held,
            paces=paces,
            arrived=np.array([stream.arrival(request) for request in range(size)]),
            presences=tuple(stream.presences(outcomes.arms, duration)),
            draws=rng[1].random((size, len(outcomes.arms) + 1)),
            branch_draws=rng[2].random(size),
            heard=rng[3].random(size) >= stream.feedback.missing,
        )

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of all arms, cheapest first."""
        return self.train.arms

    @property
    def duration(self) -> float:
        """Seconds until the last request has come, and a moment longer."""
        return self.stream.arrival(len(self.arrived))

    @property
    def reference_cost(self) -> float:
        """Mean US dollars of one answer of the dearest arm in the training rows."""
        return float(np.nanmean(self.train.cost[:, -1]))

    def present(self, time: float) -> Bools:
        """(m,) which arms are there at a time."""
        return np.array([there for start, there in self.presences if start <= time][-1])

    def presence(self) -> Bools:
        """(n, m) which arms are there when each request comes."""
        starts = [start for start, _ in self.presences]
        place = np.searchsorted(starts, self.arrived, side="right") - 1
        return np.array([there for _, there in self.presences])[place]

    def spans(self) -> Iterator[Span]:
        """One span after another, without end."""
        cuts = [start for start, _ in self.presences[1:]]
        for number in count():
            first, last = self.stream.period * number, self.stream.period * (number + 1)
            edges = [first, *(cut for cut in cuts if first < cut < last), last]
            for start, end in pairwise(edges):
                yield Span(start, end, start == first, start in cuts)
