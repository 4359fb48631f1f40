"""Forecasts of cost and latency: they follow length, prices and load, and leave quality alone."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError, Outcomes, Preference, Router
from automix_core.decide import Best
from automix_core.estimate import Amounts, Forecast, NeighbourQuality, Prior
from automix_core.evidence import Estimates, Evidence, Examples
from automix_core.fitting import recorded_by
from automix_core.parts import Estimator
from automix_core.verify import Unverified

XQUAD = Path(__file__).parents[2] / "data" / "xquad_local_models_numeric.jsonl"
RATES = np.array([[1e-6, 2e-6], [1e-5, 4e-5]])
UNKNOWN = np.array([[np.nan, np.nan]] * 2)


@dataclass(frozen=True)
class Told(Estimator):
    """Fixed estimates of quality; knows how it was treated."""

    name = "told_in_tests"
    heard: tuple = ()

    def fit(self, examples):
        return replace(self, heard=(*self.heard, "fit"))

    def learn(self, examples):
        return replace(self, heard=(*self.heard, len(examples)))

    def over(self, places):
        return replace(self, heard=(*self.heard, tuple(places)))

    def estimate(self, evidence, preference):
        half = np.full(evidence.able.shape, 0.5)
        return replace(Estimates.of(evidence, half, half / 2, half), novelty=half / 4)


def examples(rows=400, seed=0, *, tokens=True, latency=True):
    """Two sorts of request; the first arm's answers are long in one, the second's never differ."""
    rng = np.random.default_rng(seed)
    sort = rng.random(rows) < 0.5
    features = np.where(sort[:, None], [1.0, 0.0], [0.0, 1.0]) + rng.normal(0, 0.1, (rows, 2))
    sent = rng.integers(100, 900, rows)[:, None] * [0.8, 1.2]
    got = np.stack([np.where(sort, 500.0, 50.0) * rng.lognormal(0, 0.2, rows), np.full(rows, 80)])
    got = got.T
    return Examples(
        quality=rng.random((rows, 2)),
        confidence=np.full((rows, 2), np.nan),
        features=features,
        cost=sent * RATES[:, 0] + got * RATES[:, 1],
        latency=[0.5, 2.0] + [0.01, 0.05] * got if latency else None,
        input_tokens=sent if tokens else None,
        output_tokens=got if tokens else None,
    ), sort


def evidence(of, rows=slice(None), **given):
    """Nothing was asked yet, and nothing but the given things is known."""
    shape = of.quality[rows].shape
    known = Evidence(
        able=np.ones(shape, dtype=bool),
        answered=np.zeros(shape, dtype=bool),
        confidence=np.full(shape, np.nan),
        cost=np.tile([0.0012, 0.011], (shape[0], 1)),
        checking=np.tile([0.0002, 0.0], (shape[0], 1)),
        reference_cost=0.011,
        draw=np.zeros(shape[0]),
        features=of.features[rows],
    )
    return replace(known, **given)


TRAIN, _ = examples()
HELD, SORT = examples(200, 1)
FITTED = Forecast(Told()).fit(TRAIN)
PROMPTS = HELD.input_tokens.mean(axis=1)


def estimated(of=FITTED, preference=None, **given):
    return of.estimate(evidence(HELD, **given), preference or Preference())


def test_quality_is_that_of_the_inner_estimator():
    made, inner = estimated(), Told().estimate(evidence(HELD), Preference())
    for name in ("quality", "sd", "ahead", "novelty"):
        np.testing.assert_array_equal(getattr(made, name), getattr(inner, name))


def test_cost_is_forecast_from_the_prompt_and_the_expected_length_at_the_going_rates():
    made = estimated(rates=RATES, prompt_tokens=PROMPTS)
    np.testing.assert_allclose(made.cost[:, 1], HELD.cost[:, 1], rtol=1e-9)  # its length is sure
    answer = made.cost[:, 0] - 0.0002  # with its check
    assert np.corrcoef(answer, HELD.cost[:, 0])[0, 1] > 0.95
    assert answer[SORT].mean() > 1.8 * answer[~SORT].mean()


def test_prices_change_without_a_new_fit():
    before = estimated(rates=RATES, prompt_tokens=PROMPTS).cost[:, 1]
    dearer = estimated(rates=3 * RATES, prompt_tokens=PROMPTS).cost[:, 1]
    wordy = estimated(rates=RATES * [1, 2], prompt_tokens=PROMPTS).cost[:, 1]
    np.testing.assert_allclose(dearer, 3 * before)
    np.testing.assert_allclose(wordy - before, 80 * RATES[1, 1])


@pytest.mark.parametrize("tokens", [None, np.full(200, np.nan)], ids=["none", "nan"])
def test_a_prompt_of_unknown_length_is_taken_for_one_of_the_usual_length(tokens):
    made = estimated(rates=RATES, prompt_tokens=tokens)
    expected = TRAIN.input_tokens[:, 1].mean() * RATES[1, 0] + 80 * RATES[1, 1]
    np.testing.assert_allclose(made.cost[:, 1], expected)


@pytest.mark.parametrize("rates", [None, UNKNOWN], ids=["none", "nan"])
def test_where_prices_are_unknown_the_listed_cost_stands(rates):
    np.testing.assert_array_equal(estimated(rates=rates).cost, evidence(HELD).cost)


def test_one_unknown_price_leaves_the_other_forecast():
    made = estimated(rates=np.array([RATES[0], [np.nan, np.nan]]), prompt_tokens=PROMPTS)
    np.testing.assert_array_equal(made.cost[:, 1], 0.011)
    assert made.cost[:, 0].std() > 0


def test_where_tokens_are_unknown_the_listed_cost_follows_what_such_requests_cost():
    blind, _ = examples(tokens=False, latency=False)
    made = estimated(Forecast(Told()).fit(blind), rates=RATES, prompt_tokens=PROMPTS)
    answer = made.cost[:, 0] - 0.0002
    assert answer[SORT].mean() > 1.8 * answer[~SORT].mean()
    np.testing.assert_allclose(answer.mean(), 0.001, rtol=0.1)
    np.testing.assert_allclose(made.cost[:, 1], 0.011)  # nothing tells its requests apart
    assert np.isnan(made.latency).all()


def test_where_only_constant_costs_are_known_the_listed_ones_stand_until_feedback_tells_more():
    blank = replace(TRAIN, latency=None, input_tokens=None, output_tokens=None)
    dull = replace(blank, cost=np.tile([0.001, 0.011], (len(TRAIN), 1)))
    fitted = Forecast(Told()).fit(dull)
    np.testing.assert_array_equal(estimated(fitted).cost, evidence(HELD).cost)
    waiting = np.tile([0.0, 3.0], (len(HELD), 1))
    np.testing.assert_array_equal(estimated(fitted, waiting=waiting).latency[:, 1], np.nan)
    dearer = fitted.learn(replace(dull.take(slice(0, 50)), cost=np.full((50, 2), 0.022)))
    assert (estimated(dearer).cost[:, 1] > 0.0112).all()
    told = fitted.learn(replace(dull.take(slice(0, 50)), latency=np.full((50, 2), 4.0)))
    np.testing.assert_allclose(estimated(told, waiting=waiting).latency, 4.0 + waiting)


def test_latency_is_start_up_and_pace_times_length():
    made = estimated()
    np.testing.assert_allclose(made.latency[:, 1], 2 + 0.05 * 80)
    assert np.corrcoef(made.latency[:, 0], HELD.latency[:, 0])[0, 1] > 0.9


def test_a_busy_arm_takes_longer_by_the_wait():
    waiting = np.tile([7.0, 0.0], (200, 1))
    busy = estimated(waiting=waiting).latency
    np.testing.assert_allclose(busy - estimated().latency, waiting, atol=1e-12)


def test_with_a_latency_weight_traffic_moves_away_from_a_busy_arm_and_comes_back():
    def share(wait):
        waiting = np.tile([wait, 0.0], (200, 1))
        given = {"rates": RATES, "prompt_tokens": PROMPTS, "waiting": waiting}
        wish = Preference(cost_weight=0.1, latency_weight=0.02)
        made = estimated(preference=wish, **given)
        return (Best().decide(made, evidence(HELD, **given), wish).arm == 0).mean()

    assert (share(0.0), share(60.0), share(0.0)) == (1.0, 0.0, 1.0)


def test_an_answer_in_hand_costs_nothing_more_whatever_was_forecast():
    answered = np.tile([True, False], (200, 1))
    made = estimated(answered=answered, rates=RATES, waiting=np.full((200, 2), 3.0))
    assert (made.cost[:, 0] == 0).all()
    assert (made.latency[:, 0] == 0).all()
    assert (made.cost[:, 1] > 0).all()


def test_where_the_embedder_failed_lengths_are_the_mean_ones():
    made = estimated(features=None, rates=RATES, prompt_tokens=PROMPTS)
    expected = PROMPTS * 0.8 * RATES[0, 0] + TRAIN.output_tokens[:, 0].mean() * RATES[0, 1] + 0.0002
    np.testing.assert_allclose(made.cost[:, 0], expected)


def test_one_row_and_nothing_known_at_all_are_defined():
    one = Forecast(Told()).fit(TRAIN.take(slice(1)))
    made = estimated(one, rates=RATES, prompt_tokens=PROMPTS)
    assert np.isfinite(made.cost).all()
    assert np.isfinite(made.latency).all()
    bare = Examples(np.full((3, 2), np.nan), np.full((3, 2), np.nan), cost=np.full((3, 2), np.nan))
    made = estimated(Forecast(Told()).fit(bare), rates=RATES, prompt_tokens=PROMPTS)
    np.testing.assert_array_equal(made.cost, evidence(HELD).cost)


@pytest.mark.parametrize("forgetting", [0.0, 1.1, float("nan")])
def test_forgetting_is_checked(forgetting):
    with pytest.raises(ConfigurationError, match="forgetting"):
        Forecast(forgetting=forgetting)


def test_it_says_what_it_wraps_and_that_it_reads_sizes():
    assert Forecast(NeighbourQuality()).label == "nearest with forecast"
    assert Forecast().forecasts
    assert not NeighbourQuality().forecasts


# Feedback, and arms that come and go.


def feedback(arm, rows=1, **known):
    """Feedback about one arm: whatever is given of it, and nothing of the other."""
    given = {}
    for name, value in {"quality": 1.0, **known}.items():
        given[name] = np.full((rows, 2), np.nan)
        given[name][:, arm] = value
    blank = np.full((rows, 2), np.nan)
    return Examples(confidence=blank, features=HELD.features[:rows], **given)


def test_feedback_reaches_the_inner_estimator_and_moves_cost_and_latency_of_its_arm():
    told = feedback(1, 200, output_tokens=800.0, latency=60.0, input_tokens=1000.0)
    now = replace(FITTED, forgetting=0.95).learn(told)
    assert now.quality.heard == ("fit", 200)
    given = {"rates": RATES, "prompt_tokens": PROMPTS}
    before, after = estimated(**given), estimated(now, **given)
    np.testing.assert_array_equal(after.cost[:, 0], before.cost[:, 0])
    np.testing.assert_array_equal(after.latency[:, 0], before.latency[:, 0])
    grown = after.cost[:, 1] - before.cost[:, 1]
    np.testing.assert_allclose(grown, 720 * RATES[1, 1], rtol=0.01)
    np.testing.assert_allclose(after.latency[:, 1], 60.0, rtol=0.05)


def test_feedback_on_cost_alone_moves_an_arm_whose_tokens_are_unknown():
    blind, _ = examples(tokens=False)
    before = Forecast(Told(), forgetting=0.95).fit(blind)
    after = before.learn(feedback(1, 200, cost=3 * blind.cost[:, 1].mean()))
    ratio = estimated(after).cost[:, 1] / estimated(before).cost[:, 1]
    np.testing.assert_allclose(ratio, 3.0, rtol=0.05)


def test_feedback_without_any_figures_changes_no_forecast():
    now = FITTED.learn(feedback(0, 5))
    given = {"rates": RATES, "prompt_tokens": PROMPTS}
    np.testing.assert_array_equal(estimated(now, **given).cost, estimated(**given).cost)


def test_what_never_was_fitted_passes_feedback_on():
    assert Forecast(Told()).learn(feedback(0)).quality.heard == (1,)


@given(places=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=4))
def test_forecasts_of_arms_that_stay_do_not_change_by_a_bit(places):
    learned = Forecast(Told(), Amounts(k=0)).fit(TRAIN)
    moved = learned.over(places)
    assert moved.quality.heard == ("fit", tuple(places))
    nothing = np.zeros((20, len(places)))
    other = evidence(
        HELD,
        slice(20),
        able=nothing == 0,
        answered=nothing > 0,
        cost=nothing + 0.01,
        checking=nothing,
        rates=np.array([[np.nan, np.nan] if p is None else RATES[p] for p in places]),
        prompt_tokens=PROMPTS[:20],
    )
    after = moved.estimate(other, Preference())
    given = {"rates": RATES, "prompt_tokens": PROMPTS[:20], "checking": np.zeros((20, 2))}
    usual = evidence(HELD, slice(20), **given)
    before = learned.estimate(usual, Preference())
    for to, place in enumerate(places):
        if place is None:
            np.testing.assert_array_equal(after.cost[:, to], 0.01)
            assert np.isnan(after.latency[:, to]).all()
        else:
            np.testing.assert_array_equal(after.cost[:, to], before.cost[:, place])
            np.testing.assert_array_equal(after.latency[:, to], before.latency[:, place])


def test_it_comes_back_from_disk_with_all_that_it_learned(tmp_path):
    learned = Forecast(Prior()).fit(TRAIN).learn(feedback(0, 9, output_tokens=10.0, latency=1.0))
    Router(Unverified(), learned, Best()).save(tmp_path)
    loaded = Router.load(tmp_path).estimator
    given = {"rates": RATES, "prompt_tokens": PROMPTS}
    for name in ("quality", "cost", "latency"):
        one, other = (getattr(estimated(x, **given), name) for x in (learned, loaded))
        np.testing.assert_array_equal(one, other)
    again = (x.learn(feedback(1, 3, output_tokens=5.0)) for x in (learned, loaded))
    one, other = (estimated(x, **given).cost for x in again)
    np.testing.assert_array_equal(one, other)


# Answers of real models.


def test_on_real_answers_cost_is_forecast_far_better_than_by_its_mean():
    """The prompt makes most of it, and its length is known; answers are short and alike."""
    table = Outcomes.read(XQUAD)
    train, held = table.split(0.5, 0)
    seen = recorded_by(train, Unverified())
    rows = replace(recorded_by(held, Unverified()), workload=seen.workload)
    nothing = np.zeros(held.cost.shape, dtype=bool)
    known = rows.evidence(np.arange(len(held)), nothing, np.zeros(len(held)))
    made = Forecast(Prior()).fit(seen.examples).estimate(known, Preference())
    missed = ((held.cost - made.cost) ** 2).sum(axis=0)
    by_mean = ((held.cost - train.cost.mean(axis=0)) ** 2).sum(axis=0)
    assert (missed < 0.1 * by_mean).all()
