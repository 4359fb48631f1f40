"""Outcome tables from files: piece by piece, and from what the AutoMix authors released.

`Outcomes.read` holds a whole table in memory; `scan` holds one piece of it at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automix_core.columns import files, jsonl
from automix_core.columns.rows import gather
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.outcomes import Outcomes

__all__ = ["read_automix_release", "scan"]

_SMALL, _LARGE = "llama13b", "llama70b"


def scan(path: str | Path, rows: int = 10_000) -> Iterator[Outcomes]:
    """Read a table that is larger than memory, piece by piece.

    The arms of a piece are those its rows hold, in order of their mean cost in that piece: use
    their names, not their places. An id is refused if it recurs within a piece; across pieces
    nothing is remembered, and a group that goes on in the next piece is known by its name alone.

    Args:
        path: A `.jsonl`, `.jsonl.gz` or `.parquet` file.
        rows: Rows in a piece.

    Raises:
        OutcomesError: The file cannot be read, or a row is bad; names file, line and field.
        ConfigurationError: Fewer than one row in a piece.
    """
    if rows < 1:
        msg = f"scan(rows=...) must be at least 1, not {rows!r}."
        raise ConfigurationError(msg)
    for piece in files.read(path, rows, across=False):
        yield Outcomes.of_columns([piece])


def read_automix_release(
    path: str | Path, costs: Mapping[str, float], verification_cost: float | None = None
) -> Outcomes:
    """Read the table that the AutoMix authors released (arXiv 2310.12963): two LLaMA 2 models.

    Quality is the columns `llama13b_f1` and `llama70b_f1`, the confidence in the small model's
    answer is `p_ver_13b`. The tags of a row are its data set and its split, and rows about one
    text (`base_ctx`) are one group. Errors name the fields of our own format.

    Args:
        path: Their file as JSON Lines, plain or gzipped.
        costs: What an answer costs, as the file does not say: `{"llama13b": 1, "llama70b": 50}`
            are the relative costs of the paper's code.
        verification_cost: What verifying an answer of the small model costs. As much as an answer
            where it is left out, as in the paper.

    Raises:
        OutcomesError: The file cannot be read, or a row is bad; names file, line and field.
        UnknownNameError: Costs of other models than these two.
    """
    for name in {*costs, _SMALL, _LARGE}:
        if name not in costs or name not in {_SMALL, _LARGE}:
            what = "cost for the model" if name not in costs else "model in the release"
            raise UnknownNameError(what, name, costs if name not in costs else (_SMALL, _LARGE))
    fee = costs[_SMALL] if verification_cost is None else verification_cost

    def pieces() -> Iterator[Columns]:
        file = Path(path)
        with files.readable(file):
            for found, at in jsonl.values(file, jsonl.PIECE, Source(file.name)):
                yield gather([_as_row(row, costs, fee) for row in found], at)

    return Outcomes.of_columns(pieces())


def _as_row(released: Any, costs: Mapping[str, float], fee: float) -> Any:
    """A released row as one of ours; what is not even an object is left for the checks."""
    if not isinstance(released, Mapping):
        return released
    context = released.get("base_ctx")
    labels = [name for name in (released.get("dataset"), released.get("split")) if name]
    name = released.get("pid") or released.get("id")
    small = {
        "quality": released.get("llama13b_f1"),
        "cost": costs[_SMALL],
        "confidence": released.get("p_ver_13b"),
        "verification": {"cost": fee},
    }
    large = {"quality": released.get("llama70b_f1"), "cost": costs[_LARGE]}
    return {
        "id": name and "/".join(str(part) for part in (*labels, name)),
        "question": released.get("question"),
        "tags": labels,
        "group": _digest(context) if isinstance(context, str) else None,
        "arms": {_SMALL: small, _LARGE: large},
    }


def _digest(text: str) -> str:
    """A short name for a long text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
