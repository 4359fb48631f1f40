"""Static word vectors out of a package."""

import subprocess
import sys

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.embed import WordVectors
from tests.core.embed.embedders import WORDLLAMA

installed = pytest.mark.skipif(not WORDLLAMA, reason="wordllama is not installed (extra: embed)")


@installed
def test_words_that_are_akin_are_near():
    asked, akin, other = WordVectors().embed(
        ["How do I fry an egg?", "recipe for a breakfast omelette", "the court of appeal"]
    )
    assert asked @ akin > asked @ other + 0.1


@installed
@pytest.mark.parametrize("dimensions", [1, 64, 256])
def test_vectors_have_length_one_and_nothing_has_none(dimensions):
    length = np.linalg.norm(WordVectors(dimensions).embed(["Why?", "", "法国"]), axis=1)
    np.testing.assert_allclose(length, [1, 0, 1])


@installed
def test_it_is_loaded_once_without_the_network_and_not_before_it_is_used():
    """Eight threads ask at once, in a process in which no socket can be opened."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["False", "1"], done.stderr


ALONE = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def refused(*args, **keywords):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from automix_core.embed import WordVectors
print("wordllama" in sys.modules)
import wordllama
load, loaded = wordllama.WordLlama.load, []
def counted(*args, **keywords):
    loaded.append(1)
    return load(*args, **keywords)
wordllama.WordLlama.load = counted
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda text: WordVectors().embed([text]), "abcdefgh"))
print(len(loaded))
"""


def test_without_the_package_it_says_what_to_install(monkeypatch):
    from automix_core.embed import word_vectors

    monkeypatch.setitem(sys.modules, "wordllama", None)
    word_vectors._model.cache_clear()
    with pytest.raises(ConfigurationError, match=r"automix-routing\[embed\]"):
        WordVectors().embed(["Why?"])
    word_vectors._model.cache_clear()


@pytest.mark.parametrize("wrong", [0, 257, 1.5])
def test_widths_that_the_model_does_not_have_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"WordVectors\.dimensions"):
        WordVectors(wrong)
