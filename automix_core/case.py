"""One request on its way through the loop: who was asked, what came back, what may still happen.

A `Case` turns the live objects (replies, failures, signals) into the arrays that estimators and
policies read. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from automix_core.arrays import shared
from automix_core.errors import ConfigurationError
from automix_core.evidence import Answer, Bools, Evidence, Floats, Signal
from automix_core.flow import Failure, Usage
from automix_core.prices import NOMINAL

if TYPE_CHECKING:
    from automix_core.arms import Arm, Arms
    from automix_core.ledger import Ledger
    from automix_core.parts import Verifier
    from automix_core.request import Preference, Request

__all__ = ["Case", "Listing", "validity"]

KILL_SWITCH = {"cheapest": 0, "dearest": -1}
"""What `Preference.force` may say instead of a name, and the place of the arm that is meant."""


class Listing:
    """What asking each arm is listed to cost, the same for all requests of a kind.

    Args:
        arms: The router's arms.
        verifier: What would look at each answer; it adds to what asking an arm costs.
    """

    def __init__(self, arms: Arms, verifier: Verifier) -> None:
        self.arms = arms
        self.verifier = verifier
        self.limited = [(i, arm.can) for i, arm in enumerate(arms) if arm.can.limited]

    @cached_property
    def checked(self) -> tuple[Floats, Floats]:
        """Cost with its check, and the check alone, each (1, arms), in the unit of `Arms.costs`.

        An answer of the last arm is never checked.
        """
        checking = self.arms.checking
        if checking is None:
            checked: list[Arm] = list(self.arms)[:-1]
            shares = np.array([*(self.verifier.relative_cost(arm) for arm in checked), 0.0])
            checking = self.arms.costs * shares
        return self._rows(checking)

    @cached_property
    def unchecked(self) -> tuple[Floats, Floats]:
        """The same for requests whose answers no verifier looks at."""
        return self._rows(np.zeros(len(self.arms)))

    def _rows(self, checking: Floats) -> tuple[Floats, Floats]:
        return _fixed(self.arms.costs + checking), _fixed(checking)


class Case:
    """The live state of one request.

    `features`, (1, d), is what an embedder made of the request, once the loop has asked it.
    `chances`, (arms,), is how likely each arm was to be asked, if the policy left it to chance:
    when it was asked, or at first for those that were not.

    Args:
        request: The request.
        listing: The router's arms and what they are listed to cost.
        preference: The preference in force.
        ledger: Its record and bill.

    Raises:
        ConfigurationError: A forced arm that does not exist, or a `max_cost` without prices.
    """

    def __init__(
        self,
        request: Request,
        listing: Listing,
        preference: Preference,
        ledger: Ledger,
    ) -> None:
        self.request = request
        self.arms = arms = listing.arms
        self.preference = preference
        self.answers: dict[int, Answer] = {}
        self.failures: dict[int, Failure] = {}
        self.features: Floats | None = None
        self.load = ledger.load
        self.chances: Floats | None = None
        self._ledger = ledger
        if preference.max_cost is not None and not arms.priced:
            msg = "max_cost needs the price of every model. Give prices={...}, or leave it out."
            raise ConfigurationError(msg)
        verified = request.kind == "answer"
        self._cost, self._checking = listing.checked if verified else listing.unchecked
        self._misfits = {
            index: why
            for index, can in listing.limited
            if (why := can.misfit(request.needs)) is not None
        }
        self.forced = self._forced_arm(preference.force)
        held = request.held_by
        self._held = arms.position(held) if held is not None and held in arms.names else None
        limits = self.forced, self._held, preference.max_cost
        self._limited = bool(self._misfits) or limits != (None, None, None)

    @property
    def in_hand(self) -> Answer | None:
        """The latest answer, if there is any."""
        return next(reversed(self.answers.values()), None)

    @property
    def causes(self) -> list[Failure]:
        """Why each arm gave no answer: what failed, in order, then what could not be asked."""
        unasked = [
            Failure(arm.name, "error", ConfigurationError(why))
            for index, arm in enumerate(self.arms)
            if index not in self.failures and (why := self.ruled_out(index)) is not None
        ]
        return [*self.failures.values(), *unasked]

    def only_choice(self, able: tuple[bool, ...]) -> int | None:
        """The arm that has to be asked: nothing is in hand, and nobody else can be asked.

        Args:
            able: As `able` says now.
        """
        return able.index(True) if sum(able) == 1 and not self.answers else None

    @property
    def able(self) -> tuple[bool, ...]:
        """Of each arm, whether it may be asked now."""
        count = len(self.arms)
        if not (self._limited or self.answers or self.failures):
            return (True,) * count  # nothing is there that could rule an arm out
        return tuple([self.ruled_out(index) is None for index in range(count)])

    def ruled_out(self, index: int) -> str | None:
        """Why an arm may not be asked now, or `None` where it may."""
        if index in self.answers or index in self.failures:
            return "was asked already"
        if index in self._misfits:
            return self._misfits[index]
        if self.forced not in (None, index) and self.forced not in self.failures:
            return f"the preference forces {self.arms[self.forced].name}"
        if self._below_holder(index):
            return f"{self.request.held_by} holds this turn"
        limit = self.preference.max_latency
        if limit is not None and self.answers and self._ledger.elapsed > limit:
            return f"the {limit:g} s of max_latency were up"
        budget = self.preference.max_cost
        if budget is not None and self._ledger.known_cost + self._expected(index) > budget:
            return f"it would have gone over max_cost ({budget:g} US dollars)"
        return None

    def _below_holder(self, index: int) -> bool:
        """Whether a dearer arm holds this turn, and has answered or can still be asked."""
        held = self._held
        if held is None or index >= held or self.forced is not None:
            return False
        return held in self.answers or self.ruled_out(held) is None

    def evidence(self, draw: float, able: tuple[bool, ...] | None = None) -> Evidence:
        """What is known now, as one row; its arrays are not to be written to.

        Args:
            draw: A uniform number in [0, 1) for policies that randomise.
            able: As `able` says now, where that was looked up already.
        """
        said = self._said() if self.answers else _nothing_said(len(self.arms))
        answered, confidence, signals = said
        return Evidence(
            able=_flags(self.able if able is None else able),
            answered=answered,
            confidence=confidence,
            cost=self._cost,
            checking=self._checking,
            reference_cost=self.arms.reference_cost,
            draw=np.array([draw]) if draw else _UNDRAWN,
            signals=signals,
            features=self.features,
            waiting=None if self.load is None else self.load.waiting(),
            prompt_tokens=self._prompt_tokens,
            rates=self.arms.rates,
        )

    def _said(self) -> tuple[Bools, Floats, Mapping[str, Floats]]:
        """Who answered, the confidence in each answer, and each signal, as rows."""
        count = len(self.arms)
        signals = {i: a.signal for i, a in self.answers.items() if a.signal is not None}
        names = {name for signal in signals.values() for name in signal.values}
        by_name = {
            name: _row(count, {i: s.values.get(name) for i, s in signals.items()})
            for name in sorted(names)
        }
        confidence = _row(count, {i: s.confidence for i, s in signals.items()})
        return _flags(tuple(i in self.answers for i in range(count))), confidence, by_name

    def answered(self, index: int, answer: Answer) -> None:
        """Take an answer in hand."""
        self.answers[index] = answer

    def chosen(self, index: int, chances: Floats | None) -> None:
        """Note how likely an arm was to be asked, (1, arms), where that was left to chance."""
        if chances is None:
            return
        if self.chances is None:
            self.chances = chances[0].copy()
        self.chances[index] = chances[0, index]

    def failed(self, index: int, failure: Failure) -> None:
        """Note that an arm gave no usable answer."""
        self.failures[index] = failure

    def confidence(self, index: int) -> float | None:
        """The confidence in an arm's answer, if it was verified and there was a verdict."""
        signal = self.answers[index].signal
        return None if signal is None else signal.confidence

    def _forced_arm(self, name: str | None) -> int | None:
        """The place of the forced arm, if one is forced."""
        if name is None:
            return None
        if name in KILL_SWITCH and name not in self.arms.names:
            able = [i for i in range(len(self.arms)) if i not in self._misfits] or [0]
            return able[KILL_SWITCH[name]]
        return self.arms.position(name)

    @property
    def _prompt_tokens(self) -> Floats | None:
        """About how many tokens the prompt has, (1,), where the adapter has counted."""
        tokens = self.request.needs.tokens
        return np.array([float(tokens)]) if tokens else None

    def _expected(self, index: int) -> float:
        """US dollars that an arm and the check of its answer are expected to cost."""
        price = self.arms[index].price
        tokens = self.request.needs.tokens or NOMINAL.input_tokens
        expected = price.cost(Usage(tokens, NOMINAL.output_tokens)) if price else None
        answer = self.arms.costs[index]
        check = float(self._checking[0, index] / answer) if answer > 0 else 0.0
        return (expected or 0.0) * (1 + check)


def _row(count: int, known: dict[int, float | None]) -> Floats:
    """One row of `count` numbers, NaN where nothing is known."""
    values = [known.get(i) for i in range(count)]
    return np.array([[np.nan if value is None else value for value in values]])


@lru_cache(maxsize=64)
def _nothing_said(count: int) -> tuple[Bools, Floats, Mapping[str, Floats]]:
    """The same before anybody has answered."""
    return _flags((False,) * count), _fixed(np.full(count, np.nan)), MappingProxyType({})


@lru_cache(maxsize=1024)
def _flags(values: tuple[bool, ...]) -> Bools:
    row: Bools = np.array([values])
    row.setflags(write=False)
    return row


_UNDRAWN = shared(1, 1, 0.0)[0]


def _fixed(values: Floats) -> Floats:
    """One row that nobody may write to, for many share it."""
    row = values[None, :].copy()
    row.setflags(write=False)
    return row


def validity(answer: Answer) -> Signal:
    """The signal of a reply that is judged by its form: a tool call or a structured result."""
    confidence = None if answer.reply.valid is None else float(answer.reply.valid)
    return Signal(confidence, values={"validity": confidence})
