"""What a driver needs of an adapter: a port, the adapter's side of one request.

The port turns an `Ask` into a call of the framework's own model and its result into a `Reply`. It
knows the caller's messages, tools and keywords; the core never sees them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from automix_core.flow import Ask, Reply

__all__ = ["AsyncPort", "Piece", "Port"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a live reply.

    Attributes:
        chunk: The framework's own chunk.
        visible: It holds something a reader would see. Until the first visible chunk has left,
            the driver holds chunks back, so that a model that fails early can be replaced.
    """

    chunk: Any
    visible: bool


class Port(Protocol):
    """The adapter's side of one request, for the sync driver."""

    def ask(self, ask: Ask) -> Reply:
        """Call the model; raise what it raises."""
        ...

    def stream(self, ask: Ask) -> Iterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        ...

    def passes(self, error: Exception) -> bool:
        """Whether an error is the framework's control flow and none of the model's failures."""
        ...


class AsyncPort(Protocol):
    """The adapter's side of one request, for the async driver."""

    async def ask(self, ask: Ask) -> Reply:
        """Call the model; raise what it raises."""
        ...

    def stream(self, ask: Ask) -> AsyncIterator[Piece | Reply]:
        """Call the model and yield its chunks as they come, and the whole reply last."""
        ...

    def passes(self, error: Exception) -> bool:
        """Whether an error is the framework's control flow and none of the model's failures."""
        ...
