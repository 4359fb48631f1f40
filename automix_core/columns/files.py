"""Outcome tables as files, the format by suffix: `.jsonl`, `.jsonl.gz` or `.parquet`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from automix_core.columns import jsonl
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["read", "write"]


def read(path: str | Path, rows: int) -> Iterator[Columns]:
    """The table in pieces of so many rows, each checked but for ids that recur across pieces.

    Raises:
        OutcomesError: The file cannot be read, or a row is bad.
    """
    file = Path(path)
    source = Source(file.name)
    try:
        if _format(file) == "parquet":
            raise NotImplementedError
        yield from jsonl.read(file, rows, source)
    except (OSError, EOFError) as error:
        msg = f"{file} cannot be read: {error}"
        raise OutcomesError(msg) from error


def write(path: str | Path, columns: Columns) -> None:
    """Write a table; a reader sees either no file or the whole.

    Raises:
        OutcomesError: The file cannot be written.
    """
    file = Path(path)
    scratch = file.with_name(f"{uuid.uuid4().hex}.{file.name}")
    try:
        if _format(file) == "parquet":
            raise NotImplementedError
        jsonl.write(scratch, columns)
        scratch.replace(file)
    except OSError as error:
        msg = f"{file} cannot be written: {error}"
        raise OutcomesError(msg) from error
    finally:
        scratch.unlink(missing_ok=True)


def _format(path: Path) -> str:
    """The format that the suffix stands for."""
    name = path.name.lower()
    for suffix in (".jsonl", ".jsonl.gz", ".parquet"):
        if name.endswith(suffix):
            return suffix.split(".")[1]
    msg = f"{path}: an outcome table is a .jsonl, .jsonl.gz or .parquet file; rename or convert it."
    raise OutcomesError(msg)
