"""One router's way through a stream: who was asked when, who waited, and what came of it.

Time advances from one event to the next. An event is a request that may act (it has come, or the
answer it asked for is in hand) or an answer whose check joins the queue of the arm that checks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from automix_core.evaluate.stream.queues import Queues
from automix_core.evaluate.stream.scene import Scene, Span
from automix_core.evidence import Bools, Floats

__all__ = ["Chooser", "Log", "Moment", "Step", "follow"]


class Step(NamedTuple):
    """What is done next: ask an arm, for good or not, or stop with its answer; -1 for no arm."""

    arm: int
    run: bool
    final: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of the world when decisions are made.

    Attributes:
        present: (m,) the arm is there.
        waiting: (m,) seconds until each arm would begin to answer, as last read off.
    """

    present: Bools
    waiting: Floats


@dataclass(frozen=True, eq=False)
class Log:
    """What happened to n requests, filled in as it happens.

    Attributes:
        arm: (n,) place of the arm whose answer was returned; -1 where nobody could be asked.
        asked: (n, m) the arm was asked.
        verified: (n, m) its answer was verified.
        queued: (n,) seconds spent in queues.
        finished: (n,) when the answer was there, in seconds from the start of the stream; NaN
            without one.
        chances: (n, m) probabilities with which arms might have been asked when the last one was;
            NaN where the policy does not say.
        waiting: Waiting times as read off, one (m,) for each period.
    """

    arm: NDArray[np.int64]
    asked: Bools
    verified: Bools
    queued: Floats
    finished: Floats
    chances: Floats
    waiting: list[Floats] = field(default_factory=list)

    @classmethod
    def empty(cls, size: int, arms: int) -> Log:
        """Of requests to which nothing has happened yet."""
        shape = size, arms
        return cls(
            arm=np.full(size, -1),
            asked=np.zeros(shape, dtype=bool),
            verified=np.zeros(shape, dtype=bool),
            queued=np.zeros(size),
            finished=np.full(size, np.nan),
            chances=np.full(shape, np.nan),
        )


class Chooser(Protocol):
    """Whatever decides in a stream.

    Attributes:
        check_seconds: (n, m) seconds of verifying each answer.
    """

    check_seconds: Floats

    def change(self, present: Bools) -> None:
        """Models came or went; (m,) who is there now."""

    def prepare(self, rows: NDArray[np.int64], moment: Moment, log: Log) -> None:
        """Get ready to act on these requests; the others will not act before the next call."""

    def act(self, row: int, now: float, queues: Queues, log: Log) -> Step:
        """What a request does next."""

    def learn(self, rows: NDArray[np.int64], log: Log) -> None:
        """Take in the feedback on some requests."""


def follow(scene: Scene, chooser: Chooser) -> Log:
    """Send every request of a scene on its way."""
    course = _Course(scene, chooser)
    for span in scene.spans():
        course.pass_through(span)
        if course.over:
            break
    return course.log


class _Course:
    """The state of the world."""

    def __init__(self, scene: Scene, chooser: Chooser) -> None:
        self._scene = scene
        self._chooser = chooser
        self._seconds = scene.requests.latency
        self._queues = Queues([pace.parallel for pace in scene.paces])
        self._events: list[tuple[float, int, int]] = []  # when, which request, whose check or -1
        self._known: list[tuple[float, int]] = []  # when, on which request feedback comes
        self._come = 0
        self._moment = Moment(scene.present(0.0), np.zeros(len(scene.arms)))
        self.log = Log.empty(len(scene.arrived), len(scene.arms))

    @property
    def over(self) -> bool:
        """Whether all requests have come and been answered, as far as decisions go."""
        return self._come == len(self._scene.arrived) and not self._events

    def pass_through(self, span: Span) -> None:
        """What happens from the start of a span up to its end."""
        present = self._moment.present
        if span.changes:
            present = self._scene.present(span.start)
            self._chooser.change(present)
        waiting = self._moment.waiting
        if span.refreshes:
            self._learn(span.start)
            arms = range(len(present))
            waiting = np.array([self._queues.wait(arm, span.start) for arm in arms])
            self.log.waiting.append(waiting)
        self._moment = Moment(present, waiting)
        self._welcome(span.end)
        rows = sorted(row for time, row, _ in self._events if time < span.end)
        if rows:
            self._chooser.prepare(np.array(rows), self._moment, self.log)
        while self._events and self._events[0][0] < span.end:
            self._happen(*heappop(self._events))

    def _welcome(self, end: float) -> None:
        """Let the requests come that come before a time."""
        arrived = self._scene.arrived
        until = int(np.searchsorted(arrived, end, side="left"))
        self._events += [(float(arrived[row]), row, -1) for row in range(self._come, until)]
        heapify(self._events)
        self._come = until

    def _happen(self, now: float, row: int, check: int) -> None:
        if check >= 0:
            seconds = float(self._chooser.check_seconds[row, check])
            heappush(self._events, (self._served(check, row, now, seconds), row, -1))
            return
        log = self.log
        arm, run, final = self._chooser.act(row, now, self._queues, log)
        log.arm[row] = arm
        if arm < 0:
            return
        if not run:
            self._end(row, now)
            return
        log.asked[row, arm] = True
        done = self._served(arm, row, now, float(self._seconds[row, arm]))
        if final:
            self._end(row, done)
            return
        log.verified[row, arm] = True
        free = not self._chooser.check_seconds[row, arm] > 0
        heappush(self._events, (done, row, -1 if free else arm))

    def _served(self, arm: int, row: int, now: float, seconds: float) -> float:
        """Queue up at an arm; gives when that is over."""
        start, done = self._queues.join(arm, now, seconds)
        self.log.queued[row] += start - now
        return done

    def _end(self, row: int, time: float) -> None:
        self.log.finished[row] = time
        feedback = self._scene.stream.feedback
        if feedback.kind != "none" and self._scene.heard[row]:
            heappush(self._known, (time + feedback.delay, row))

    def _learn(self, now: float) -> None:
        rows = []
        while self._known and self._known[0][0] <= now:
            rows.append(heappop(self._known)[1])
        if rows:
            self._chooser.learn(np.array(rows), self.log)
