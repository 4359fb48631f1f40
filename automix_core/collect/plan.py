"""What is to be collected, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from automix_core.collect.calling import Limits
from automix_core.collect.models import ModelSpec
from automix_core.collect.questions import Question
from automix_core.errors import ConfigurationError
from automix_core.parts import Verifier
from automix_core.scoring import SCORES, Scorer

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """What is to be collected.

    Attributes:
        questions: All questions of the file.
        specs: The models of the models file.
        out: Where the outcome table goes; the journal lies beside it.
        score: Scores answers; `None` for `choice` where a question has choices, else `f1`.
        verifiers: What looks at each answer.
        verify_dearest: Whether verifiers that cost something look at the dearest model as well.
        instruction: The system message; empty for none, `None` for one that fits the question.
        limit: Ask only so many questions, from the first.
        limits: How fast and how far to go.
    """

    questions: Sequence[Question]
    specs: Sequence[ModelSpec]
    out: Path
    score: Scorer | None = None
    verifiers: Sequence[Verifier] = ()
    verify_dearest: bool = False
    instruction: str | None = None
    limit: int | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def asked(self) -> Sequence[Question]:
        """The questions that are asked."""
        return self.questions[: self.limit]

    @property
    def journal(self) -> Path:
        """Where the journal lies."""
        return self.out.with_name(self.out.name + ".journal")

    def score_of(self, question: Question) -> Scorer:
        """What scores the answers to a question.

        Raises:
            ConfigurationError: The question lacks what the score needs.
        """
        score = self.score or SCORES["choice" if question.choices else "f1"]
        lacking = ""
        if score.needs and not question.references:
            lacking = "answer"
        if score.needs == "choices" and not question.choices:
            lacking = "choices"
        if lacking:
            where = f"{question.file}, line {question.line}, {lacking}"
            msg = f"{where}: is missing, and the score {score.name} needs it."
            raise ConfigurationError(msg)
        return score
