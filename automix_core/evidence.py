"""The vocabulary that the parts share: answers, signals, evidence, estimates and actions.

Everything an estimator or a policy sees is an array over n rows and the arms, cheapest first. A
live request is n = 1; a replay of recorded outcomes is n = a million. The parts cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import normalised, shared
from automix_core.flow import Reply

__all__ = [
    "Actions",
    "Answer",
    "Bools",
    "Estimates",
    "Evidence",
    "Examples",
    "Floats",
    "Run",
    "Signal",
    "Stop",
    "Verdicts",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Signal:
    """What a verifier says of an answer.

    Attributes:
        confidence: In [0, 1], or `None` where the verifier came to no verdict. No verdict is
            neither a yes nor a no.
        planned: How many samples the verifier would take in full.
        asked: How many it took. Fewer than planned: the signal is censored, and it must never
            be stored as a confidence, for it says only on which side of a line the rest lies.
        valid: How many of them held a verdict.
        correct: How many verdicts said that the answer is right.
        values: Each contributing signal by the name of its verifier.
        note: Why there is no verdict, in a few words.
    """

    confidence: float | None
    planned: int = 0
    asked: int = 0
    valid: int = 0
    correct: int = 0
    values: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""

    @property
    def censored(self) -> bool:
        """Whether the verifier stopped before it had taken all its samples."""
        return self.asked < self.planned


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable reply of an arm, with what was made of it."""

    arm: str
    reply: Reply
    signal: Signal | None = None


@dataclass(slots=True, eq=False)
class Evidence:
    """What is known about n requests, as arrays over arms in order of cost.

    Like estimates and actions it is made at each step. It is not frozen, for making a frozen one
    takes twice as long; nobody writes to it or to its arrays all the same.

    Attributes:
        able: (n, arms) the arm may be asked: it can do what is needed and was not asked yet.
        answered: (n, arms) the arm's answer is in hand.
        confidence: (n, arms) the verifier's confidence in that answer; NaN where there is none.
        signals: The contributing signals by name, each (n, arms), NaN where missing.
        cost: (n, arms) what asking the arm is expected to cost, its verification included. US
            dollars, or relative units where a price is unknown.
        checking: (n, arms) the part of `cost` that verification takes: saved by committing.
        reference_cost: Mean cost of one call to the dearest arm, in the same unit.
        draw: (n,) one uniform number in [0, 1), drawn anew each step, so that policies are pure.
        features: (n, d) what an embedder made of the requests; `None` where there is none, or
            where it failed.
        waiting: (n, arms) seconds until each arm would begin to answer, because it is busy;
            `None` where nothing is known of the load.
        prompt_tokens: (n,) tokens of the prompt, NaN where unknown; `None` where all are.
        rates: (arms, 2) US dollars of one token of the prompt and of the answer, NaN for an arm
            whose prices are unknown; `None` where all are.
        truth: What every arm would answer to these very requests. Only estimators with hindsight
            are shown it, in a replay; `None` for all others, and always live.
    """

    able: Bools
    answered: Bools
    confidence: Floats
    cost: Floats
    checking: Floats
    reference_cost: float
    draw: Floats
    signals: Mapping[str, Floats] = field(default_factory=dict)
    features: Floats | None = None
    waiting: Floats | None = None
    prompt_tokens: Floats | None = None
    rates: Floats | None = None
    truth: Examples | None = None
    _units: Floats | None = field(default=None, init=False, repr=False)
    _untouched: bool | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.able)

    @property
    def units(self) -> Floats:
        """The features scaled to length 1, (n, d); made once for all that read them."""
        if self._units is None:
            features: Any = self.features
            self._units = normalised(features)
        return self._units

    @property
    def untouched(self) -> bool:
        """Whether nobody has answered in any row, as before first decisions; found out once."""
        if self._untouched is None:
            self._untouched = not np.count_nonzero(self.answered)
        return self._untouched

    def supposing(self, arm: int, signals: Sequence[Signal]) -> Evidence:
        """One row's evidence, once for each signal that the arm's answer might yet receive.

        Args:
            arm: The arm's place in the order of cost.
            signals: The possible signals; the result has one row for each.
        """
        count = len(signals)
        confidence = np.repeat(self.confidence, count, axis=0)
        confidence[:, arm] = [np.nan if s.confidence is None else s.confidence for s in signals]
        names = set(self.signals).union(*(s.values for s in signals))
        values: dict[str, Floats] = {}
        for name in names:
            known = self.signals.get(name)
            column = (
                np.full_like(confidence, np.nan) if known is None else np.repeat(known, count, 0)
            )
            got = [s.values.get(name) for s in signals]
            column[:, arm] = [np.nan if g is None else g for g in got]
            values[name] = column
        return replace(
            self,
            able=np.repeat(self.able, count, axis=0),
            answered=np.repeat(self.answered, count, axis=0),
            confidence=confidence,
            cost=np.repeat(self.cost, count, axis=0),
            checking=np.repeat(self.checking, count, axis=0),
            draw=np.repeat(self.draw, count),
            signals=values,
            features=_repeated(self.features, count),
            waiting=_repeated(self.waiting, count),
            prompt_tokens=_repeated(self.prompt_tokens, count),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What every arm answered to n requests, as estimators learn from it.

    Attributes:
        quality: (n, arms) in [0, 1]; NaN where the arm was not asked.
        confidence: (n, arms) the verifier's confidence in that answer; NaN where there is none.
        signals: The contributing signals by name, each (n, arms), NaN where missing.
        features: (n, d) what an embedder made of the requests; `None` where there is none.
        cost: (n, arms) US dollars of the answer, NaN where unknown, as in the next four; `None`
            where nothing is known.
        latency: (n, arms) seconds of the answer, waiting not included.
        input_tokens: (n, arms) tokens of the prompt.
        output_tokens: (n, arms) tokens of the answer.
        satisfied: (n, arms) 1 where the user was satisfied with the arm's answer, 0 where not.
        chances: (n, arms) probability with which each arm might have been asked when it was
            decided; `None` where all arms were asked.
        groups: (n,) rows with one number belong together; `None` where each stands alone.
        judged: (n,) whether a verdict had a part in which answer is known here, as feedback has
            it of a draft that was kept or passed over; `None` where none had.
    """

    quality: Floats
    confidence: Floats
    signals: Mapping[str, Floats] = field(default_factory=dict)
    features: Floats | None = None
    cost: Floats | None = None
    latency: Floats | None = None
    input_tokens: Floats | None = None
    output_tokens: Floats | None = None
    satisfied: Floats | None = None
    chances: Floats | None = None
    groups: NDArray[np.int64] | None = None
    judged: Bools | None = None

    def __len__(self) -> int:
        return len(self.quality)

    def take(self, rows: Any) -> Examples:
        """Some of the rows, by an index array, a mask or a slice."""
        taken: dict[str, Any] = {
            name: array[rows] for name in _ARRAYS if (array := getattr(self, name)) is not None
        }
        signals = {name: values[rows] for name, values in self.signals.items()}
        return Examples(**taken, signals=signals)


_ARRAYS = tuple(field.name for field in fields(Examples) if field.name != "signals")


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What a verifier said of recorded answers, and what that cost; each array (n, arms).

    Attributes:
        confidence: NaN where there is no verdict.
        signals: The contributing signals by name.
        cost: US dollars; NaN where there is no answer.
        latency: Seconds; NaN where unknown.
    """

    confidence: Floats
    signals: Mapping[str, Floats]
    cost: Floats
    latency: Floats


@dataclass(slots=True, eq=False)
class Estimates:
    """What an estimator believes of every arm, each array (n, arms); nobody writes to them.

    Attributes:
        quality: Expected quality in [0, 1].
        sd: Standard deviation of that belief.
        cost: Remaining cost, verification included; 0 for an answer in hand.
        latency: Seconds until the arm's answer; NaN where unknown, 0 for an answer in hand.
        reference_cost: Mean cost of one call to the dearest arm, in the unit of `cost`.
        ahead: (n, arms) value, in points of quality, of asking the arm, having its answer
            verified and acting best from there on, for the preference at hand. NaN, or `None` for
            all, where the estimator does not look past the next answer.
        novelty: (n, arms) how little each arm has been tried on requests like this one: e' inv(A)
            e of linear bandits, which is e'e over the ridge penalty for an arm that was never
            tried. `None` where the estimator does not know.
    """

    quality: Floats
    sd: Floats
    cost: Floats
    latency: Floats
    reference_cost: float
    ahead: Floats | None = None
    novelty: Floats | None = None

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        quality: Floats,
        sd: Floats,
        ahead: Floats | None = None,
        novelty: Floats | None = None,
    ) -> Estimates:
        """Estimates of quality, with cost as listed and latency unknown.

        Args:
            evidence: What the estimates rest on.
            quality: (n, arms) expected quality.
            sd: (n, arms) standard deviation of that belief.
            ahead: (n, arms) as in the attribute, like the next.
            novelty: Likewise.
        """
        cost, latency = evidence.cost, shared(len(quality), quality.shape[1], np.nan)
        if not evidence.untouched:
            cost, latency = (np.where(evidence.answered, 0.0, x) for x in (cost, latency))
        return cls(quality, sd, cost, latency, evidence.reference_cost, ahead, novelty)


