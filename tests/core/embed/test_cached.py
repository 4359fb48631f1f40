"""The memory in front of an embedder."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.embed import Cached, External, Hashing, Reduced
from automix_core.saving import as_json, write_router
from tests.core.embed.embedders import TEXTS, numbers


class Counting:
    """A function that keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return numbers(texts)


def test_a_text_is_embedded_once():
    inner = Counting()
    cached = Cached(External(inner))
    for _ in range(3):
        np.testing.assert_array_equal(cached.embed(["a", "b", "a"]), numbers(["a", "b", "a"]))
    assert inner.asked == ["a", "b"]
    assert (cached.misses, cached.hits) == (2, 7)


def test_only_what_is_new_is_asked_for():
    inner = Counting()
    cached = Cached(External(inner))
    cached.embed(["a"])
    np.testing.assert_array_equal(cached.embed(["b", "a", "c"]), numbers(["b", "a", "c"]))
    assert inner.asked == ["a", "b", "c"]


def test_the_text_longest_unused_is_forgotten_first():
    inner = Counting()
    cached = Cached(External(inner), size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.embed([text])
    assert inner.asked == ["a", "b", "c", "b"]


BATCHES = st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=8)


@given(BATCHES, st.integers(1, 7))
def test_whatever_the_size_the_vectors_are_those_of_the_inner_embedder(batches, size):
    inner = Counting()
    cached = Cached(External(inner, dimensions=6), size)
    for batch in batches:
        np.testing.assert_array_equal(cached.embed(batch), np.reshape(numbers(batch), (-1, 6)))
    assert cached.hits + cached.misses == sum(map(len, batches))
    assert cached.misses == len(inner.asked)
    if size >= 6:
        assert len(set(inner.asked)) == len(inner.asked)


def test_many_threads_may_share_it():
    cached = Cached(Hashing(16), size=5)
    texts = [TEXTS[i % len(TEXTS)] for i in range(600)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: cached.embed([text])[0], texts))
    np.testing.assert_array_equal(found, Hashing(16).embed(texts))
    assert cached.hits + cached.misses == 600


def test_the_flow_asks_for_nothing_if_all_is_known(play):
    inner = Counting()
    cached = Cached(External(inner))
    for _ in range(2):
        played = play(cached.flow(TEXTS), None)
        np.testing.assert_array_equal(played.value, numbers(TEXTS))
    assert len(played.asks) == 0
    assert inner.asked == TEXTS


def test_a_failure_is_not_remembered():
    down = [True]

    def function(texts):
        if down[0]:
            raise ConnectionError
        return numbers(texts)

    cached = Cached(External(function))
    with pytest.raises(ConnectionError):
        cached.embed(["a"])
    down[0] = False
    np.testing.assert_array_equal(cached.embed(["a"]), numbers(["a"]))


def test_fitting_forgets_the_vectors_from_before():
    cached = Cached(Reduced(Hashing(16), 2)).fit(TEXTS[:4])
    before = cached.embed(TEXTS)
    after = cached.fit(TEXTS[4:]).embed(TEXTS)
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(cached.embed(TEXTS), before)


def test_no_text_is_saved_and_none_travels(tmp_path):
    cached = Cached(Hashing(16))
    fresh = as_json({"embedder": cached})
    cached.embed(["my secret"])
    assert as_json({"embedder": cached}) == fresh
    write_router(tmp_path, {"embedder": cached})
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.iterdir())
    sent = pickle.dumps(cached)
    assert b"secret" not in sent
    assert pickle.loads(sent).embed(["x"]).shape == (1, cached.width)


@pytest.mark.parametrize("wrong", [0, -5, 1.5, None])
def test_a_memory_of_nothing_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"Cached\.size"):
        Cached(Hashing(), wrong)


def test_a_function_may_use_its_array_again():
    buffer = np.zeros((1, 6))

    def into_the_same_array(texts):
        buffer[:] = numbers(texts)
        return buffer

    cached = Cached(External(into_the_same_array))
    for text in ("a", "b", "a"):
        np.testing.assert_array_equal(cached.embed([text]), numbers([text]))
