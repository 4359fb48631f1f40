"""A whole collection: every model at every question, until it is done or has to stop.

Whatever ends a run (the spending cap, an interrupt, an error), what was answered is in the journal
and in the outcome table, and the next run goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from automix_core.arms import Arm
from automix_core.collect.calling import Exchange, Stopped
from automix_core.collect.examining import Examined, Examiner
from automix_core.collect.journal import Journal
from automix_core.collect.models import OpenModels
from automix_core.collect.plan import Plan
from automix_core.collect.questions import Question
from automix_core.collect.rows import outcome_row, write_rows
from automix_core.errors import AutomixError, ConfigurationError
from automix_core.prices import NOMINAL

__all__ = ["Collected", "Lost", "Progress", "Run"]


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that failed for good; the next run tries it again.

    Attributes:
        question: The question's id.
        arm: The arm.
        stage: `answer`, or the name of a verifier.
        error: What happened, in one line, without secrets.
    """

    question: str
    arm: str
    stage: str
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        total: Answers to be had, one for each question and model.
        reused: Those known from an earlier run.
        done: Those of this run, failed ones included.
        spent: US dollars, what earlier runs spent included.
    """

    total: int
    reused: int
    done: int
    spent: float


@dataclass(frozen=True)
class Collected:
    """What came of a run.

    Attributes:
        arms: The arms, cheapest first.
        rows: The rows of the outcome table.
        lost: What failed.
        stopped: Why the run ended early: `max_cost`, `interrupted`, or empty.
        spent: US dollars, what earlier runs spent included.
        calls: Calls of this run that were answered.
        priced: Whether costs are in US dollars; relative units else.
        missing: Answers that were not had, or not verified, because of failures or an early end.
    """

    arms: Sequence[str]
    rows: Sequence[dict[str, Any]]
    lost: Sequence[Lost]
    stopped: str
    spent: float
    calls: int
    priced: bool
    missing: int


class Run:
    """One run of a collection.

    Args:
        plan: What is to be collected.
        models: The opened models.
        journal: The journal, open.
        watch: Called whenever there is progress.

    Raises:
        ConfigurationError: A price is unknown, a question lacks what its score needs, or what was
            asked before has changed.
    """

    def __init__(
        self,
        plan: Plan,
        models: OpenModels,
        journal: Journal,
        watch: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._watch = watch
        self._scores = {question.id: plan.score_of(question) for question in plan.asked}
        self._arms, self._priced = _by_cost(models.arms)
        if plan.limits.max_cost is not None and not self._priced:
            msg = "A spending cap needs the price of every model, and these have a relative_cost."
            raise ConfigurationError(msg)
        settings = _settings(plan, journal, self._arms)
        journal.agree(
            settings,
            {spec.name: spec.definition for spec in plan.specs},
            {question.id: question.digest for question in plan.asked},
            [question.id for question in plan.questions],
        )
        by_name = {arm.name: arm for arm in self._arms}
        self._exchange = Exchange(journal, by_name, plan.limits)
        spared = len(self._arms) > 1 and not plan.verify_dearest
        self._examiner = Examiner(
            models,
            self._exchange,
            plan.verifiers,
            plan.instruction,
            logprobs=settings["logprobs"],
            unchecked=self._arms[-1].name if spared else None,
        )
        self._found: dict[tuple[str, str], tuple[Examined, float]] = {}
        self._lost: list[Lost] = []
        self._reused = self._done = 0
        self._error: AutomixError | None = None

    def interrupt(self) -> None:
        """Make no further call; those in flight come to their end."""
        self._exchange.halt("interrupted")

    async def collect(self) -> Collected:
        """Ask, verify and score, and write the outcome table.

        Raises:
            AutomixError: What makes going on senseless, as a score that fails. What was answered
                until then is kept.
        """
        pairs = ((question, arm) for question in self._plan.asked for arm in self._arms)
        count = self._plan.limits.concurrency
        workers = [asyncio.create_task(self._work(pairs)) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            rows = [row for question in self._plan.asked if (row := self._row(question))]
            write_rows(self._plan.out, rows)
        if self._error is not None:
            raise self._error
        total = len(self._plan.asked) * len(self._arms)
        return Collected(
            arms=[arm.name for arm in self._arms],
            rows=rows,
            lost=self._lost,
            stopped=self._exchange.closed,
            spent=self._exchange.spent,
            calls=self._exchange.made,
            priced=self._priced,
            missing=total - sum(found.whole for found, _ in self._found.values()),
        )

    async def _work(self, pairs: Iterator[tuple[Question, Arm]]) -> None:
        for question, arm in pairs:
            try:
                await self._take(question, arm)
            except Stopped:
                continue  # what is in the journal already still goes to the table
            except AutomixError as error:
                self._error = self._error or error
                self._exchange.halt("error")
                return

    async def _take(self, question: Question, arm: Arm) -> None:
        """Examine one arm at one question, and score its answer."""
        found = await self._examiner.examine(question, arm)
        for stage, failure in found.failures.items():
            what = _without(failure.describe(), self._secrets(arm))
            self._lost.append(Lost(question.id, arm.name, stage, what))
        if found.answer is not None:
            quality = await asyncio.to_thread(
                self._scores[question.id],
                question.asked,
                found.answer,
                question.references,
                question.choices,
            )
            self._found[question.id, arm.name] = (found, quality)
        self._done += found.fresh
        self._reused += not found.fresh
        total = len(self._plan.asked) * len(self._arms)
        self._watch(Progress(total, self._reused, self._done, self._exchange.spent))

    def _secrets(self, arm: Arm) -> list[str]:
        keys = (spec.api_key for spec in self._plan.specs if spec.name == arm.name)
        return [key for key in keys if key]

    def _row(self, question: Question) -> dict[str, Any] | None:
        examined = {
            arm.name: self._found[question.id, arm.name]
            for arm in self._arms
            if (question.id, arm.name) in self._found
        }
        query = "\n\n".join(turn.text for turn in question.prompt(self._plan.instruction))
        return outcome_row(question, query, examined) if examined else None


def _settings(plan: Plan, journal: Journal, arms: Sequence[Arm]) -> dict[str, Any]:
    """What holds for all calls. Log-probabilities that were collected once do no harm later."""
    wanted = any(v.wants(arm).logprobs for v in plan.verifiers for arm in arms)
    before = (journal.settings or {}).get("logprobs", False)
    return {"instruction": plan.instruction, "logprobs": wanted or before}


def _by_cost(arms: Sequence[Arm]) -> tuple[list[Arm], bool]:
    """The arms, cheapest first, and whether their costs are in US dollars.

    Raises:
        ConfigurationError: A cost is unknown, or some are prices and others relative.
    """
    prices = {arm.name: arm.price.cost(NOMINAL) for arm in arms if arm.price is not None}
    relative = {arm.name: arm.relative_cost for arm in arms if arm.relative_cost is not None}
    unknown = [
        arm.name for arm in arms if prices.get(arm.name) is None and arm.name not in relative
    ]
    if unknown:
        msg = (
            f"What these models cost is not known: {', '.join(unknown)}. Give each a price in the "
            "models file (US dollars a million tokens, as `price: [0.15, 0.6]`), or give every "
            "model a relative_cost. List prices come with: pip install 'automix-routing[prices]'."
        )
        raise ConfigurationError(msg)
    costs = {**prices, **relative}
    if prices and relative:
        msg = (
            f"Some models have a price ({', '.join(prices)}) and others a relative_cost "
            f"({', '.join(relative)}). Give all of them the same."
        )
        raise ConfigurationError(msg)
    return sorted(arms, key=lambda arm: costs[arm.name] or 0.0), bool(prices)


def _without(text: str, secrets: Sequence[str]) -> str:
    """A message in one line, of at most 300 characters, without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:297] + "..."
