"""The embedder for users who name none: tags if the examples have them, else what differs most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from automix_core.embed.hashing import Hashing
from automix_core.embed.reduced import Reduced
from automix_core.embed.tagged import Tagged
from automix_core.parts import Embedder, at_least_one

__all__ = ["AutoEmbedder"]


@dataclass(frozen=True)
class AutoEmbedder(Embedder):
    """`Tagged` where any text of the fit has a tag, and `Reduced` where none has.

    A fit gives that embedder, over the inner one. Without a fit it embeds as `plain` does, for
    learners that begin with nothing.

    Attributes:
        inner: Whose vectors are mapped.
        dimensions: How many numbers a vector has where there are no tags.
        tagged: How many it has where there are.
        plain: What embeds until there is a fit.
    """

    name = "auto"
    inner: Embedder = field(default_factory=Hashing)
    dimensions: int = 128
    tagged: int = 64
    plain: Embedder = field(default_factory=lambda: Hashing(128))

    def __post_init__(self) -> None:
        """Check the numbers of dimensions."""
        at_least_one(self, "dimensions", "tagged")

    @property
    def width(self) -> int:
        """That of `plain`."""
        return self.plain.width

    def fit(self, texts: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> Embedder:
        """The embedder that suits the examples, fitted on them."""
        if any(tags):
            return Tagged(self.inner, self.tagged).fit(texts, tags)
        return Reduced(self.inner, self.dimensions).fit(texts, tags)

    def _vectors(self, texts: Sequence[str]) -> Any:
        return self.plain.embed(texts)
