"""A fit finds what is there, says so, and says just as plainly that there is nothing."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes, OutcomesError, Preference, Request, Router
from automix_core.estimate import Calibrated
from tests.benchmarks.noise import WEIGHTS, World, losses
from tests.core.conftest import Model, describe, says, stepped
from tests.core.examples import SIGNAL, outcomes, told

XQUAD = Path(__file__).parents[1] / "data" / "xquad_local_models_numeric.jsonl"
KINDS = ("threshold", "double_threshold", "triple_threshold", "pomdp", "knn", "isotonic", "bayes")
TABLES = 40


def informative(rows=300, seed=0, arms=2, **more):
    """The verifier of the small arm knows rather well whether its answer is right."""
    rng = np.random.default_rng(seed)
    chance = np.linspace(0.5, 0.85, arms)
    quality = (rng.random((rows, arms)) < chance).astype(float)
    said = rng.binomial(8, 0.15 + 0.7 * quality) / 8
    cost = np.geomspace(1, 20, arms)
    return outcomes(quality, cost, said, check=cost / 2, **more)


@cache
def fitted(kind="bayes", arms=2):
    return Router.preset("automix", meta_verifier=kind).fit(informative(arms=arms))


# What is found


@pytest.mark.parametrize("kind", [*KINDS, "auto"])
def test_a_gain_that_is_there_is_found_and_is_significant(kind):
    """On fresh rows the router is worth more than either model alone, as its report says."""
    router = fitted(kind)
    report = router.fit_report
    assert report.significant
    assert report.gain[1] > 0
    assert report.verdict.startswith("Routing pays")
    fresh = informative(rows=4000, seed=1)
    weight = 0.3
    seen = router.replay(fresh, Preference(weight))
    value = (seen.quality - weight * seen.cost / 20).mean()
    alone = (fresh.quality - weight * fresh.cost / 20).mean(axis=0)
    assert value > alone.max() + 0.02


@pytest.mark.parametrize("kind", ["bayes", "pomdp"])
def test_what_the_report_promises_holds_on_fresh_rows(kind):
    router, fresh = fitted(kind, 3), informative(rows=4000, seed=1, arms=3)
    for operation in router.fit_report.operations:
        seen = router.replay(fresh, Preference(operation.cost_weight))
        _, low, high = operation.quality
        assert low - 0.02 < seen.quality.mean() < high + 0.02
        _, low, high = operation.cost
        assert 0.9 * low < seen.cost.mean() < 1.1 * high


def test_rows_that_lack_an_arm_do_not_hide_the_gain():
    """It is measured on the rows that hold every arm."""
    table = informative(rows=400, arms=3)
    lost = np.random.default_rng(1).random((400, 3)) < 0.2
    quality = np.where(lost & (np.arange(3) == np.arange(400)[:, None] % 3), np.nan, table.quality)
    holes = outcomes(quality, [1, 4, 20], table.signals[SIGNAL], check=[0.5, 2, 10])
    report = Router.preset("automix", meta_verifier="bayes").fit(holes).fit_report
    assert report.significant
    assert report.operations[0].quality is not None


def test_where_no_row_holds_every_arm_the_gain_is_unknown_and_not_absent():
    table = informative(rows=100)
    quality = np.where(np.arange(100)[:, None] % 2 == np.arange(2), table.quality, np.nan)
    apart = outcomes(quality, [1, 20], table.signals[SIGNAL], check=1.0)
    router = Router.preset("automix").fit(apart)
    assert router.fit_report.gain is None
    assert not router.fit_report.significant
    assert "unknown" in router.fit_report.verdict
    assert np.isfinite(router.replay(apart).quality).all()


def test_pure_noise_is_called_what_it_is():
    for seed in range(2):
        world = World(seed)
        router = Router.preset("automix").fit(world.train())
        assert not router.fit_report.significant
        assert router.fit_report.verdict.startswith("No significant gain: use m")


def test_where_there_is_nothing_to_learn_hardly_anything_is_lost():
    """Beside the best arm asked alone, at most 0.01 in the mean. benchmarks/noise.py takes more."""
    lost = [losses("automix", seed)[0] for seed in range(TABLES)]
    for weight in WEIGHTS:
        assert np.mean([one[weight] for one in lost]) <= 0.01


def test_a_verifier_that_says_nothing_is_not_paid_for():
    router = Router.preset("automix").fit(World(2).train())
    for weight in (0.1, 0.3, 1.0):
        assert not router.replay(World(2).fresh(), Preference(weight)).verified.any()


def test_on_real_tables_the_verdicts_are_dropped_and_the_likelihood_is_kept():
    """Sampled self-verdicts of small models are a coin toss; what they cost is not worth it."""
    table = Outcomes.read(XQUAD).only(["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
    router = Router.preset("calibrated", verifier="auto", meta_verifier="bayes").fit(table)
    report = router.fit_report
    assert set(report.used) >= {"answer_likelihood"}
    assert [leaf.name for leaf in router.verifier.leaves()] == list(report.used)
    area, low, _ = report.signals["answer_likelihood"]["qwen2.5-coder-0.5b"]
    assert low > 0.5
    assert area > 0.65
    assert report.rows == 356
    assert report.groups == 92
    assert any("answer_likelihood (used)" in line for line in report.lines())


def test_a_signal_that_tells_nothing_is_dropped_out_loud():
    from automix_core.verify import AnswerLikelihood, SelfVerification

    table = Outcomes.read(XQUAD).only(["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
    both = AnswerLikelihood() | SelfVerification()
    router = Router.preset("calibrated", verifier=both, meta_verifier="bayes").fit(table)
    report = router.fit_report
    assert report.used == ("answer_likelihood",)
    assert set(report.signals) == {"answer_likelihood", "self_verification"}
    assert any("self_verification (dropped)" in line for line in report.lines())


# Bad input


def test_a_table_of_few_rows_is_refused():
    whole = informative(rows=40)
    for rows in (0, 1, 9):
        with pytest.raises(OutcomesError, match=r"rows"):
            Router.preset("automix").fit(whole.take(slice(0, rows)))


def test_a_table_of_one_group_is_refused():
    with pytest.raises(OutcomesError, match=r"in 1\. "):
        Router.preset("automix").fit(informative(rows=40, groups=["one"] * 40))


def test_a_table_of_one_arm_is_refused():
    with pytest.raises(OutcomesError, match="at least two"):
        Router.preset("automix").fit(informative().only(["m0"]))


def test_an_arm_that_no_row_holds_is_refused():
    table = informative(rows=60, arms=3)
    quality = np.where([False, True, False], np.nan, table.quality)
    lost = outcomes(quality, [1, 4, 20], table.signals[SIGNAL])
    with pytest.raises(OutcomesError, match="No row holds"):
        Router.preset("automix").fit(lost)


def test_costs_that_are_all_nothing_are_refused():
    table = informative()
    free = outcomes(table.quality, [0.0, 0.0], table.signals[SIGNAL])
    with pytest.raises(OutcomesError, match="Every cost"):
        Router.preset("automix").fit(free)


def test_a_table_without_the_verifiers_signal_is_refused_and_those_it_has_are_named():
    with pytest.raises(ConfigurationError, match="self_verification"):
        Router.preset("cascade", verifier="true_probability").fit(informative())


def sound(router, table, weights=(0.0, 0.1, 0.3, 3.0)):
    """The router's report and what it does hold nothing that is not a number."""
    assert router.fit_report.verdict
    assert router.fit_report.lines()
    json.dumps(router.fit_report.as_dict(), allow_nan=False)
    for weight in weights:
        seen = router.replay(table, Preference(weight))
        assert np.isfinite(seen.quality).all()
        assert np.isfinite(seen.cost).all()
    return router


EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@EVERY_KIND
def test_equal_costs_leave_a_plain_choice(kind):
    table = informative(rows=60)
    equal = outcomes(table.quality, [5.0, 5.0], table.signals[SIGNAL], check=1.0)
    router = sound(Router.preset("automix", meta_verifier=kind).fit(equal), equal)
    assert router.replay(equal, Preference(0.1)).arm.mean() > 0.5


@EVERY_KIND
def test_a_large_model_that_is_worse_is_not_paid_for(kind):
    rng = np.random.default_rng(0)
    quality = (rng.random((80, 2)) < [0.8, 0.3]).astype(float)
    table = outcomes(quality, [1, 20], rng.integers(0, 9, (80, 2)) / 8, check=1.0)
    router = sound(Router.preset("automix", meta_verifier=kind).fit(table), table)
    assert router.replay(table, Preference(0.1)).arm.mean() < 0.05
    assert not router.fit_report.significant
    assert "use m0" in router.fit_report.verdict


@EVERY_KIND
def test_a_free_small_model_and_a_free_verifier_are_fine(kind):
    table = informative(rows=80)
    free = outcomes(table.quality, [0.0, 20.0], table.signals[SIGNAL], check=0.0)
    router = sound(Router.preset("automix", meta_verifier=kind).fit(free), free)
    assert router.replay(free, Preference(0.3)).verified[:, 0].any()
    for preference in (Preference(budget=4.0), Preference(maximise="ibc_lift")):
        assert np.isfinite(router.replay(free, preference).quality).all()


