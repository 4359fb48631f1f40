"""A memory of vectors, so that a text that comes again is not embedded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np

from automix_core.evidence import Floats
from automix_core.flow import Failure, Flow
from automix_core.parts import Embedder, at_least_one

__all__ = ["Cached"]


@dataclass(frozen=True)
class Cached(Embedder):
    """Another embedder, with a memory of the texts that were embedded last.

    Threads may share it. What is saved of it is the embedder and the size, never a text. Fitting
    a map reads the same texts several times: with paid embeddings, put the memory innermost,
    `Tagged(Cached(External(...), size))`, and make it as large as there are texts.

    Attributes:
        inner: The embedder that is asked for what is not remembered.
        size: Most texts to remember; the one longest unused is forgotten first. A text takes its
            own length and 8 bytes for each number of its vector.
    """

    name = "cached"
    inner: Embedder
    size: int = 4096

    def __post_init__(self) -> None:
        """Check the size, and start with an empty memory."""
        at_least_one(self, "size")
        vars(self)["memory"] = _Memory(self.size)

    @property
    def width(self) -> int:
        """That of the inner embedder."""
        return self.inner.width

    @property
    def hits(self) -> int:
        """How many texts were remembered when they were asked for."""
        return self._memory.hits

    @property
    def misses(self) -> int:
        """How many texts the inner embedder was asked for."""
        return self._memory.misses

    def fit(self, texts: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> Cached:
        """Fit the inner embedder; vectors from before are forgotten."""
        return replace(self, inner=self.inner.fit(texts, tags))

    def flow(self, texts: Sequence[str]) -> Flow[Floats | Failure]:
        """Ask the inner embedder for what is not remembered, if there is any."""
        known, missing = self._memory.recall(texts)
        vectors = (yield from self.inner.flow(missing)) if missing else None
        if isinstance(vectors, Failure):
            return vectors
        return self._joined(texts, known, missing, vectors)

    def _vectors(self, texts: Sequence[str]) -> Floats:
        known, missing = self._memory.recall(texts)
        vectors = self.inner.embed(missing) if missing else None
        return self._joined(texts, known, missing, vectors)

    def _joined(
        self,
        texts: Sequence[str],
        known: dict[str, Floats],
        missing: Sequence[str],
        vectors: Floats | None,
    ) -> Floats:
        """The vectors of all texts, the new ones remembered."""
        if vectors is not None:
            known |= self._memory.keep(missing, vectors)
        rows = [known[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.width))

    @property
    def _memory(self) -> _Memory:
        memory: _Memory = vars(self)["memory"]
        return memory


class _Memory:
    """Vectors by text, the longest unused first. A copy of it, or a pickle, starts empty."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        self._vectors: OrderedDict[str, Floats] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.size,)

    def recall(self, texts: Sequence[str]) -> tuple[dict[str, Floats], list[str]]:
        """What is known of these texts, and which are not known, each once."""
        known: dict[str, Floats] = {}
        missing: dict[str, None] = {}
        with self._lock:
            for text in texts:
                vector = self._vectors.get(text)
                if vector is None:
                    missing[text] = None
                else:
                    self._vectors.move_to_end(text)
                    known[text] = vector
            self.misses += len(missing)
            self.hits += len(texts) - len(missing)
        return known, list(missing)

    def keep(self, texts: Sequence[str], vectors: Floats) -> dict[str, Floats]:
        """Remember new vectors; gives them by text."""
        new = {text: vector.copy() for text, vector in zip(texts, vectors, strict=True)}
        with self._lock:
            self._vectors |= new
            while len(self._vectors) > self.size:
                self._vectors.popitem(last=False)
        return new
