"""What a simulated stream is like: how fast requests come, what users put up with, what changes.

The defaults are those of MixLLM (arXiv 2502.18482).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.numbers import at_least, not_negative

__all__ = ["Change", "Feedback", "Stream"]


@dataclass(frozen=True, slots=True)
class Change:
    """A model that comes or goes.

    Attributes:
        arm: Its name.
        time: Seconds from the start of the stream.
        comes: It comes at that time, and was not there before; else it goes.
    """

    arm: str
    time: float
    comes: bool

    @classmethod
    def parse(cls, text: str, *, comes: bool) -> Change:
        """Read "NAME@SECONDS".

        Raises:
            ConfigurationError: It is not of this form.
        """
        arm, _, when = text.rpartition("@")
        try:
            time = float(when)
        except ValueError:
            time = math.nan
        if not arm or not math.isfinite(time):
            msg = f"{text!r} must be a model and a time in seconds, such as large@120."
            raise ConfigurationError(msg)
        return cls(arm, time, comes)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What becomes known of an answer, once it is there.

    Attributes:
        kind: `none`; `refined`, the score and the cost of the answer; or `binary`, whether the
            user was satisfied.
        delay: Seconds from the answer to the feedback.
        missing: Probability that no feedback ever comes.

    Raises:
        ConfigurationError: No such kind, a negative delay, or no probability.
    """

    kind: Literal["none", "refined", "binary"] = "none"
    delay: float = 0.0
    missing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.kind not in ("none", "refined", "binary"):
            what = "kind of feedback"
            raise UnknownNameError(what, self.kind, ("none", "refined", "binary"))
        not_negative(self.delay, "Feedback.delay", "seconds, a number of at least 0")
        not_negative(self.missing, "Feedback.missing", "a probability")
        if self.missing > 1:
            msg = f"Feedback.missing must be a probability, not {self.missing!r}."
            raise ConfigurationError(msg)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of requests.

    Attributes:
        requests: How many come in a period, evenly spaced.
        period: Seconds; waiting times are read off, and feedback is learned from, once a period.
        time_limit: Seconds from a request to its answer, above which the answer scores 0;
            infinite for no limit.
        wanted: Quality above which a user can be satisfied.
        patience: Seconds from a request to its answer, below which a user can be satisfied.
        length: How many requests there are; the held-out rows once over where `None`. More
            requests than rows meet the rows again, each time in another order.
        train_share: About which share of the table routers are fitted on.
        feedback: What routers learn from on the way.
        changes: Models that come and go, in any order.
        seed: Of the split, the order, and all draws.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    requests: int = 100
    period: float = 10.0
    time_limit: float = 30.0
    wanted: float = 0.7
    patience: float = 15.0
    length: int | None = None
    train_share: float = 0.8
    feedback: Feedback = field(default_factory=Feedback)
    changes: tuple[Change, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        at_least(1, self.requests, "Stream.requests")
        if self.length is not None:
            at_least(1, self.length, "Stream.length")
        not_negative(self.wanted, "Stream.wanted", "a quality")
        for name in ("period", "time_limit", "patience"):
            value = getattr(self, name)
            if not value > 0 or (name == "period" and not math.isfinite(value)):
                msg = f"Stream.{name} must be seconds, a number above 0, not {value!r}."
                raise ConfigurationError(msg)
        if not 0 < self.train_share < 1:
            msg = f"Stream.train_share must lie between 0 and 1, not {self.train_share!r}."
            raise ConfigurationError(msg)

    def arrival(self, request: int) -> float:
        """Seconds from the start at which a request comes, by its number from 0."""
        periods, place = divmod(request, self.requests)
        return self.period * (periods + place / self.requests)

    def absent_at_first(self) -> frozenset[str]:
        """The arms whose first change is that they come."""
        ordered = sorted(self.changes, key=lambda change: change.time, reverse=True)
        first = {change.arm: change.comes for change in ordered}
        return frozenset(arm for arm, comes in first.items() if comes)

    def presences(
        self, arms: Sequence[str], duration: float
    ) -> list[tuple[float, tuple[bool, ...]]]:
        """Which arms are there from the start, and from each change on.

        Args:
            arms: All arms of the table.
            duration: Seconds until the last request has come.

        Raises:
            ConfigurationError: An unknown arm, a time outside the stream, an arm that comes while
                it is there or goes while it is not, or fewer than two arms left.
        """
        there = dict.fromkeys(arms, True) | dict.fromkeys(self.absent_at_first(), False)
        found = [(0.0, tuple(there.values()))]
        for change in sorted(self.changes, key=lambda change: change.time):
            _check(change, there, arms, duration)
            there[change.arm] = change.comes
            if change.time == found[-1][0]:
                found.pop()
            found.append((change.time, tuple(there.values())))
        for time, present in found:
            if sum(present) < 2:
                msg = f"Fewer than two models would be there from {time:g} s on."
                raise ConfigurationError(msg)
        return found

    def as_dict(self) -> dict[str, Any]:
        """The stream as JSON values; no limit is `null`."""
        given = asdict(self)
        for name in ("time_limit", "patience"):
            given[name] = given[name] if math.isfinite(given[name]) else None
        return given


def _check(change: Change, there: dict[str, bool], arms: Sequence[str], duration: float) -> None:
    if change.arm not in arms:
        what = "model in the outcome table named"
        raise UnknownNameError(what, change.arm, arms)
    if not 0 < change.time < duration:
        msg = f"{change.arm}@{change.time:g} lies outside the stream, which takes {duration:g} s."
        raise ConfigurationError(msg)
    if there[change.arm] is change.comes:
        said = "is there already" if change.comes else "is not there"
        msg = f"{change.arm} {said} at {change.time:g} s."
        raise ConfigurationError(msg)
