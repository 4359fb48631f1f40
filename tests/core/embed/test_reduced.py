"""Principal components."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.embed import External, Hashing, Reduced
from automix_core.errors import NotFittedError
from tests.core.embed.embedders import TEXTS


def table(vectors):
    """An embedder that looks the vectors up: the text is the row's number."""
    return External(lambda texts: vectors[[int(text) for text in texts]], vectors.shape[1])


def names(vectors):
    return [str(row) for row in range(len(vectors))]


def cloud(seed, rows, width):
    """Points of a spread that differs by direction, far from the origin."""
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, width)) @ draw.normal(size=(width, width)) + 100 * draw.normal(
        size=width
    )


SHAPES = {"seed": st.integers(0, 10**6), "rows": st.integers(2, 30), "width": st.integers(1, 8)}


@given(**SHAPES, kept=st.integers(1, 8))
def test_it_is_the_singular_value_decomposition(seed, rows, width, kept):
    vectors = cloud(seed, rows, width)
    found = Reduced(table(vectors), kept).fit(names(vectors)).embed(names(vectors))
    centred = vectors - vectors.mean(axis=0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    scale = spread[0]
    strong = np.flatnonzero(spread[:kept] > 1e-4 * scale)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0)[strong], spread[strong], rtol=1e-6)
    # Components of equal spread may turn within their plane; distances between texts may not.
    if kept >= len(spread):
        np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-7 * scale**2)
    assert left.shape[0] == len(found)


@given(**SHAPES, kept=st.integers(1, 8))
def test_the_components_are_orthonormal_or_nothing(seed, rows, width, kept):
    vectors = cloud(seed, rows, width)
    reduced = Reduced(table(vectors), kept).fit(names(vectors))
    gram = reduced.matrix_.T @ reduced.matrix_
    rank = min(kept, width, rows - 1)
    np.testing.assert_allclose(gram, np.diag([1.0] * rank + [0.0] * (kept - rank)), atol=1e-9)


def test_a_component_points_to_where_its_largest_number_is_positive():
    """Either sign would do, but then machines would differ."""
    matrix = Reduced(Hashing(64), 5).fit(TEXTS).matrix_
    assert (matrix.max(axis=0) >= -matrix.min(axis=0)).all()


def test_texts_that_are_all_alike_become_nothing():
    reduced = Reduced(Hashing(16), 3).fit(["the same"] * 5)
    assert not reduced.embed(["the same", "How? And what?\nA) 1 + 1"]).any()


@pytest.mark.parametrize("texts", [["only one"], TEXTS])
def test_the_mean_of_the_texts_is_the_origin(texts):
    reduced = Reduced(Hashing(64), 5).fit(texts)
    np.testing.assert_allclose(reduced.embed(texts).mean(axis=0), 0, atol=1e-12)


def test_many_texts_are_read_in_blocks_and_give_the_same():
    vectors = cloud(1, 5000, 4)
    largest = []

    def noted(texts):
        largest.append(len(texts))
        return vectors[[int(text) for text in texts]]

    reduced = Reduced(External(noted, 4), 2).fit(names(vectors))
    assert max(largest) < 5000
    spread = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(
        np.linalg.norm(reduced.mapped(vectors), axis=0), spread[:2], rtol=1e-9
    )


def test_it_wants_texts_before_it_embeds():
    with pytest.raises(NotFittedError, match="'reduced'"):
        Reduced(Hashing()).embed(["Why?"])
    with pytest.raises(ConfigurationError, match="there are none"):
        Reduced(Hashing()).fit([])


@pytest.mark.parametrize("wrong", [0, -1, 2.5])
def test_dimensions_are_counted_in_whole_numbers(wrong):
    with pytest.raises(ConfigurationError, match=r"Reduced\.dimensions"):
        Reduced(Hashing(), wrong)
