"""Before an answer the request speaks, after a verdict the verdict."""

from dataclasses import replace

import numpy as np

from automix_core import Preference
from automix_core.estimate import Bayes, Joint, RidgeQuality
from tests.core.examples import every_state, told


def test_verified_answers_are_judged_by_the_verdict_and_all_else_by_the_request():
    train = replace(told(300, 3, seed=0, missing=0.2), signals={})
    evidence = every_state(told(80, 3, seed=1, missing=0.3))
    joint = Joint(RidgeQuality(), Bayes()).fit(train)
    before, after, made = (
        part.estimate(evidence, Preference())
        for part in (RidgeQuality().fit(train), Bayes().fit(train), joint)
    )
    judged = evidence.answered & ~np.isnan(evidence.confidence)
    assert 0 < judged.sum() < evidence.answered.sum()
    np.testing.assert_array_equal(made.quality[judged], after.quality[judged])
    np.testing.assert_array_equal(made.quality[~judged], before.quality[~judged])
    np.testing.assert_array_equal(made.sd[judged], after.sd[judged])
    np.testing.assert_array_equal(made.sd[~judged], before.sd[~judged])


def test_it_is_known_by_both_names():
    assert Joint(RidgeQuality(), Bayes()).label == "ridge and bayes"
