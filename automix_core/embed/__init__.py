"""Embedders: text goes in, vectors come out. One embedder a file."""

from automix_core.embed.auto import AutoEmbedder
from automix_core.embed.cached import Cached
from automix_core.embed.external import External
from automix_core.embed.hashing import Hashing
from automix_core.embed.query import query_text, query_texts
from automix_core.embed.reduced import Reduced
from automix_core.embed.tagged import Tagged
from automix_core.embed.tagging import tag_texts
from automix_core.embed.word_vectors import WordVectors

__all__ = [
    "AutoEmbedder",
    "Cached",
    "External",
    "Hashing",
    "Reduced",
    "Tagged",
    "WordVectors",
    "query_text",
    "query_texts",
    "tag_texts",
]
