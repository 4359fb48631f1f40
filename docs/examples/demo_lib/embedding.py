"""Static word embeddings whose weights come with their package: no download, no waiting."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["embed"]


def embed(texts: list[str]) -> list[list[float]]:
    """One vector of length 1 for each text."""
    vectors: list[list[float]] = _model().embed(texts, norm=True).tolist()
    return vectors


@cache
def _model() -> Any:
    import wordllama

    # Without these two arguments it would look for its files elsewhere, and then download them.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
