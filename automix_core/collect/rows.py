"""From what was examined to rows of the outcome table."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from automix_core.collect.examining import Check, Examined
from automix_core.collect.questions import Question
from automix_core.errors import ConfigurationError
from automix_core.text import exact_match, token_f1

__all__ = ["outcome_row", "write_rows"]

SELF_VERIFICATION = "self_verification"
"""The verifier whose signal has a field of its own in the table: `confidence`."""


def outcome_row(
    question: Question, query: str, examined: Mapping[str, tuple[Examined, float]]
) -> dict[str, Any]:
    """One row of the outcome table, as JSON values.

    Args:
        question: The question.
        query: The full text that the models were given.
        examined: What each arm did and the quality of its answer, by arm, cheapest first.
    """
    row: dict[str, Any] = {"id": question.id, "query": query, "question": question.text}
    optional = {"context": question.context, "tags": list(question.tags), "group": question.group}
    row |= {name: value for name, value in optional.items() if value}
    row["arms"] = {name: _entry(found, quality) for name, (found, quality) in examined.items()}
    pairs = combinations(examined.items(), 2)
    agreement = {
        f"{one}|{other}": {
            "exact": int(exact_match(first.answer or "", second.answer or "")),
            "f1": round(token_f1(first.answer or "", second.answer or ""), 6),
        }
        for (one, (first, _)), (other, (second, _)) in pairs
    }
    return row | ({"agreement": agreement} if agreement else {})


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON Lines, so that a reader sees either the old file or the new.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    scratch = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        with scratch.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        msg = f"{path} cannot be written: {error}"
        raise ConfigurationError(msg) from error


def _entry(found: Examined, quality: float) -> dict[str, Any]:
    bill = found.bill
    entry: dict[str, Any] = {
        "answer": found.answer,
        "quality": quality,
        "cost": bill and bill.cost,
        "latency": bill and round(bill.latency, 4),
    }
    if bill is not None and bill.usage is not None:
        entry["input_tokens"] = bill.usage.input_tokens
        entry["output_tokens"] = bill.usage.output_tokens
    verification: dict[str, Any] = {}
    signals: dict[str, float] = {}
    for name, check in found.checks.items():
        if name == SELF_VERIFICATION:
            entry["confidence"] = check.signal.confidence
            verification |= _own(check)
        else:
            signals |= {k: v for k, v in check.signal.values.items() if v is not None}
            for what, value in (("costs", check.bill.cost), ("latencies", check.bill.latency)):
                verification.setdefault(what, {})[name] = round(value, 12)
    optional = {"verification": verification, "signals": signals}
    return entry | {name: value for name, value in optional.items() if value}


def _own(check: Check) -> dict[str, Any]:
    signal, bill = check.signal, check.bill
    return {
        "samples": signal.asked,
        "valid": signal.valid,
        "correct": signal.correct,
        "cost": bill.cost,
        "latency": round(bill.latency, 4),
    }
