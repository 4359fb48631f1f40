"""The report of one router: a page for people, and its pictures as files.

`write_report` measures a router on a table of outcomes and writes one self-contained HTML file;
`write_pictures` writes the same pictures as PNG. Both need the extra `plot`.
"""

from __future__ import annotations
