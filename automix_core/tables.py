"""Outcome tables from files: piece by piece, and from what the AutoMix authors released.

`Outcomes.read` holds a whole table in memory; `scan` holds one piece of it at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from automix_core.columns import files
from automix_core.errors import ConfigurationError
from automix_core.outcomes import Outcomes

__all__ = ["scan"]


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
