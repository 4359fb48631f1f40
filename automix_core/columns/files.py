"""Outcome tables as files, the format by suffix: `.jsonl`, `.jsonl.gz`, `.parquet` or `.db`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from automix_core.columns import events, jsonl, parquet
from automix_core.columns.source import Source
from automix_core.columns.table import Columns
from automix_core.errors import OutcomesError

__all__ = ["read", "readable", "write"]


def read(path: str | Path, rows: int | None = None, *, across: bool = True) -> Iterator[Columns]:
    """The table in pieces of so many rows, each checked.

    Args:
        path: The file.
        rows: Rows in a piece; as many as read fastest where it is left out.
        across: Refuse ids that recur anywhere in the file, not only within a piece; all ids are
            kept in memory for it.

    Raises:
        OutcomesError: The file cannot be read, or a row is bad.
    """
    file = Path(path)
    source = Source(file.name)
    form = _module(file)
    with readable(file):
        for piece in form.read(file, rows or form.PIECE, source):
            yield piece
            if not across:
                source.seen.clear()


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into our own error."""
    try:
        yield
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
        _module(file).write(scratch, columns)
        scratch.replace(file)
    except OSError as error:
        msg = f"{file} cannot be written: {error}"
        raise OutcomesError(msg) from error
    finally:
        scratch.unlink(missing_ok=True)


def _module(path: Path) -> ModuleType:
    """The module that reads and writes the format the suffix stands for."""
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.gz")):
        return jsonl
    if name.endswith(".parquet"):
        return parquet
    if name.endswith(events.SUFFIXES):
        return events
    msg = (
        f"{path}: an outcome table is a .jsonl, .jsonl.gz or .parquet file, or a store of events "
        "(.db); rename or convert it."
    )
    raise OutcomesError(msg)
