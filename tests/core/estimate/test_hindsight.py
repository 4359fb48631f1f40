"""Hindsight: a yardstick in replays, shown to no other estimator and of no use live."""

from dataclasses import dataclass

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes, Preference, Router
from automix_core.decide import Best, Value
from automix_core.estimate import Calibrated, Hindsight, Joint, Prior
from automix_core.evidence import Estimates
from automix_core.metrics import oracle
from automix_core.parts import Estimator
from automix_core.verify import AnswerLikelihood, Unverified
from tests.core.conftest import bound

WEIGHTS = (0.01, 0.1, 0.3, 3.0)


def world(rows=200, seed=0, missing=0.0, signal=False):
    """Three arms whose answers cost something else each time; quality is the toss of a coin."""
    rng = np.random.default_rng(seed)
    objects = []
    for row in range(rows):
        arms = {}
        for place, name in enumerate(("small", "middle", "large")):
            if place and rng.random() < missing:
                continue
            cost = 0.01 * 4**place * rng.uniform(0.5, 1.5)
            arms[name] = {"quality": float(rng.random() < 0.4 + 0.2 * place), "cost": cost}
            arms[name]["latency"] = float(rng.uniform(1, 2))
            if signal:
                arms[name]["signals"] = {"answer_likelihood": float(rng.random())}
        objects.append({"id": f"q{row}", "arms": arms})
    return Outcomes.of(objects)


def hindsight(**fields):
    return Router(Unverified(), Hindsight(), Best(), **fields)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_it_finds_the_arms_that_the_metric_finds(weight, missing):
    table = world(missing=missing)
    seen = hindsight().replay(table, Preference(weight))
    reference = float(np.nanmean(table.cost, axis=0)[-1])
    found = oracle(table.quality, table.cost, cost_weight=weight, reference_cost=reference)
    np.testing.assert_array_equal(seen.arm, found)
    assert len(set(found.tolist())) > 1


def test_with_cost_no_object_it_reaches_the_best_quality_of_every_row():
    table = world()
    seen = hindsight().replay(table, Preference(0.0))
    np.testing.assert_array_equal(seen.quality, table.quality.max(axis=1))
    assert (seen.asked.sum(axis=1) == 1).all()
    assert not seen.verified.any()


def test_it_knows_the_latency_of_every_answer_as_well():
    table = world()
    seen = hindsight().replay(table, Preference(0.0, latency_weight=1000))
    np.testing.assert_array_equal(seen.latency, table.latency.min(axis=1))


def test_a_fit_teaches_it_nothing_but_mean_costs():
    fitted = Router.preset("oracle").fit(world(seed=1))
    assert fitted.estimator == Hindsight()
    held = world(seed=2)
    np.testing.assert_array_equal(
        fitted.replay(held, Preference(0.0)).quality, held.quality.max(axis=1)
    )
    assert fitted.fit_report.significant


@dataclass(frozen=True)
class Watching(Estimator):
    """Notes whether it was shown the truth."""

    name = "watching"
    inner: Estimator
    seen: list

    def fit(self, examples):
        return Watching(self.inner.fit(examples), self.seen)

    def estimate(self, evidence, preference) -> Estimates:
        self.seen.append(evidence.truth)
        return self.inner.estimate(evidence, preference)


@pytest.mark.parametrize(
    ("verifier", "policy"), [(Unverified(), Best()), (AnswerLikelihood(), Value())]
)
def test_no_other_estimator_is_ever_shown_the_truth(verifier, policy):
    seen = []
    router = Router(verifier, Watching(Prior(), seen), policy).fit(world(signal=True))
    fitting = len(seen)
    router.replay(world(seed=1, signal=True))
    assert 0 < fitting < len(seen)
    assert all(truth is None for truth in seen)


@pytest.mark.parametrize("wrapper", [Calibrated(Hindsight()), Joint(Hindsight())])
def test_nor_can_one_look_through_it(wrapper):
    with pytest.raises(ConfigurationError, match="outcomes that were recorded"):
        Router(AnswerLikelihood(), wrapper, Value()).replay(world(signal=True))


def test_live_it_is_refused_before_anything_is_asked():
    with pytest.raises(ConfigurationError, match=r"'oracle' knows every outcome.*Router\.replay"):
        bound(Router.preset("oracle"))


@pytest.mark.parametrize("ready", [False, True])
def test_it_cannot_be_saved_for_use(ready, tmp_path):
    router = Router.preset("oracle")
    with pytest.raises(ConfigurationError, match=r"cannot be saved for use.*automix evaluate"):
        (router.fit(world()) if ready else router).save(tmp_path / "router")
    assert not (tmp_path / "router").exists()
