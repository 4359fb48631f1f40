"""One of each embedder, fitted where it learns, and texts that people and machines send.

Run as a module it prints the vectors of all of them, so that two processes can be compared.
"""

import importlib.util
import json
import sys
import zlib

import numpy as np

from automix_core.embed import Cached, External, Hashing, Reduced, Tagged, WordVectors

WORDLLAMA = importlib.util.find_spec("wordllama") is not None

TOPICS = {
    "cooking": ["how long to boil an egg", "which oil to fry fish in", "bread without yeast"],
    "law": ["can a tenant break the lease", "who pays for the court", "is the contract void"],
    "maths": ["what is 17 * 23 + 4", "solve 3x + 4 = 19 for x", "how many primes below 100"],
}
TEXTS = [text for texts in TOPICS.values() for text in texts]
TAGS = [(topic,) for topic, texts in TOPICS.items() for _ in texts]

ODD = [
    "",
    " \n\t ",
    "?",
    "Why is the sky blue?",
    "word " * 5_000,
    "x" * 20_000,
    "Wie heißt die größte Stadt? 😀",
    "法国的首都是哪里",
    "ما هي عاصمة فرنسا؟",
    "a lone \ud800 surrogate",
    "zero\x00byte and \u2028 a separator",
    "```python\nprint({'a': [1, 2]})\n```\nA) yes\nB) no",
]


def numbers(texts):
    """A user's function: a few numbers that depend on the text alone."""
    seeds = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts]
    return [np.random.default_rng(seed).normal(size=6).tolist() for seed in seeds]


class LikeLangChain:
    """Shaped like LangChain's `Embeddings`."""

    def embed_documents(self, texts):
        assert isinstance(texts, list)
        return numbers(texts)

    def embed_query(self, text):
        raise AssertionError("documents and queries may have different vectors")


class LikeLlamaIndex:
    """Shaped like LlamaIndex's `BaseEmbedding`, which can also be called, with nodes."""

    def get_text_embedding_batch(self, texts, show_progress=False):
        assert isinstance(texts, list)
        return numbers(texts)

    def __call__(self, nodes):
        raise AssertionError("these are texts, not nodes")


SMALL = Hashing(64)
EMBEDDERS = {
    "hashing": Hashing(),
    "hashing, few buckets": Hashing(7, structure=False),
    "function": External(numbers),
    "langchain": External(LikeLangChain(), dimensions=6),
    "llamaindex": External(LikeLlamaIndex()),
    "cached": Cached(SMALL),
    "reduced": Reduced(SMALL, 4).fit(TEXTS),
    "reduced, more than there is": Reduced(External(numbers), 50).fit(TEXTS),
    "tagged": Tagged(SMALL, 5).fit(TEXTS, TAGS),
    "cached, tagged, reduced": Cached(Tagged(Reduced(SMALL, 4), 3)).fit(TEXTS, TAGS),
    "cached, function": Cached(External(LikeLangChain())),
}
if WORDLLAMA:
    EMBEDDERS["word vectors"] = WordVectors()
    EMBEDDERS["word vectors, the first"] = WordVectors(64)


def everything():
    """The vectors of all embedders, for a few texts."""
    return {name: made.embed(TEXTS[:3] + ODD[5:]).tolist() for name, made in EMBEDDERS.items()}


if __name__ == "__main__":
    json.dump(everything(), sys.stdout)
