"""What a router would have done on recorded outcomes: the loop on arrays, with no model call.

The same estimator and policy decide here and live. All rows take their next step together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from automix_core.arrays import known_means
from automix_core.estimate.cells import situations
from automix_core.evidence import Bools, Evidence, Examples, Floats, Run

if TYPE_CHECKING:
    from automix_core.branches import Branch
    from automix_core.outcomes import Outcomes
    from automix_core.parts import Estimator, Policy, Verifier
    from automix_core.request import Preference
    from automix_core.workload import Workload

__all__ = ["Recorded", "Replay", "replay", "replayed"]


@dataclass(frozen=True, eq=False)
class Replay:
    """What was done on each row.

    Attributes:
        arms: The arms' names, cheapest first.
        arm: (n,) place of the arm whose answer was returned; -1 in a row that holds no arm.
        asked: (n, arms) the arm was asked.
        verified: (n, arms) its answer was verified.
        quality: (n,) of the returned answer; NaN where there is none.
        cost: (n,) US dollars, verification included.
        latency: (n,) seconds, one call after another; NaN where any is unknown.
        confidence: (n,) in the returned answer; NaN where it was not verified.
    """

    arms: tuple[str, ...]
    arm: NDArray[np.int64]
    asked: Bools
    verified: Bools
    quality: Floats
    cost: Floats
    latency: Floats
    confidence: Floats

    def in_order(self, arms: tuple[str, ...]) -> Replay:
        """The same with the arms in another order."""
        if arms == self.arms:
            return self
        place = np.array([arms.index(name) for name in self.arms])
        back = np.argsort(place)
        return replace(
            self,
            arms=arms,
            arm=np.append(place, -1)[self.arm],
            asked=self.asked[:, back],
            verified=self.verified[:, back],
        )


@dataclass(frozen=True, eq=False)
class Recorded:
    """An outcome table, as one verifier and one list of mean costs see it.

    Attributes:
        examples: What estimators learn from and what is revealed step by step.
        cost: (n, arms) US dollars of each answer.
        check_cost: (n, arms) US dollars of verifying it.
        latency: (n, arms) seconds of each answer.
        check_latency: (n, arms) seconds of verifying it.
        workload: The mean costs that are known beforehand.
    """

    examples: Examples
    cost: Floats
    check_cost: Floats
    latency: Floats
    check_latency: Floats
    workload: Workload

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        verifier: Verifier,
        workload: Workload,
        features: Floats | None = None,
    ) -> Recorded:
        """A table with its signals read by a verifier, and (n, d) what an embedder made of it."""
        verdicts = verifier.recorded(outcomes)
        return cls(
            examples=Examples(
                quality=outcomes.quality,
                confidence=verdicts.confidence,
                signals=verdicts.signals,
                features=features,
                cost=outcomes.cost,
                latency=outcomes.latency,
                input_tokens=outcomes.input_tokens,
                output_tokens=outcomes.output_tokens,
                groups=outcomes.groups,
            ),
            cost=outcomes.cost,
            check_cost=np.nan_to_num(verdicts.cost),
            latency=outcomes.latency,
            check_latency=np.where(verdicts.cost == 0, 0.0, verdicts.latency),
            workload=workload,
        )

    def take(self, rows: NDArray[np.int64]) -> Recorded:
        """Some of the rows."""
        return Recorded(
            self.examples.take(rows),
            self.cost[rows],
            self.check_cost[rows],
            self.latency[rows],
            self.check_latency[rows],
            self.workload,
        )

    @cached_property
    def prompt_tokens(self) -> Floats | None:
        """(n,) tokens of each prompt, mean over the arms; `None` where no row has them."""
        sent = self.examples.input_tokens
        return None if sent is None or np.isnan(sent).all() else known_means(sent, axis=1)

    def kinds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """One row of each set of arms that can be asked, and the place of each row among these."""
        place = np.zeros(len(self.cost), dtype=np.int64)
        some = []
        for kind, (_, rows) in enumerate(situations(~np.isnan(self.examples.quality))):
            place[rows] = kind
            some.append(0 if isinstance(rows, slice) else int(rows[0]))
        return np.array(some), place

    def evidence(
        self, rows: NDArray[np.int64], asked: Bools, draw: Floats, *, hindsight: bool = False
    ) -> Evidence:
        """What is known of some rows once certain arms were asked and verified.

        Args:
            rows: Their places.
            asked: (all rows, arms) which answers are in hand.
            draw: (all rows,) as in the evidence.
            hindsight: Tell the outcomes of these rows as well: for estimators with hindsight.
        """
        seen = asked[rows]
        shape = seen.shape
        checking = self.workload.checking
        return Evidence(
            able=~seen & ~np.isnan(self.examples.quality[rows]),
            answered=seen,
            confidence=np.where(seen, self.examples.confidence[rows], np.nan),
            cost=np.broadcast_to(self.workload.cost + checking, shape),
            checking=np.broadcast_to(checking, shape),
            reference_cost=self.workload.reference_cost,
            draw=draw[rows],
            signals={
                name: np.where(seen, values[rows], np.nan)
                for name, values in self.examples.signals.items()
            },
            features=None if self.examples.features is None else self.examples.features[rows],
            prompt_tokens=None if self.prompt_tokens is None else self.prompt_tokens[rows],
            rates=self.workload.rates,
            truth=self.examples.take(rows) if hindsight else None,
        )


def replay(
    recorded: Recorded,
    estimator: Estimator,
    policy: Policy,
    preference: Preference,
    *,
    seed: int = 0,
    first: Run | None = None,
) -> Replay:
    """Follow estimator and policy through every row.

    Args:
        recorded: n rows.
        estimator: Fitted, where it learns.
        policy: Decides.
        preference: The trade-off.
        seed: Of the draws of policies that randomise.
        first: What is done first, whatever the policy would do; rows that lack that arm are left
            without an answer.
    """
    rows, generator = len(recorded.cost), np.random.default_rng(seed)
    course, active = _Course.begun(recorded, first)
    alike = first is None and not _tells_rows_apart(recorded, estimator, policy)
    undrawn = np.zeros(rows)
    while len(active):
        draw = np.asarray(generator.random(rows)) if policy.draws else undrawn
        # With nothing known but who can be asked, rows that are alike need one decision.
        some, back = recorded.kinds() if alike else (active, slice(None))
        evidence = recorded.evidence(some, course.asked, draw, hindsight=estimator.hindsight)
        actions = policy.decide(estimator.estimate(evidence, preference), evidence, preference)
        active = course.step(active, actions.arm[back], actions.run[back], actions.final[back])
        alike = False
    return course.ended(recorded)


def replayed(
    recorded: Recorded,
    estimator: Estimator,
    policy: Policy,
    branches: Sequence[Branch],
    *,
    seed: int = 0,
) -> Replay:
    """The same with a preference that is met by following one of several, drawn row by row.

    Args:
        recorded: n rows.
        estimator: Fitted, where it learns.
        policy: Decides.
        branches: The preferences, each with its probability.
        seed: Of all draws.
    """
    if len(branches) == 1:
        return replay(recorded, estimator, policy, branches[0][1], seed=seed)
    ends = np.cumsum([probability for probability, _ in branches])[:-1]
    drawn = np.searchsorted(ends, np.random.default_rng(seed).random(len(recorded.cost)), "right")
    parts = []
    for place, (_, preference) in enumerate(branches):
        rows = np.flatnonzero(drawn == place)
        seen = replay(recorded.take(rows), estimator, policy, preference, seed=seed + 1 + place)
        parts.append((rows, seen))
    back = np.argsort(np.concatenate([rows for rows, _ in parts]))
    columns = [field.name for field in fields(Replay)[1:]]
    joined = {
        name: np.concatenate([getattr(seen, name) for _, seen in parts])[back] for name in columns
    }
    return Replay(recorded.workload.arms, **joined)


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """What was done so far, as in `Replay`; written to step by step."""

    arm: NDArray[np.int64]
    asked: Bools
    verified: Bools

    @classmethod
    def begun(cls, recorded: Recorded, first: Run | None) -> tuple[_Course, NDArray[np.int64]]:
        """The course with what must come first done, and the rows that go on from there."""
        rows, arms = recorded.cost.shape
        asked, verified = np.zeros((rows, arms), dtype=bool), np.zeros((rows, arms), dtype=bool)
        course = cls(np.full(rows, -1), asked, verified)
        if first is None:
            return course, np.arange(rows)
        held = np.flatnonzero(~np.isnan(recorded.examples.quality[:, first.arm]))
        run, final = np.ones(len(held), dtype=bool), np.full(len(held), first.final)
        return course, course.step(held, np.full(len(held), first.arm), run, final)

    def step(
        self, rows: NDArray[np.int64], arm: NDArray[np.int64], run: Bools, final: Bools
    ) -> NDArray[np.int64]:
        """Do what was decided for some rows; gives those among them that go on."""
        self.arm[rows] = arm
        self.asked[rows[run], arm[run]] = True
        onward = run & ~final
        self.verified[rows[onward], arm[onward]] = True
        return rows[onward]

    def ended(self, recorded: Recorded) -> Replay:
        """What this course came to."""
        asked, verified = self.asked, self.verified
        returned = np.arange(len(self.arm)), self.arm
        return Replay(
            arms=recorded.workload.arms,
            arm=self.arm,
            asked=asked,
            verified=verified,
            quality=np.where(self.arm < 0, np.nan, recorded.examples.quality[returned]),
            cost=np.where(asked, recorded.cost, 0).sum(axis=1)
            + np.where(verified, recorded.check_cost, 0).sum(axis=1),
            latency=np.where(asked, recorded.latency, 0).sum(axis=1)
            + np.where(verified, recorded.check_latency, 0).sum(axis=1),
            confidence=np.where(verified, recorded.examples.confidence, np.nan)[returned],
        )


def _tells_rows_apart(recorded: Recorded, estimator: Estimator, policy: Policy) -> bool:
    """Whether a first decision may rest on more than which arms can be asked."""
    reads = recorded.examples.features is not None or estimator.forecasts or estimator.hindsight
    return reads or policy.draws
