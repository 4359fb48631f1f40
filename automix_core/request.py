"""What a caller asks for, and how the caller wants quality, cost and latency traded.

A `Request` is the part of a call that the router may look at: the question, the retrieved
context and what the answer needs. The framework's own messages stay with the adapter. A
`Preference` belongs to one request, so that changing it needs no retraining.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal, Self

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.numbers import not_negative

__all__ = ["Kind", "Needs", "Preference", "Request"]

Kind = Literal["answer", "tools", "structured", "utility"]
"""What sort of call this is.

`answer` is routed and verified; `tools` and `structured` replies are judged by their validity;
`utility` calls (a selector, a condenser, a judge) go to the cheapest able arm, unverified.
"""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an arm must be able to do to serve a request.

    Attributes:
        tools: The reply may have to call tools.
        images: The request holds something other than text.
        tokens: Rough length of the whole prompt in tokens; 0 where it was not estimated.
    """

    tools: bool = False
    images: bool = False
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as far as the router may see it.

    Attributes:
        question: The newest thing the user asked, as text.
        context: The retrieved text the answer must rest on; empty where there is none.
        kind: What sort of call this is.
        needs: What an arm must be able to do.
        once: The call acts or is billed beyond its answer (a server-side tool), so it is not
            drafted: one arm is chosen beforehand, and another is asked only if that one fails.
        held_by: Arm that holds the turn this request belongs to, as in a tool loop: no cheaper
            arm is asked unless that one fails.
    """

    question: str
    context: str = ""
    kind: Kind = "answer"
    needs: Needs = field(default_factory=Needs)
    once: bool = False
    held_by: str | None = None

    @property
    def unverified(self) -> bool:
        """Whether the first usable reply is the answer, whoever gives it."""
        return self.once or self.kind == "utility"


_ALWAYS = ("cost_weight", "latency_weight")
_NUMBERS = (*_ALWAYS, "max_cost", "max_latency", "budget", "min_quality")


@dataclass(frozen=True, slots=True)
class Preference:
    """How one request trades quality against cost and latency.

    Attributes:
        cost_weight: Points of quality that one call to the dearest model is worth; 0.1 reads "ten
            points of quality are worth one such call". It is 1/lambda of the routing papers.
        latency_weight: Points of quality that one second is worth.
        max_cost: Most US dollars this request may be expected to cost; needs known prices.
        max_latency: Seconds after which no further arm is started once an answer is in hand.
            What already runs is not cut short. Policies that look ahead to latency, such as
            `Explore`, count an arm that is expected to answer later than this, its waiting
            included, with quality 0, as MixLLM's stream does.
        budget: Mean US dollars a request may cost; a fitted router meets it in expectation on
            traffic like its examples. It takes the place of `cost_weight`, as the next two do.
        min_quality: Mean quality that must be reached, as cheaply as a fitted router can.
        maximise: `value`, or `ibc_lift` for AutoMix's gain of quality a dollar over that of
            always asking the dearest of two arms; that needs a fitted router.
        force: Name of the one arm to ask, unverified; the other arms serve only if it fails. Where
            no arm has that name, `cheapest` and `dearest` stand for the first and the last arm
            that can serve the request.

    Raises:
        UnknownNameError: A keyword that is none of the above.
        ConfigurationError: A value that is negative, infinite or not a number.
    """

    cost_weight: float = 0.1
    latency_weight: float = 0.0
    max_cost: float | None = None
    max_latency: float | None = None
    budget: float | None = None
    min_quality: float | None = None
    maximise: Literal["value", "ibc_lift"] = "value"
    force: str | None = None

    def __new__(cls, *_args: Any, **given: Any) -> Self:
        """Refuse unknown keywords with a message that lists the known ones."""
        known = [f.name for f in fields(cls)]
        for name in given:
            if name not in known:
                what = "preference"
                raise UnknownNameError(what, name, known)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        """Check every number once, so that no policy has to."""
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None or name in _ALWAYS:
                not_negative(value, f"Preference.{name}", "a number of at least 0")
        if not isinstance(self.force, str | None):
            msg = f"Preference.force must be the name of an arm, not {self.force!r}."  # type: ignore[unreachable]
            raise ConfigurationError(msg)

        if self.maximise not in ("value", "ibc_lift"):
            msg = f"Preference.maximise must be 'value' or 'ibc_lift', not {self.maximise!r}."
            raise ConfigurationError(msg)
        if len(self.objectives) > 1:
            msg = f"A preference has one objective; give one of {self.objectives}."
            raise ConfigurationError(msg)

    @property
    def objectives(self) -> tuple[str, ...]:
        """What is asked for instead of the best value at `cost_weight`."""
        lift = self.maximise != "value"
        asked = (
            ("budget", self.budget is not None),
            ("min_quality", self.min_quality is not None),
            ("maximise", lift),
        )
        return tuple(name for name, given in asked if given)

    def forcing(self, name: str) -> Preference:
        """The same preference, with an arm forced."""
        return _forcing(self, name)

    def as_dict(self) -> dict[str, float | str | None]:
        """The preference as JSON values, for traces and cache keys."""
        return {  # in a third of the time that going through `fields` takes
            "cost_weight": self.cost_weight,
            "latency_weight": self.latency_weight,
            "max_cost": self.max_cost,
            "max_latency": self.max_latency,
            "budget": self.budget,
            "min_quality": self.min_quality,
            "maximise": self.maximise,
            "force": self.force,
        }


@lru_cache(maxsize=256)
def _forcing(preference: Preference, name: str) -> Preference:
    return replace(preference, force=name)
