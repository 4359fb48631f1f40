"""The progress bar of `automix collect`, on stderr: answers, cost so far, time left."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from automix_core import collect

__all__ = ["Bar"]


class Bar:
    """A progress bar.

    Args:
        total: Answers to be had.
    """

    def __init__(self, total: int) -> None:
        self._progress = Progress(
            TextColumn("answers"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[spent]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("answers", total=total, spent="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, progress: collect.Progress) -> None:
        """Show how far a run is. What an earlier run has done says nothing about the time left."""
        self._progress.update(
            self._task,
            total=progress.total - progress.reused,
            completed=progress.done,
            spent=f"{progress.spent:.4f} US $",
        )
