"""Embeddings that users bring."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.embed import Cached, External, Tagged
from tests.core.embed.embedders import TAGS, TEXTS, LikeLangChain, numbers


def test_a_real_langchain_embeddings_is_taken():
    embeddings = pytest.importorskip("langchain_core.embeddings")
    real = embeddings.DeterministicFakeEmbedding(size=12)
    vectors = External(real).embed(["one", "two"])
    np.testing.assert_allclose(vectors, real.embed_documents(["one", "two"]))


def test_a_real_llamaindex_embedding_is_taken():
    core = pytest.importorskip("llama_index.core.embeddings")
    vectors = External(core.MockEmbedding(embed_dim=5)).embed(["one", "two"])
    np.testing.assert_array_equal(vectors, np.full((2, 5), 0.5))


@pytest.mark.parametrize("array", [np.array, lambda v: np.array(v, np.float32), tuple])
def test_whatever_becomes_an_array_will_do(array):
    embedder = External(lambda texts: array(numbers(texts)))
    np.testing.assert_allclose(embedder.embed(TEXTS), numbers(TEXTS), rtol=1e-6)


async def later(texts):
    return numbers(texts)


@pytest.mark.parametrize("wrong", [None, 3, "text-embedding-3", object(), later])
def test_what_cannot_embed_is_refused_at_once(wrong):
    with pytest.raises(ConfigurationError, match="a plain function"):
        External(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_a_width_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"External\.dimensions"):
        External(numbers, dimensions=wrong)


def test_the_width_is_known_without_asking_if_it_is_given():
    assert External(lambda texts: pytest.fail("asked"), dimensions=6).width == 6


def test_the_width_is_asked_for_once_and_learned_from_the_first_vectors():
    asked = []

    def noted(texts):
        asked.append(list(texts))
        return numbers(texts)

    assert [External(noted).width] * 2 == [6, 6]
    assert len(asked) == 1
    embedder = External(noted)
    embedder.embed(TEXTS)
    assert embedder.width == 6
    assert asked[1:] == [TEXTS]


def test_a_model_that_changes_its_width_is_found_out():
    width = 6
    embedder = External(lambda texts: np.ones((len(texts), width)))
    embedder.embed(TEXTS)
    width = 8
    with pytest.raises(ConfigurationError, match="must give vectors of width 6, not 8"):
        embedder.embed(TEXTS)


def test_other_embeddings_than_those_of_the_fit_are_found_out():
    tagged = Tagged(External(numbers), 2).fit(TEXTS, TAGS)
    other = replace(tagged, inner=External(lambda texts: np.ones((len(texts), 8))))
    with pytest.raises(ConfigurationError, match=r"fitted on vectors of width 6.*gives 8"):
        other.embed(TEXTS)


def test_no_provider_is_sent_an_empty_text():
    sent = []

    def noted(texts):
        sent.extend(texts)
        return numbers(texts)

    External(noted).embed(["", " \n", "Why?"])
    assert sent == ["(empty)", "(empty)", "Why?"]


def test_no_key_shows_in_the_repr():
    class Secretive(LikeLangChain):
        def __repr__(self):
            return "sk-secret"

    assert "sk-secret" not in repr(Cached(External(Secretive())))
