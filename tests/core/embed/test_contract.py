"""What every embedder keeps to, whatever texts come."""

import asyncio
import copy
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.drive import afinish
from automix_core.embed import AutoEmbedder, Cached, External, Hashing, Reduced
from automix_core.flow import Failure
from automix_core.parts import parts_of_kind
from automix_core.saving import read_router, write_router
from tests.core.conftest import AsyncScriptedPort
from tests.core.embed.embedders import (
    EMBEDDERS,
    ODD,
    TEXTS,
    WORDLLAMA,
    LikeLangChain,
    everything,
    numbers,
)

EVERY = [*TEXTS, *ODD]


@pytest.fixture(params=EMBEDDERS)
def embedder(request):
    return EMBEDDERS[request.param]


def test_there_is_one_finite_vector_for_each_text(embedder):
    vectors = embedder.embed(EVERY)
    assert vectors.shape == (len(EVERY), embedder.width)
    assert vectors.dtype == float
    assert np.isfinite(vectors).all()


def test_different_questions_have_different_vectors(embedder):
    if isinstance(embedder, Hashing) and embedder.buckets < 10:
        pytest.skip("seven buckets cannot tell them apart")
    vectors = embedder.embed(TEXTS)
    assert len(np.unique(vectors.round(9), axis=0)) == len(TEXTS)


def test_a_batch_is_what_its_texts_are_one_by_one(embedder):
    batch = embedder.embed(EVERY)
    alone = np.vstack([embedder.embed([text]) for text in EVERY])
    np.testing.assert_allclose(batch, alone, rtol=1e-6, atol=1e-7)


def test_order_and_repetition_do_not_matter(embedder):
    turned = embedder.embed([*reversed(EVERY), *EVERY])
    forward = embedder.embed(EVERY)
    np.testing.assert_allclose(turned, np.vstack([forward[::-1], forward]), atol=1e-7)


def test_no_text_gives_no_vector(embedder):
    assert embedder.embed([]).shape == (0, embedder.width)
    assert embedder.embed(()).shape == (0, embedder.width)


def test_one_text_alone_is_refused_because_it_would_be_read_letter_by_letter(embedder):
    with pytest.raises(ConfigurationError, match="put it into a list"):
        embedder.embed("Why?")


def test_callers_may_write_into_what_they_get(embedder):
    before = embedder.embed(TEXTS).copy()
    embedder.embed(TEXTS)[:] = np.nan
    np.testing.assert_allclose(embedder.embed(TEXTS), before)


def test_the_flow_gives_the_same_vectors(play, embedder):
    played = play(embedder.flow(TEXTS), lambda ask: pytest.fail("no model is asked"))
    np.testing.assert_allclose(played.value, embedder.embed(TEXTS), atol=1e-7)


def test_an_embedder_can_be_saved_and_loaded(tmp_path, embedder):
    write_router(tmp_path, {"embedder": embedder})
    live = innermost(embedder)
    resources = {"external": live.embeddings} if isinstance(live, External) else {}
    loaded = read_router(tmp_path, resources)["embedder"]
    assert type(loaded) is type(embedder)
    np.testing.assert_array_equal(loaded.embed(TEXTS), embedder.embed(TEXTS))


def innermost(embedder):
    while hasattr(embedder, "inner"):
        embedder = embedder.inner
    return embedder


def test_an_embedder_can_be_copied(embedder):
    twin = copy.deepcopy(embedder)
    np.testing.assert_array_equal(twin.embed(TEXTS), embedder.embed(TEXTS))


def test_another_process_gives_the_same_vectors():
    """Words are never hashed by Python's own hash, which differs between processes."""
    root = Path(__file__).parents[3]
    printed = subprocess.run(
        [sys.executable, "-m", "tests.core.embed.embedders"],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(root)},
        capture_output=True,
        check=True,
        timeout=120,
    )
    theirs, ours = json.loads(printed.stdout), everything()
    assert theirs.keys() == ours.keys()
    for name, vectors in ours.items():
        exact = "hashing" in name
        np.testing.assert_allclose(theirs[name], vectors, atol=0 if exact else 1e-7, rtol=0)


def test_every_embedder_is_under_this_contract():
    parts = parts_of_kind("embedder")
    ours = {name for name, part in parts.items() if part.__module__.startswith("automix")}
    missing = {AutoEmbedder.name} | (set() if WORDLLAMA else {"word_vectors"})  # becomes another
    assert ours - missing == {embedder.name for embedder in EMBEDDERS.values()}


# What is brought from outside may break its word.

BROKEN = {
    "one number short": lambda texts: [[1.0, 2.0, 3.0][: 3 - (i % 2)] for i in range(len(texts))],
    "too few": lambda texts: np.ones((len(texts) - 1, 3)),
    "flat": lambda texts: np.ones(len(texts)),
    "nothing": lambda texts: None,
    "words": lambda texts: [["a", "b", "c"] for _ in texts],
    "too wide": lambda texts: np.ones((len(texts), 4)),
    "NaN": lambda texts: np.full((len(texts), 3), np.nan),
    "infinite": lambda texts: np.full((len(texts), 3), np.inf),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("wrap", [lambda e: e, Cached, Reduced], ids=["alone", "cached", "reduced"])
def test_bad_vectors_are_an_error_that_names_the_embedder(broken, wrap):
    embedder = External(broken, dimensions=3)
    with pytest.raises(ConfigurationError, match=r"'external' (must give|gave)"):
        wrap(embedder).fit(TEXTS).embed(TEXTS)


def reduced(embedder):
    return Reduced(embedder, 2).fit(TEXTS)


@pytest.mark.parametrize("wrap", [lambda e: e, Cached, reduced], ids=["alone", "cached", "reduced"])
def test_in_the_loop_a_failing_server_is_a_failure_and_no_exception(play, wrap):
    server = Server()
    embedder = wrap(External(server))
    server.down = True
    failed = play(embedder.flow(["something new"]), None).value
    assert isinstance(failed, Failure)
    assert (failed.source, failed.kind) == ("external", "error")
    server.down = False
    assert play(embedder.flow(["something new"]), None).value.shape == (1, embedder.width)


class Server(LikeLangChain):
    down = False

    def embed_documents(self, texts):
        if self.down:
            raise ConnectionError("down")
        return super().embed_documents(texts)


def test_waiting_for_a_server_does_not_block_the_event_loop():
    answered = threading.Event()

    def waits(texts):
        assert answered.wait(20), "the loop never came round to it"
        return numbers(texts)

    async def request():
        asyncio.get_running_loop().call_later(0.01, answered.set)
        port = AsyncScriptedPort(None)
        return await afinish(Cached(External(waits)).flow(TEXTS), port)

    np.testing.assert_array_equal(asyncio.run(request()), numbers(TEXTS))


def test_a_slow_server_is_given_up(play):
    def waits(texts):
        time.sleep(0.5)
        return numbers(texts)

    failed = play(External(waits, timeout=0.05).flow(TEXTS), None).value
    assert failed.latency < 0.5
    assert failed == Failure("external", "timeout", latency=failed.latency)
