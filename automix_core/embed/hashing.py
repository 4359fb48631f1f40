"""The embedder that needs nothing: hashed words and pairs of words, and features of the form.

The hashing trick (Weinberger and others, arXiv 0902.2206) gives every word and every pair of
neighbouring words a bucket and a sign. The same text has the same vector in every process, on
every machine. What a text looks like, such as its length or its share of digits, is told apart
from what it says, in `automix_core.embed.structure`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from automix_core.embed.structure import STRUCTURE, structure_of
from automix_core.evidence import Floats
from automix_core.parts import Embedder, at_least_one

__all__ = ["Hashing"]

_ASCII_WORDS = re.compile(r"\w+")
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")

_SIGNS = np.array([1.0, -1.0])


@dataclass(frozen=True)
class Hashing(Embedder):
    """Signed hashing of lower-cased words and pairs of neighbouring words, and structure.

    A bucket whose terms add up to the signed count c holds `sign(c) * sqrt(abs(c) / total)`, where
    total is the sum of `abs(c)` over the buckets. So a word that is said four times weighs twice
    as much as one said once, and the buckets have length 1 together. The structure features
    follow, each in [0, 1]. A text without a word has zeros in all buckets.

    Attributes:
        buckets: How many buckets there are.
        structure: Append the features of the form.
    """

    name = "hashing"
    buckets: int = 1024
    structure: bool = True

    def __post_init__(self) -> None:
        """Check the number of buckets."""
        at_least_one(self, "buckets")

    @property
    def width(self) -> int:
        """One number for each bucket, and one for each structure feature."""
        return self.buckets + len(STRUCTURE) * self.structure

    def _vectors(self, texts: Sequence[str]) -> Floats:
        vectors = np.zeros((len(texts), self.width))
        for row, text in zip(vectors, texts, strict=True):
            words = _words(text)
            if words:
                self._hash(words, row[: self.buckets])
            if self.structure:
                row[self.buckets :] = structure_of(text, words)
        return vectors

    def _hash(self, words: Sequence[str], buckets: Floats) -> None:
        """Fill the buckets, all 0 so far, with the words of one text."""
        spelled = list(map(str.encode, words))
        singles = list(map(crc32, spelled))
        pairs = map(crc32, spelled[1:], singles)  # goes on from the word before
        hashed = np.array([*singles, *pairs], dtype=np.int64)
        place = hashed % self.buckets
        counts = np.bincount(place, _SIGNS[hashed >> 31], self.buckets)[place]
        buckets[place] = np.copysign(np.sqrt(np.abs(counts)), counts)
        length = math.sqrt(buckets @ buckets)
        if length:  # signs may cancel each other out to the last bucket
            buckets /= length


def _words(text: str) -> list[str]:
    """Runs of letters, digits and underscores; each Chinese or Japanese sign is a word."""
    if text.isascii():
        return _ASCII_WORDS.findall(text.lower())  # the same, sooner
    return _WORDS.findall(unicodedata.normalize("NFKC", text).lower())
