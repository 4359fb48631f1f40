"""What the demo asks about, how it asks, and how it scores: the same for both frameworks.

The documents and questions are about an invented town; the worked examples of the prompt are
about other invented places, so they give nothing away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from automix_core.text import token_f1

__all__ = [
    "ANSWER_TOKENS",
    "PASSAGES",
    "RIGHT",
    "Question",
    "Turn",
    "documents",
    "few_shot",
    "questions",
    "score",
    "user_message",
]

ANSWER_TOKENS = 24
"""No answer is longer."""

PASSAGES = 1
"""How many retrieved passages reach the model."""

RIGHT = 0.5
"""An answer with more than this token F1 is shown as right."""

_DATA = Path(__file__).parents[1] / "demo_data"
_SYSTEM = (
    "Answer the question from the context, in as few words as possible. "
    "If the context does not say, answer: not in the text"
)
_MILL = (
    "The Orrin Mill was built in 1742 by the miller Aldo Brake. It ground barley until 1890 "
    "and is a tea room today."
)
_SPRINGS = (
    "The village of Sable has two springs. The upper one gives warm water and the lower one "
    "cold water. A bottle of either costs 2 marks."
)
_EXAMPLES = (
    (_MILL, "Who built the Orrin Mill?", "Aldo Brake"),
    (_MILL, "Who owns it?", "not in the text"),
    (_SPRINGS, "Which spring gives cold water?", "the lower one"),
    (_SPRINGS, "What are 5 bottles?", "10 marks"),
)


@dataclass(frozen=True)
class Question:
    """A question with its reference answers, each in several spellings.

    Attributes:
        id: Its name in the data.
        text: What is asked.
        answers: The spellings that count as right.
        kind: `easy`, `hard` or `unanswerable`.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Turn:
    """One message of the worked examples."""

    role: Literal["system", "user", "assistant"]
    text: str


def documents() -> dict[str, str]:
    """The documents by name. Each is one passage of at most 120 tokens."""
    return {row["id"]: row["text"] for row in _rows("documents.jsonl")}


def questions(count: int | None = None) -> list[Question]:
    """The first `count` questions, or all of them."""
    rows = _rows("questions.jsonl")[:count]
    return [Question(r["id"], r["question"], tuple(r["answers"]), r["kind"]) for r in rows]


def user_message(context: str, question: str) -> str:
    """The passage first and the question last, so that a server can cache what it has read."""
    return f"Context: {context}\n\nQuestion: {question}"


def few_shot() -> list[Turn]:
    """The instruction and the worked examples that stand before the real question."""
    turns = [Turn("system", _SYSTEM)]
    for context, question, answer in _EXAMPLES:
        turns.append(Turn("user", user_message(context, question)))
        turns.append(Turn("assistant", answer))
    return turns


def score(answer: str, question: Question) -> float:
    """Token F1 of an answer against the reference spelling that it is nearest to."""
    return max(token_f1(answer, reference) for reference in question.answers)


def _rows(name: str) -> list[dict[str, Any]]:
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
