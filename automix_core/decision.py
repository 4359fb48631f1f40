"""The record of one request: what was asked of whom, what came back, what it cost, and why.

A decision is small, JSON-safe and free of prompts and answers, so that it can travel in message
metadata, traces and logs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, Literal, Self

__all__ = [
    "AlwaysLargest",
    "Decision",
    "DecisionCallback",
    "Status",
    "Step",
    "Verdict",
    "new_id",
    "publish",
]

_LOG = logging.getLogger(__name__)

Status = Literal["accepted", "final", "fallback", "failed", "cancelled", "advised"]
"""How a request ended.

`accepted`: a verified draft was good enough. `final`: the policy had committed to this arm.
`fallback`: the best answer in hand was returned because every further arm failed or was ruled
out. `failed`: an error was raised. `cancelled`: the caller went away. `advised`: the router was
only asked whom it would ask first (`Router.decide`), and called no model.
"""


class _Record:
    """What the three parts of a decision and the decision itself have in common."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}  # for what is read back

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {**vars(self)}


@dataclass(frozen=True)
class Step(_Record):
    """One call to a model.

    Attributes:
        to: The arm or helper that was asked.
        purpose: `draft`, `answer`, `verify` or `sample`.
        samples: How many replies were asked for.
        outcome: `replied`, `failed`, `not started`, or `abandoned` where it was still running
            when its result no longer mattered, so that its cost is unknown.
        input_tokens: Tokens of the prompt, or `None` where the server did not say.
        output_tokens: Tokens of all samples, or `None` where the server did not say.
        recounted: The server reported one sample of several; `output_tokens` is estimated.
        cost: US dollars, or `None` where the price or the usage is unknown.
        latency: Seconds.
        error: What failed, in one line.
    """

    to: str
    purpose: str
    samples: int = 1
    outcome: Literal["replied", "failed", "not started", "abandoned"] = "abandoned"
    input_tokens: int | None = None
    output_tokens: int | None = None
    recounted: bool = False
    cost: float | None = None
    latency: float | None = None
    error: str | None = None

    @property
    def made(self) -> bool:
        """Whether a call went out."""
        return self.outcome != "not started"


@dataclass(frozen=True)
class Verdict(_Record):
    """What the verifier said of one arm's answer. `Signal` explains the fields."""

    arm: str
    confidence: float | None
    planned: int = 0
    asked: int = 0
    valid: int = 0
    correct: int = 0
    values: dict[str, float | None] = field(default_factory=dict)
    note: str = ""

    @property
    def valid_share(self) -> float | None:
        """The share of samples that held a verdict; `None` where no samples were taken."""
        return self.valid / self.asked if self.asked else None

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON values."""
        return {**vars(self), "values": {**self.values}}


@dataclass(frozen=True)
class AlwaysLargest(_Record):
    """What asking the dearest arm alone would have cost.

    Attributes:
        arm: The dearest arm.
        cost: US dollars, or `None` where its price is unknown.
        estimated: The arm was not asked, so its tokens are taken from another arm's reply.
    """

    arm: str
    cost: float | None
    estimated: bool


@dataclass(frozen=True)
class Decision(_Record):
    """What the router did with one request, and why.

    Attributes:
        id: Names the decision in feedback.
        router: Name of the router or preset.
        version: Version of this package.
        status: How it ended.
        arm: The arm whose answer was returned; `None` where none was. With the status `advised`,
            the arm that the router would ask first.
        why: The reason in one sentence.
        steps: Every call to a model, in order.
        verdicts: What the verifier said, in order.
        preference: The preference that was in force.
        cost: US dollars of all calls; `None` where any call is unpriced.
        known_cost: US dollars of the calls that could be priced.
        unpriced_calls: How many calls could not be priced.
        cost_basis: What the costs that steered the choice rest on: `prices`, `measured` (on the
            examples of a fit), `declared` or `assumed`.
        always_largest: What asking the dearest arm alone would have cost.
        propensity: Probability with which a randomising policy would act this way.
        latency: Seconds from the request to the decision.
        cached: The answer came from a cache in front of the router: no model was asked, so there
            are no steps and no cost. Everything else tells of the first time.
    """

    id: str
    router: str
    version: str
    status: Status
    arm: str | None
    why: str
    steps: tuple[Step, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    preference: dict[str, float | str | None] = field(default_factory=dict)
    cost: float | None = None
    known_cost: float = 0.0
    unpriced_calls: int = 0
    cost_basis: Literal["prices", "measured", "declared", "assumed"] = "assumed"
    always_largest: AlwaysLargest | None = None
    propensity: float = 1.0
    latency: float = 0.0
    cached: bool = False

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A decision from a value for every field: as the constructor, in a fifth of its time."""
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        return made

    @property
    def escalated(self) -> bool:
        """Whether a first answer was not enough."""
        return len({s.to for s in self.steps if s.purpose in ("draft", "answer")}) > 1

    @property
    def confidence(self) -> float | None:
        """The verifier's confidence in the answer that was returned, if it was verified."""
        found = [v.confidence for v in self.verdicts if v.arm == self.arm]
        return found[-1] if found else None

    @property
    def calls(self) -> int:
        """How many calls to models went out."""
        return sum(step.made for step in self.steps)

    @property
    def tokens(self) -> dict[str, tuple[int, int]]:
        """Reported (input, output) tokens by arm or helper."""
        totals: dict[str, tuple[int, int]] = {}
        for step in self.steps:
            had = totals.get(step.to, (0, 0))
            totals[step.to] = (
                had[0] + (step.input_tokens or 0),
                had[1] + (step.output_tokens or 0),
            )
        return totals

    def from_cache(self) -> Self:
        """The decision of a call that was answered with this one's answer, from a cache.

        It has an id of its own. A cache would have saved the dearest arm's call as well, so that
        costs nothing either.
        """
        largest = self.always_largest
        return replace(
            self,
            id=new_id(),
            steps=(),
            cost=0.0,
            known_cost=0.0,
            unpriced_calls=0,
            always_largest=largest and replace(largest, cost=0.0),
            latency=0.0,
            cached=True,
        )

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values."""
        largest = self.always_largest
        return {
            **vars(self),
            "steps": [step.as_dict() for step in self.steps],
            "verdicts": [verdict.as_dict() for verdict in self.verdicts],
            "preference": {**self.preference},
            "always_largest": largest and largest.as_dict(),
        }

    @staticmethod
    def from_dict(data: Any) -> Decision:
        """The decision behind what `as_dict` gave.

        Raises:
            pydantic.ValidationError: It does not describe a decision; says where.
        """
        decision: Decision = _reader().validate_python(data)
        return decision


DecisionCallback = Callable[[Decision], object]
"""Called with each decision as it is published, from whatever thread or task made it."""


def new_id() -> str:
    """A name for a decision that no other has: 128 random bits."""
    return os.urandom(16).hex()


def publish(decision: Decision, listeners: Iterable[DecisionCallback]) -> None:
    """Give a decision to every listener; one that fails is logged and harms no answer."""
    for listener in listeners:
        try:
            listener(decision)
        except Exception:
            _LOG.exception("A listener failed on decision %s", decision.id)


@cache
def _reader() -> Any:
    """What checks foreign data; it takes milliseconds to make, and few programs need it."""
    from pydantic import TypeAdapter

    return TypeAdapter(Decision)
