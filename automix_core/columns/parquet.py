"""Outcome tables as Parquet: the columns of the JSON rows, nested in the same way.

`arms` is a struct with one field for each arm, and each arm a struct of its numbers, with
`signals` and `verification` as structs inside; `agreement` is a struct of pairs. This is what
Arrow, DuckDB and Polars make of the JSON Lines file themselves. A missing value is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.columns.answers import EXTRAS, Found, fields_of
from automix_core.columns.rows import heads
from automix_core.columns.source import Fail, Limits, Source, checked, to_the_first_error
from automix_core.columns.table import TEXTS, Columns
from automix_core.errors import ConfigurationError, OutcomesError
from automix_core.evidence import Bools, Floats

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PIECE", "read", "write"]

PIECE = 10_000
"""Rows that are best read at a time: many, for each piece is some work of its own."""

_ROW_GROUP = 50_000
_HEADS = ("id", *TEXTS, "tags", "group", "agreement")


def read(path: Path, rows: int, source: Source) -> Iterator[Columns]:
    """Pieces of so many rows."""
    pa = _arrow()
    import pyarrow.parquet as pq

    start = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=rows):
                if len(batch):
                    at = source.at(range(start, start + len(batch)))
                    start += len(batch)
                    yield _piece(batch, at)
    except pa.ArrowException as error:
        msg = f"{path} cannot be read: {error}"
        raise OutcomesError(msg) from error


def write(path: Path, columns: Columns) -> None:
    """Write every row that holds an answer."""
    pa = _arrow()
    import pyarrow.parquet as pq

    quality = columns.answers.get(("quality", ""), np.ones((0, 0)))
    held = ~np.isnan(quality)
    try:
        table = pa.table(dict(_arrays(columns, held)))
        kept = table.filter(pa.array(held.any(axis=1)))
        pq.write_table(kept, path, row_group_size=_ROW_GROUP)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        msg = f"This table cannot be written as Parquet: {error}"
        raise OutcomesError(msg) from error


def _arrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        msg = "Parquet files need pyarrow: pip install 'automix-routing[parquet]'"
        raise ConfigurationError(msg) from error
    return pa


def _piece(batch: pa.RecordBatch, source: Source) -> Columns:
    def made(start: int, stop: int) -> Columns:
        return _gathered(batch.slice(start, stop - start), source.at(source.places[start:stop]))

    columns = to_the_first_error(made, 0, len(batch))
    source.first_of(columns.ids)
    return columns


def _gathered(batch: pa.RecordBatch, source: Source) -> Columns:
    names = [name for name in _HEADS if name in batch.schema.names]
    rows: list[dict[str, Any]] = batch.select(names).to_pylist()
    columns = heads(rows if names else [{}] * len(batch), source)
    pa = _arrow()
    arms = batch.column("arms") if "arms" in batch.schema.names else pa.nulls(len(batch))
    if not pa.types.is_struct(arms.type):
        problem = "must be a struct with one field for each model that answered."
        raise source.error(0, "arms", problem)
    anything = np.zeros(len(batch), dtype=bool)
    for arm in _fields(arms):
        answers = _field(arms, arm)
        if not pa.types.is_struct(answers.type):
            if answers.null_count == len(answers):
                continue
            raise source.error(0, f"arms.{arm}", "must be a struct, under a name.")
        held = np.flatnonzero(_filled(answers))
        anything[held] = True
        if len(held):
            columns.arms.append(arm)
            _add_arm(columns, answers.take(pa.array(held)), held, source)
    if not anything.all():
        row = int(anything.argmin())
        raise source.error(row, "arms", "a row needs the answer of at least one model.")
    return columns


def _add_arm(columns: Columns, answers: pa.StructArray, held: Any, source: Source) -> None:
    """Add the answers of the arm that comes last in the columns."""
    arm = columns.arms[-1]

    def problem(i: int, where: str, says: str) -> OutcomesError:
        return source.error(int(held[i]), f"arms.{arm}.{where}", says)

    for key, values in fields_of(_Structs(answers), problem).items():
        known = columns.answers.get(key)
        column = np.full((len(columns), len(columns.arms)), np.nan)
        if known is not None:
            column[:, : known.shape[1]] = known
        column[held, -1] = values
        columns.answers[key] = column
    for key, known in columns.answers.items():
        if known.shape[1] < len(columns.arms):
            columns.answers[key] = np.column_stack([known, np.full(len(columns), np.nan)])


class _Structs(Found):
    """Objects as Arrow has them."""

    def __init__(self, found: pa.StructArray) -> None:
        self._found = found

    def numbers(self, name: str, limits: Limits, fail: Fail) -> Floats:
        pa = _arrow()
        if name not in _fields(self._found):
            return np.full(len(self._found), np.nan)
        values = _field(self._found, name)
        kind, missing = values.type, values.is_null().to_numpy(zero_copy_only=False)
        if missing.all():
            return np.full(len(values), np.nan)
        types = pa.types
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
            raise fail(int(missing.argmin()), f"must be {limits.says}, and the column is {kind}.")
        array = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return checked(np.array(array, dtype=np.float64), missing, limits, fail)

    def objects(self, name: str, fail: Fail) -> Found | None:
        if name not in _fields(self._found):
            return None
        values = _field(self._found, name)
        if values.null_count == len(values):
            return None
        if not _arrow().types.is_struct(values.type):
            raise fail(0, f"must be a struct, and the column is {values.type}.")
        return _Structs(values)

    def names(self) -> Iterable[str]:
        return _fields(self._found)


def _fields(struct: pa.StructArray) -> list[str]:
    return [field.name for field in struct.type]


def _field(struct: pa.StructArray, name: str) -> Any:
    """One field of a struct, null where the struct itself is."""
    return struct.flatten()[_fields(struct).index(name)]


def _filled(struct: pa.StructArray) -> Bools:
    """Where a struct holds anything: some writers leave it out by nulls within."""
    pa = _arrow()
    filled = np.zeros(len(struct), dtype=bool)
    for values in struct.flatten():
        if pa.types.is_struct(values.type):
            filled |= _filled(values)
        else:
            filled |= ~values.is_null().to_numpy(zero_copy_only=False)
    return filled


def _arrays(columns: Columns, held: Bools) -> Iterator[tuple[str, Any]]:
    """The columns of the file."""
    pa = _arrow()
    yield "id", pa.array(columns.ids, pa.string())
    for what, texts in columns.texts.items():
        yield what, pa.array(texts, pa.string())
    if columns.tags:
        tags = [list(tags) or None for tags in columns.tags]
        yield "tags", pa.array(tags, pa.list_(pa.string()))
    if any(name is not None for name in columns.groups):
        yield "group", pa.array(columns.groups, pa.string())
    answers = {arm: _answers(columns, held[:, j], j) for j, arm in enumerate(columns.arms)}
    if answers:
        yield "arms", _struct(answers)
    pairs: dict[str, dict[str, Any]] = {}
    for (pair, measure), values in columns.agreement.items():
        pairs.setdefault(pair, {})[measure] = _numbers(values)
    if pairs:
        yield "agreement", _struct({pair: _struct(found) for pair, found in pairs.items()})


def _answers(columns: Columns, held: Bools, j: int) -> Any:
    """One arm as a struct."""
    plain: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {"signals": {}, "verification": {}}
    others: dict[str, dict[str, Any]] = {}
    for (what, name), column in columns.answers.items():
        values = _numbers(column[:, j])
        if what == "signals" and name == "self_verification":
            plain["confidence"] = values
        elif what == "signals":
            nested["signals"][name] = values
        elif what in EXTRAS:
            one, many = EXTRAS[what]
            own = name == "self_verification"
            place = nested["verification"] if own else others.setdefault(many, {})
            place[one if own else name] = values
        else:
            plain[what] = values
    nested["verification"] |= {many: _struct(found) for many, found in others.items()}
    inner = {what: _struct(found) for what, found in nested.items() if found}
    return _struct(plain | inner, ~held)


def _numbers(values: Floats) -> Any:
    pa = _arrow()
    return pa.array(np.ascontiguousarray(values), mask=np.isnan(values))


def _struct(fields: dict[str, Any], missing: Bools | None = None) -> Any:
    pa = _arrow()
    mask = None if missing is None else pa.array(missing)
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields), mask=mask)
