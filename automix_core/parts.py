"""The protocols at which parts meet: verifier, estimator, policy and embedder.

A part is a frozen dataclass whose fields are its parameters, with three duties at most. A new one
is one small class in one file; subclassing registers it by its `name` (`automix_core.registry`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.evidence import (
    Actions,
    Answer,
    Estimates,
    Evidence,
    Examples,
    Floats,
    Signal,
    Verdicts,
)
from automix_core.flow import Failure, Flow, SampleOptions
from automix_core.numbers import finite_vectors
from automix_core.registry import Part, at_least_one, find_part, parts_of_kind
from automix_core.request import Preference, Request

if TYPE_CHECKING:
    from automix_core.arms import Arm
    from automix_core.outcomes import Outcomes

__all__ = [
    "Embedder",
    "Estimator",
    "Part",
    "Policy",
    "Settles",
    "Verifier",
    "at_least_one",
    "find_part",
    "parts_of_kind",
]

Settles = Callable[[Sequence[Signal]], bool]
"""Given every signal that is still possible: do they all lead to the same action, and to the end?

An action after which the loop goes on settles nothing: later decisions rest on this signal too."""


class Verifier(Part, ABC):
    """Looks at an answer and says how far to trust it.

    Verifiers combine: `AnswerLikelihood() | SelfVerification()` averages both.
    """

    kind = "verifier"

    @abstractmethod
    def verify(self, request: Request, answer: Answer, arm: Arm, settles: Settles) -> Flow[Signal]:
        """Judge one answer.

        Args:
            request: The request; question and context are untrusted text.
            answer: A usable text answer of `arm`.
            arm: The arm that gave it.
            settles: Tells whether the action no longer depends on what is still unknown.

        Returns:
            A flow that yields the asks it needs and returns a signal. Failures of those asks are
            no reason to raise: without a verdict the confidence is `None`.
        """

    def wants(self, arm: Arm) -> SampleOptions:
        """What the arm's own answer must carry for this verifier to work."""
        return SampleOptions()

    def relative_cost(self, arm: Arm) -> float:
        """Rough cost of one verification, in units of the arm's own answer."""
        return 1.0

    def helpers(self) -> Mapping[str, Any]:
        """Models other than the arms that this verifier asks, by the name it asks them under."""
        return {}

    def with_helpers(self, helpers: Mapping[str, Arm]) -> Verifier:
        """This verifier, once the adapter has read off its helpers what they can do."""
        return self

    def leaves(self) -> tuple[Verifier, ...]:
        """The verifiers that this one can be narrowed down to, each with a signal of its own."""
        return (self,)

    def recorded(self, outcomes: Outcomes) -> Verdicts:
        """What this verifier said of every answer in an outcome table.

        Args:
            outcomes: n rows; the signal stands there under this verifier's name.

        Raises:
            ConfigurationError: The table does not hold the signal; the message lists what it does.
        """
        if self.name not in outcomes.signals:
            what = "signal in the outcome table named"
            raise UnknownNameError(what, self.name, outcomes.signals)
        confidence = outcomes.signals[self.name]
        unknown = np.full_like(confidence, np.nan)
        cost = outcomes.checks.get(self.name, unknown)
        listed = self.expected_cost(outcomes)
        return Verdicts(
            confidence=confidence,
            signals={self.name: confidence},
            cost=np.where(np.isnan(cost), listed, cost),
            latency=outcomes.check_latency.get(self.name, unknown),
        )

    def expected_cost(self, outcomes: Outcomes) -> Floats:
        """What one verification costs where the table does not say, (n, arms) US dollars."""
        return outcomes.cost

    def __or__(self, other: Verifier) -> Verifier:
        """Both verifiers, averaged."""
        combine: Any = find_part("verifier", "combined")
        joined: Verifier = combine.of(self, other)
        return joined


