"""Nearest neighbours by cosine, drawn towards the arm's mean."""

import numpy as np
import pytest

from automix_core import ConfigurationError
from automix_core.estimate import NeighbourQuality
from automix_core.evidence import Examples
from tests.core.estimate.test_before import estimated, sorts


def by_hand(train, features, arm, k, shrinkage):
    known = ~np.isnan(train.quality[:, arm])
    memory, quality = train.features[known], train.quality[known, arm]
    made = []
    for row in features:
        cosine = memory @ row / np.linalg.norm(memory, axis=1) / np.linalg.norm(row)
        near = np.argsort(-cosine)[:k]
        total = quality[near].sum() + shrinkage * quality.mean()
        made.append(total / (k + shrinkage))
    return made


@pytest.mark.parametrize(("k", "shrinkage"), [(1, 0), (10, 5), (40, 2.5)])
def test_it_is_the_shrunken_mean_of_the_k_nearest(k, shrinkage):
    train, _ = sorts(1300, 0)
    train.quality[::4, 1] = np.nan
    held, _ = sorts(600, 1)  # more than one block
    fitted = NeighbourQuality(k=k, shrinkage=shrinkage).fit(train)
    made = estimated(fitted, held.features, 3)
    for arm in range(3):
        expected = by_hand(train, held.features, arm, k, shrinkage)
        np.testing.assert_allclose(made.quality[:, arm], expected, atol=1e-12)


def test_the_length_of_a_vector_says_nothing():
    train, _ = sorts(200, 0)
    held, _ = sorts(50, 1)
    longer = Examples(train.quality, train.confidence, {}, 7 * train.features)
    one = estimated(NeighbourQuality().fit(train), held.features, 3)
    other = estimated(NeighbourQuality().fit(longer), 0.1 * held.features, 3)
    np.testing.assert_allclose(one.quality, other.quality, atol=1e-12)


def test_of_few_examples_only_a_third_are_neighbours():
    train, _ = sorts(30, 0)
    held, _ = sorts(20, 1)
    made = estimated(NeighbourQuality(k=50, shrinkage=0).fit(train), held.features, 3)
    expected = by_hand(train, held.features, 0, 10, 0)
    np.testing.assert_allclose(made.quality[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 1.5}, {"shrinkage": -1}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        NeighbourQuality(**wrong)