@EVERY_KIND
def test_missing_verdicts_and_missing_arms_are_fine(kind):
    rng = np.random.default_rng(1)
    table = informative(rows=120, arms=3)
    lost = rng.random((120, 3)) < 0.25
    lost[np.arange(120), np.arange(120) % 3] = False
    said = np.where(rng.random((120, 3)) < 0.3, np.nan, table.signals[SIGNAL])
    holes = outcomes(np.where(lost, np.nan, table.quality), [1, 4, 20], said, check=1.0)
    sound(Router.preset("automix", meta_verifier=kind).fit(holes), holes)


@EVERY_KIND
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_arm_that_a_single_group_holds_is_never_chosen_for_what_is_not_known(kind):
    """In one fold nothing at all is known of it."""
    table = informative(rows=60, arms=3)
    rare = np.zeros((60, 3), dtype=bool)
    rare[3:, 1] = True
    holes = outcomes(
        np.where(rare, np.nan, table.quality),
        [1, 4, 20],
        table.signals[SIGNAL],
        check=1.0,
        groups=np.maximum(np.arange(60), 2),
    )
    sound(Router.preset("automix", meta_verifier=kind).fit(holes), holes)


@EVERY_KIND
def test_no_verdict_at_all_is_a_defined_result(kind):
    table = informative(rows=60)
    mute = outcomes(table.quality, [1, 20], np.full((60, 2), np.nan), check=1.0)
    try:
        router = Router.preset("automix", meta_verifier=kind).fit(mute)
    except ConfigurationError as error:
        assert "self_verification" in str(error)  # noqa: PT017 - either is a defined result
    else:
        sound(router, mute)


@EVERY_KIND
def test_qualities_that_are_all_alike_are_a_defined_result(kind):
    table = informative(rows=40)
    for same in (0.0, 1.0):
        alike = outcomes(np.full((40, 2), same), [1, 20], table.signals[SIGNAL], check=1.0)
        router = sound(Router.preset("automix", meta_verifier=kind).fit(alike), alike)
        assert not router.fit_report.significant
        assert (router.replay(alike, Preference(0.1)).arm == 0).all()


def test_ten_rows_are_enough_to_say_that_they_are_not():
    few = informative(rows=10)
    for kind in KINDS:
        sound(Router.preset("automix", meta_verifier=kind).fit(few), few)


# Saving


@pytest.mark.parametrize("kind", [*KINDS, "auto"])
def test_a_fitted_router_is_saved_with_all_it_found(kind, tmp_path):
    router, fresh = fitted(kind), informative(rows=300, seed=2)
    router.save(tmp_path)
    loaded = Router.load(tmp_path)
    assert loaded.fit_report == router.fit_report
    assert loaded.fit_report.lines() == router.fit_report.lines()
    assert isinstance(loaded.estimator, Calibrated)
    assert loaded.as_dict() == router.as_dict()
    for preference in (Preference(0.1), Preference(0.3), Preference(budget=8.0)):
        one, other = (r.replay(fresh, preference, seed=1) for r in (router, loaded))
        for column in ("arm", "asked", "verified", "quality", "cost"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


def test_a_saved_router_goes_to_work_on_models_of_the_same_names(tmp_path):
    fitted().save(tmp_path)
    loaded = Router.load(tmp_path)
    at_work = loaded.bind([Model("m1"), Model("m0")], describe=describe)
    assert at_work.arms.names == ("m0", "m1")
    outcome, _ = stepped(
        at_work.route(Request("What is it?", "It is so.")),
        lambda ask: says("Verdict: correct") if ask.purpose == "verify" else says("It is so."),
    )
    assert outcome.decision.status == "accepted"
    assert at_work.fit_report == loaded.fit_report


def test_a_saved_router_refuses_models_of_other_names(tmp_path):
    fitted().save(tmp_path)
    with pytest.raises(ConfigurationError, match="names must match"):
        Router.load(tmp_path).bind([Model("m0"), Model("gpt")], describe=describe)


def test_it_refuses_to_replay_a_table_of_other_arms():
    with pytest.raises(ConfigurationError, match="names must match"):
        fitted().replay(informative(arms=3))


def test_the_same_seed_fits_the_same_router():
    one, other = (Router.preset("automix").fit(informative(), seed=3) for _ in range(2))
    assert one.as_dict() == other.as_dict()


def test_fitting_leaves_the_router_as_it_was():
    router = Router.preset("automix")
    before = router.as_dict()
    router.fit(informative(rows=40))
    assert router.as_dict() == before
    assert router.fit_report is None


def test_qualities_may_be_fractions():
    of = told(200, 2, 0)
    table = outcomes(of.quality * 0.7 + 0.1, [1, 10], of.confidence, check=1.0)
    sound(Router.preset("automix", meta_verifier="bayes").fit(table), table)
