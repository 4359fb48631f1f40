"""What a router at work in a stream keeps to."""

from dataclasses import dataclass

import numpy as np
import pytest

from automix_core import Preference, fitting
from automix_core.decide import Value
from automix_core.evaluate.stream.choosers import Mind, places_of
from automix_core.evaluate.stream.course import follow
from automix_core.evaluate.stream.protocol import Change, Stream
from automix_core.evaluate.stream.scene import Scene
from automix_core.evaluate.stream.speeds import Speed, timed
from automix_core.evidence import Estimates
from automix_core.parts import Estimator
from automix_core.replay import Recorded
from automix_core.verify import AnswerLikelihood
from tests.core.evaluate.stream.tables import ARMS, table


@dataclass(frozen=True, eq=False)
class Content(Estimator):
    """Thinks all arms alike, is content with any answer in hand, and can be told of other arms."""

    def estimate(self, evidence, preference):
        quality = np.where(evidence.answered, 1.0, 0.5)
        return Estimates.of(evidence, quality, np.zeros(quality.shape))

    def over(self, places):
        return self


def course_of(*changes, estimator=None):
    """The scene and the log of requests that come each second, to arms that take 7 s."""
    speeds = {arm: Speed(startup=7.0, tokens_per_second=1e9, parallel=500) for arm in ARMS}
    full, paces = timed(table(60, likelihood=True), speeds)
    scene = Scene.of(full, paces, Stream(requests=10, train_share=0.5, changes=changes))
    verifier = AnswerLikelihood()
    workload = fitting.recorded_by(scene.train, verifier).workload
    recorded = Recorded.of(scene.requests, verifier, workload)
    ways = ((1.0, Preference(0.1)),)
    parts = estimator or Content(), Value()
    mind = Mind(scene, recorded, *parts, ways, reference_cost=1.0, flexible=True)
    return scene, follow(scene, mind)


def test_an_answer_in_hand_is_kept_though_its_arm_is_gone():
    scene, log = course_of(Change("small", 15.0, comes=False))
    before = scene.arrived < 15
    assert before.sum() == 15
    assert (log.arm == np.where(before, 0, 1)).all()
    assert log.finished - scene.arrived == pytest.approx(np.full(30, 7.0))
    assert (log.asked.sum(axis=1) == 1).all()


def test_who_comes_is_asked_at_once():
    scene, log = course_of(Change("small", 15.0, comes=True))
    assert (log.arm == np.where(scene.arrived < 15, 1, 0)).all()


def test_places_are_told_as_estimators_want_them():
    before, now = np.array([0, 2, 3]), np.array([0, 1, 3])
    assert places_of(before, now) == [0, None, 2]
