"""Several verifiers as one: a weighted mean of their confidences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Answer, Signal, Verdicts
from automix_core.flow import Flow, SampleOptions
from automix_core.parts import Settles, Verifier
from automix_core.request import Request

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.outcomes import Outcomes

__all__ = ["Combined"]


@dataclass(frozen=True)
class Combined(Verifier):
    """A weighted mean of several verifiers; one without a verdict is left out of the mean.

    `a | b` is `Combined((a, b))`. Every part's own signal is kept by name on the decision, so
    that weights can be fitted later.

    Attributes:
        verifiers: The parts, asked in this order: put the free ones first.
        weights: One weight for each part; equal where left out.
    """

    name = "combined"
    verifiers: tuple[Verifier, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the weights, and fill them in where they were left out."""
        object.__setattr__(self, "verifiers", tuple(self.verifiers))
        weights = tuple(self.weights) or (1.0,) * len(self.verifiers)
        object.__setattr__(self, "weights", weights)
        names = [verifier.name for verifier in self.verifiers]
        if len(set(names)) < len(names):
            msg = f"Signals are kept by name, so verifiers of one name cannot be combined: {names}."
            raise ConfigurationError(msg)
        if not self.verifiers or len(weights) != len(self.verifiers):
            msg = "Combined needs at least one verifier, and as many weights as verifiers."
            raise ConfigurationError(msg)
        if min(weights) < 0 or sum(weights) <= 0:
            msg = f"Weights must be at least 0 and not all 0, not {weights}."
            raise ConfigurationError(msg)

    @classmethod
    def of(cls, first: Verifier, second: Verifier) -> Combined:
        """Both verifiers, weighing alike; parts that are combined alike already are joined."""
        parts: list[Verifier] = []
        for verifier in (first, second):
            alike = isinstance(verifier, Combined) and len(set(verifier.weights)) == 1
            parts += verifier.verifiers if isinstance(verifier, Combined) and alike else (verifier,)
        return cls(tuple(parts))

    def wants(self, arm: Arm) -> SampleOptions:
        """Whatever any part wants."""
        wanted = [verifier.wants(arm) for verifier in self.verifiers]
        return SampleOptions(
            logprobs=any(options.logprobs for options in wanted),
            top_logprobs=max(options.top_logprobs for options in wanted),
        )

    def relative_cost(self, arm: Arm) -> float:
        """The sum of all parts."""
        return sum(verifier.relative_cost(arm) for verifier in self.verifiers)

    def leaves(self) -> tuple[Verifier, ...]:
        """The parts, and theirs."""
        return tuple(leaf for verifier in self.verifiers for leaf in verifier.leaves())

    def recorded(self, outcomes: Outcomes) -> Verdicts:
        """The weighted mean of what the parts said."""
        parts = [verifier.recorded(outcomes) for verifier in self.verifiers]
        given = np.stack([part.confidence for part in parts])
        weights = np.where(np.isnan(given), 0.0, np.reshape(self.weights, (-1, 1, 1)))
        total = weights.sum(axis=0)
        said = (weights * np.nan_to_num(given)).sum(axis=0)
        return Verdicts(
            confidence=np.divide(said, total, out=np.full_like(said, np.nan), where=total > 0),
            signals={name: s for part in parts for name, s in part.signals.items()},
            cost=sum(part.cost for part in parts),  # type: ignore[arg-type]
            latency=sum(part.latency for part in parts),  # type: ignore[arg-type]
        )

    def helpers(self) -> Mapping[str, Any]:
        """The helpers of all parts."""
        return {name: m for verifier in self.verifiers for name, m in verifier.helpers().items()}

    def with_helpers(self, helpers: Mapping[str, Arm]) -> Combined:
        """The same verifiers, knowing what their helpers can do."""
        return replace(self, verifiers=tuple(v.with_helpers(helpers) for v in self.verifiers))

    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """Ask the parts in turn. Only the last may stop early: the others are known by then."""
        signals: list[Signal] = []
        for verifier in self.verifiers[:-1]:
            signal = yield from verifier.verify(request, answer, arm, _never)
            signals.append(signal)

        def settled(last: Sequence[Signal]) -> bool:
            return settles([self._mean([*signals, signal]) for signal in last])

        last = yield from self.verifiers[-1].verify(request, answer, arm, settled)
        return self._mean([*signals, last])

    def _mean(self, signals: Sequence[Signal]) -> Signal:
        weighed = [
            (weight, signal.confidence)
            for weight, signal in zip(self.weights, signals, strict=True)
            if signal.confidence is not None
        ]
        total = sum(weight for weight, _ in weighed)
        confidence = sum(w * c for w, c in weighed) / total if total > 0 else None
        return Signal(
            confidence,
            planned=sum(signal.planned for signal in signals),
            asked=sum(signal.asked for signal in signals),
            valid=sum(signal.valid for signal in signals),
            correct=sum(signal.correct for signal in signals),
            values={name: v for signal in signals for name, v in signal.values.items()},
            note="; ".join(signal.note for signal in signals if signal.note),
        )


def _never(_signals: Sequence[Signal]) -> bool:
    return False
