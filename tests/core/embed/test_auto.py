"""Tags where there are any, principal components where there are none."""

import numpy as np
import pytest

from automix_core.embed import AutoEmbedder, Cached, Hashing, Reduced, Tagged
from automix_core.errors import ConfigurationError
from automix_core.saving import read_router, write_router
from tests.core.embed.embedders import TAGS, TEXTS

SMALL = Hashing(64)


@pytest.mark.parametrize("tags", [(), [()] * len(TEXTS)], ids=["none given", "all empty"])
def test_without_a_tag_it_keeps_what_differs_most(tags):
    fitted = AutoEmbedder(SMALL, dimensions=4).fit(TEXTS, tags)
    assert isinstance(fitted, Reduced)
    np.testing.assert_array_equal(fitted.embed(TEXTS), Reduced(SMALL, 4).fit(TEXTS).embed(TEXTS))


@pytest.mark.parametrize("tags", [TAGS, [*TAGS[:-1], ()]], ids=["all", "all but one"])
def test_with_tags_it_draws_together_what_has_the_same(tags):
    fitted = AutoEmbedder(SMALL, tagged=5).fit(TEXTS, tags)
    assert isinstance(fitted, Tagged)
    assert fitted.width == 5
    assert fitted.nearest([TEXTS[0]]) == TAGS[0]


def test_behind_a_memory_it_comes_back_fitted(tmp_path):
    made = Cached(AutoEmbedder(SMALL)).fit(TEXTS, TAGS)
    write_router(tmp_path, {"embedder": made})
    loaded = read_router(tmp_path, {})["embedder"]
    np.testing.assert_array_equal(loaded.embed(TEXTS), made.embed(TEXTS))


def test_before_a_fit_it_hashes(tmp_path):
    plain = AutoEmbedder(SMALL, plain=Hashing(32))
    np.testing.assert_array_equal(plain.embed(TEXTS), Hashing(32).embed(TEXTS))
    assert plain.width == Hashing(32).width
    write_router(tmp_path, {"embedder": plain})
    assert read_router(tmp_path, {})["embedder"] == plain
    with pytest.raises(ConfigurationError, match="tagged"):
        AutoEmbedder(tagged=0)
