"""An outcome table as columns, and the two file formats it is kept in.

Rows are JSON objects on disk and arrays in memory. `rows` checks the objects and turns them into
`Columns`, and back; `jsonl` and `parquet` read and write files of them, piece by piece.
"""

__all__: list[str] = []
