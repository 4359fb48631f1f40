"""Embeddings that the user brings: LangChain's, LlamaIndex's, or a function."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.flow import Call, Failure, Flow, Value, Wave
from automix_core.numbers import at_least
from automix_core.parts import Embedder

__all__ = ["External"]

_METHODS = ("embed_documents", "get_text_embedding_batch")
"""How LangChain's `Embeddings` and LlamaIndex's `BaseEmbedding` embed a list of texts."""

_EMPTY = "(empty)"


@dataclass(frozen=True)
class External(Embedder):
    """Any LangChain `Embeddings`, LlamaIndex `BaseEmbedding`, or function from texts to vectors.

    Questions are embedded by the method for documents, in training and in service alike: the
    vectors of some models differ between documents and queries, and the one for queries takes
    one text at a time. Providers refuse empty texts, so a blank one is sent as "(empty)".

    In the routing loop the embeddings are asked through a `Call`: the sync driver calls them
    where it runs, the async driver in a thread, so that no event loop waits for a server. Wrap
    it in `Cached` to ask once for each text.

    Attributes:
        embeddings: Who embeds. It is a live object: `Router.load` wants it back under
            `resources={"external": embeddings}`.
        dimensions: The width that its vectors must have; `None` for that of the first ones.
        timeout: Seconds after which a request goes on without its vector; `None` for no limit.
    """

    name = "external"
    embeddings: Any = field(repr=False)  # it may hold a key
    dimensions: int | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Tell at once of what cannot embed."""
        if self.dimensions is not None:
            at_least(1, self.dimensions, "External.dimensions")
        function = self._function
        if not callable(function) or inspect.iscoroutinefunction(function):
            msg = (
                "External needs a LangChain Embeddings, a LlamaIndex BaseEmbedding or a plain "
                f"function from a list of texts to vectors, not {type(self.embeddings).__name__}."
            )
            raise ConfigurationError(msg)

    @cached_property
    def width(self) -> int:
        """The width that was given or first seen; asks for one vector if there was none yet."""
        return self.dimensions or self.embed(["width"]).shape[1]

    def flow(self, texts: Sequence[str]) -> Flow[Floats | Failure]:
        """Have the driver call the embeddings."""
        (result,) = yield Wave((Call(self.embed, (list(texts),), timeout=self.timeout),))
        if isinstance(result, Value):
            vectors: Floats = result.value
            return vectors
        failed = result if isinstance(result, Failure) else Failure(self.name, "abandoned")
        return replace(failed, source=self.name)

    @property
    def _function(self) -> Any:
        found = (getattr(self.embeddings, method, None) for method in _METHODS)
        return next((method for method in found if callable(method)), self.embeddings)

    def _vectors(self, texts: Sequence[str]) -> Any:
        given = self._function([text if text.strip() else _EMPTY for text in texts])
        try:
            vectors = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            return given  # `embed` says what is wrong with it
        if self.dimensions is None and vectors.ndim == 2:
            vars(self).setdefault("width", vectors.shape[1])  # so that `width` need not ask
        return vectors
