"""Asks one question of a pipeline, and writes down what came of it.

A pipeline with the router in it can also be made to ask one model alone, by a preference that
forces it: so the baselines go the same way, through the same retriever and the same prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from automix_core import AutomixError, Decision, Preference, collect_decisions, preferring
from demo_lib.endpoints import Endpoint
from demo_lib.material import Question, score

__all__ = ["Answered", "Pipeline", "ask", "ask_alone"]

Pipeline = Callable[[str], str]


@dataclass(frozen=True)
class Answered:
    """What came of one question.

    Attributes:
        asker: A framework, or the model that was asked alone.
        question: The question.
        text: The answer; empty where there was none.
        decision: The router's record.
        score: Token F1; 0 where there was no answer.
        calls: How many calls reached each server, by its own counter.
        error: Why there was no answer.
    """

    asker: str
    question: Question
    text: str
    decision: Decision
    score: float
    calls: dict[str, int]
    error: str = ""

    @property
    def cost(self) -> float | None:
        """US dollars, or `None` where a call was broken off and nobody knows what it cost."""
        return self.decision.cost


def ask(asker: str, pipeline: Pipeline, question: Question, ends: list[Endpoint]) -> Answered:
    """Have the router answer a question."""
    before = {end.name: end.calls() for end in ends}
    text = error = ""
    with collect_decisions() as decisions:
        try:
            text = pipeline(question.text).strip()
        except AutomixError as failure:
            error = f"{type(failure).__name__}: {failure}"
    decision = decisions[-1]
    calls = {end.name: _calls(end, before[end.name], decision) for end in ends}
    points = 0.0 if error else score(text, question)
    return Answered(asker, question, text, decision, points, calls, error)


def ask_alone(model: str, pipeline: Pipeline, question: Question, ends: list[Endpoint]) -> Answered:
    """Have one model answer a question by itself, unverified."""
    with preferring(Preference(force=model)):
        answered = ask(model, pipeline, question, ends)
    if answered.decision.arm == model:
        return answered
    # Where a model fails, the router asks the other one, which is no answer of the first.
    error = next((s.error for s in answered.decision.steps if s.to == model), None) or "failed"
    return replace(answered, asker=model, text="", score=0.0, error=error)


def _calls(end: Endpoint, before: int | None, decision: Decision) -> int:
    """The calls that reached a server; by our own record where it keeps no count."""
    after = end.calls()
    if before is None or after is None:
        return sum(step.made for step in decision.steps if step.to == end.name)
    return after - before
