"""Static word vectors whose weights come with their package: no download and no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evidence import Floats
from automix_core.parts import Embedder, at_least_one

__all__ = ["WordVectors"]

FULL_WIDTH = 256
_LOADING = Lock()


@dataclass(frozen=True)
class WordVectors(Embedder):
    """The mean of a text's word vectors, of length 1, from the package `wordllama`.

    It knows that words are akin, which hashing does not, at about a tenth of a millisecond a
    question and 120 MB of memory. It is loaded when the first text comes, once a process. A text
    without a word is all zeros. Needs `pip install "automix-routing[embed]"`.

    Attributes:
        dimensions: How many numbers to keep, at most 256. The model is trained so that the first
            ones hold the most: 64 do about as well.
    """

    name = "word_vectors"
    dimensions: int = FULL_WIDTH

    def __post_init__(self) -> None:
        """Check the number of dimensions."""
        at_least_one(self, "dimensions")
        if self.dimensions > FULL_WIDTH:
            msg = f"WordVectors.dimensions must be at most {FULL_WIDTH}, not {self.dimensions}."
            raise ConfigurationError(msg)

    @property
    def width(self) -> int:
        """The number of dimensions."""
        return self.dimensions

    def _vectors(self, texts: Sequence[str]) -> Floats:
        with _LOADING:
            model = _model()
        # Its tokenizer takes no lone surrogates.
        plain = [text.encode("utf-8", "replace").decode() for text in texts]
        pooled = np.asarray(model.embed(plain), dtype=float)[:, : self.dimensions]
        length = np.linalg.norm(pooled, axis=1, keepdims=True)
        vectors: Floats = pooled / np.where(length > 0, length, 1.0)
        return vectors


@cache
def _model() -> Any:
    try:
        import wordllama
    except ImportError as error:
        msg = 'WordVectors needs wordllama: pip install "automix-routing[embed]"'
        raise ConfigurationError(msg) from error
    # Without these two arguments it would look for its files elsewhere, and then download them.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