@dataclass(frozen=True, slots=True)
class Run:
    """Ask an arm.

    Attributes:
        arm: Its place in the order of cost.
        final: The policy commits: a usable reply is returned whatever a verifier would say.
    """

    arm: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Return the answer of this arm, which is in hand."""

    arm: int


@dataclass(slots=True, eq=False)
class Actions:
    """What a policy decided for n rows, each array (n,).

    Attributes:
        arm: The arm to ask or to return; -1 where nothing is in hand and nobody can be asked.
        run: `True` to ask that arm, `False` to stop with its answer.
        final: The ask is a commitment.
        propensity: Probability with which this action was chosen.
        chances: (n, arms) probability of each arm to be asked, from policies that randomise;
            `None` from all others.
        stop_value: Value of stopping now, -inf with nothing in hand.
        run_value: Value of the best arm that could be asked, -inf where there is none.
    """

    arm: NDArray[np.int64]
    run: Bools
    final: Bools
    propensity: Floats
    stop_value: Floats
    run_value: Floats
    chances: Floats | None = None

    @classmethod
    def without_choice(cls, arm: int) -> Actions:
        """Ask the one arm that can be asked, where nothing is in hand to compare it with."""
        sure = np.ones(1, dtype=bool)
        nothing = np.full(1, -np.inf)
        return cls(np.array([arm]), sure, sure, np.ones(1), nothing, np.full(1, np.nan))

    def first(self) -> Run | Stop | None:
        """The first row's action, or `None` where there is nothing to ask or to return."""
        arm = int(self.arm[0])
        if arm < 0:
            return None
        return Run(arm, bool(self.final[0])) if self.run[0] else Stop(arm)

    def closing(self) -> bool:
        """Whether every row stops, or commits to the arm that it asks."""
        return bool((~self.run | self.final).all())

    def unanimous(self) -> bool:
        """Whether every row takes the same action."""
        same = (self.arm == self.arm[0]) & (self.run == self.run[0]) & (self.final == self.final[0])
        return bool(same.all())


def _repeated(known: Floats | None, count: int) -> Floats | None:
    """Every row so many times."""
    return None if known is None else np.repeat(known, count, axis=0)