class Estimator(Part, ABC):
    """Evidence in, estimates of every arm out. Meta-verifiers are estimators.

    Attributes:
        hindsight: Whether a replay shows it the outcomes of the very requests that it judges. Such
            an estimator is a yardstick: routers with it are replayed, never bound or saved.
        foresees: Whether it tells for each request where to start and what to have verified, so
            that a fit measures it from the first step on instead of start by start.
    """

    kind = "estimator"
    hindsight: ClassVar[bool] = False
    foresees: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """How people are told of it; a wrapper names what it wraps."""
        return self.name

    @property
    def forecasts(self) -> bool:
        """Whether the prompt's length, token prices or the load matter, to it or what it wraps."""
        return any(isinstance(x, Estimator) and x.forecasts for x in vars(self).values())

    @property
    def adopts(self) -> bool:
        """Whether it can do with a new arm without another fit: it learns how good that one is.

        What does not learn would believe for ever what was guessed of the new arm at first.
        """
        return self.learns

    @abstractmethod
    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Quality, cost and latency of every arm, given what is known so far.

        Args:
            evidence: n rows.
            preference: How quality is traded against cost; what lies ahead depends on it.

        Returns:
            Arrays of shape (n, arms).

        Raises:
            NotFittedError: The estimator learns from examples and has not seen any.
        """

    def fit(self, examples: Examples) -> Estimator:
        """A copy that has learned from examples; this very one where there is nothing to learn.

        Args:
            examples: What each arm answered to n requests, how good it was, and what the
                verifier said.
        """
        return self

    @property
    def learns(self) -> bool:
        """Whether it goes on learning after its fit, so that decisions are remembered for it."""
        return type(self).learn is not Estimator.learn

    def learn(self, examples: Examples) -> Estimator:
        """A copy that goes on from what it knows; this very one where it learns only from a fit.

        Time and memory do not depend on how much was learned before.

        Args:
            examples: n rows in which a single arm may be known, as feedback gives them.
        """
        return self

    def over(self, places: Sequence[int | None]) -> Estimator:
        """This estimator for other arms; what it says of the arms that stay does not change.

        Args:
            places: For each arm that there will be, cheapest first, its place among the arms so
                far, or `None` for a new one.

        Raises:
            ConfigurationError: It cannot be told of other arms without a new fit.
        """
        msg = f"The estimator {self.label!r} does not let models come or go: fit the router again."
        raise ConfigurationError(msg)


class Policy(Part, ABC):
    """Estimates in, actions out: ask which arm next, or stop and return which answer.

    Attributes:
        draws: Whether it reads `evidence.draw`; if not, it decides alike for requests alike.
        commits: Whether every ask is final, so that no answer is ever verified.
    """

    kind = "policy"
    draws: ClassVar[bool] = True
    commits: ClassVar[bool] = False

    def over(self, arms: Sequence[str]) -> Policy:
        """This policy for arms of these names, in order of cost."""
        return self

    @abstractmethod
    def decide(self, estimates: Estimates, evidence: Evidence, preference: Preference) -> Actions:
        """Choose for each of n rows. Pure: all randomness is in `evidence.draw`."""


class Embedder(Part, ABC):
    """Text in, vectors out: what is known of a request before any model is asked.

    A new embedder writes `_vectors` and `width`; what it gives is checked here, once.
    """

    kind = "embedder"

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector for each text.

        Args:
            texts: n texts; what to embed of a request is said by `embed.query_text`.

        Returns:
            (n, width), every number finite. A text's vector does not depend on the others.

        Raises:
            ConfigurationError: What came back has another shape, or holds NaN.
            NotFittedError: The embedder learns from texts and has not seen any.
        """
        if isinstance(texts, str):
            msg = f"{self.name!r} embeds a list of texts, not one text: put it into a list."
            raise ConfigurationError(msg)
        vectors = self._vectors(texts) if len(texts) else np.zeros((0, self.width))
        who = f"The embedder {self.name!r}"
        checked = finite_vectors(vectors, len(texts), who)
        if checked.shape[1] != self.width:
            msg = f"{who} must give vectors of width {self.width}, not {checked.shape[1]}."
            raise ConfigurationError(msg)
        return checked

    @abstractmethod
    def _vectors(self, texts: Sequence[str]) -> Any:
        """The vectors of at least one text, as an array or anything that becomes one."""

    def flow(self, texts: Sequence[str]) -> Flow[Floats | Failure]:
        """The same, as a flow, for use inside the routing loop.

        What is computed here and now is returned without a wave. An embedder that waits for a
        server yields a `Call`, so that the async driver never blocks its event loop; if that
        fails, the failure is returned, for a request can be answered without features.
        """
        yield from ()
        return self.embed(texts)

    def fit(self, texts: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> Embedder:
        """A copy that has learned from texts; this very one where there is nothing to learn.

        Args:
            texts: n texts.
            tags: The tags of each text, some or none; empty where nothing is tagged.
        """
        return self
