"""RouteLLM's metrics, with the coin as the yardstick."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.metrics import apgr, cpt, pgr, routed_share

GAP = {"weak": 0.4, "strong": 0.8}


def test_pgr_is_0_at_the_weak_model_and_1_at_the_strong_one():
    assert pgr(0.4, **GAP) == 0
    assert pgr(0.8, **GAP) == 1
    assert pgr(0.6, **GAP) == pytest.approx(0.5)
    assert pgr(0.9, **GAP) > 1


@given(shares=st.lists(st.floats(0, 1), max_size=6), target=st.floats(0.01, 1))
def test_a_coin_recovers_what_it_spends(shares, target):
    quality = [0.4 + 0.4 * share for share in shares]
    assert apgr(shares, quality, **GAP) == pytest.approx(0.5)
    assert cpt(shares, quality, target, **GAP) == pytest.approx(target)


def test_a_router_that_knows_recovers_more_for_less():
    share, quality = [0.25], [0.8]
    assert apgr(share, quality, **GAP) == pytest.approx(0.88, abs=0.005)
    assert cpt(share, quality, 0.5, **GAP) == pytest.approx(0.125)
    assert cpt(share, quality, 0.8, **GAP) == pytest.approx(0.2)


def test_of_settings_with_equal_shares_the_best_counts_whatever_their_order():
    for quality in ([0.5, 0.7], [0.7, 0.5]):
        assert cpt([0.5, 0.5], quality, 0.75, **GAP) == pytest.approx(0.5)
        assert apgr([0.5, 0.5], quality, **GAP) == pytest.approx(apgr([0.5], [0.7], **GAP))


def test_a_target_above_everything_is_never_reached():
    assert cpt([0.5], [0.6], 1.2, **GAP) is None
    assert cpt([0.5], [0.6], 0.0, **GAP) == 0


def test_a_router_better_than_the_strong_model_reaches_more_than_1():
    assert cpt([0.5], [0.9], 1.2, **GAP) == pytest.approx(0.48)


@pytest.mark.parametrize("strong", [0.4, 0.3, float("nan")])
def test_without_a_gap_nothing_is_recovered(strong):
    gap = {"weak": 0.4, "strong": strong}
    assert pgr(0.5, **gap) is None
    assert apgr([0.5], [0.5], **gap) is None
    assert cpt([0.5], [0.5], 0.5, **gap) is None


@pytest.mark.parametrize(("share", "quality"), [(1.5, 0.5), (-0.1, 0.5), (0.5, np.nan)])
def test_shares_and_qualities_must_be_numbers_that_can_be(share, quality):
    with pytest.raises(ConfigurationError, match="share must lie"):
        apgr([share], [quality], **GAP)


def test_routed_share_counts_answers():
    assert routed_share([0, 2, 2, 0], 3).tolist() == [0.5, 0, 0.5]
    with pytest.raises(ConfigurationError, match="at least one row"):
        routed_share([], 3)
