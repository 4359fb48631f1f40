"""A study: what it says is what the router did on rows that it had not seen."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from automix_core import Preference, Router
from automix_core.errors import OutcomesError
from automix_core.evaluate.report.measuring import study_of
from automix_core.outcomes import Outcomes

COSTS = {"small": 1e-5, "large": 1e-4}


def world(rows=600, *, telling=True, seed=0):
    """Rows on which the small model's own likelihood tells, or does not, whether it is right."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(rows):
        right = rng.random() < 0.6
        heard = np.clip(rng.normal(0.8 if right and telling else 0.3, 0.12), 0.01, 0.99)
        small = {
            "quality": float(right),
            "cost": COSTS["small"],
            "latency": 0.5,
            "signals": {"answer_likelihood": float(heard)},
        }
        better = float(rng.random() < 0.9)
        large = {"quality": better, "cost": COSTS["large"], "latency": 2.0}
        made.append(
            {
                "id": f"q{number}",
                "question": f"What is {number}?",
                "group": f"g{number // 3}",
                "arms": {"small": small, "large": large},
            }
        )
    return made


@cache
def good():
    return study_of(Outcomes.of(world()), "cascade")


def test_a_telling_signal_is_a_gain_and_noise_is_none():
    assert good().gain
    assert good().verdict.startswith("Saves ")
    noise = study_of(Outcomes.of(world(telling=False)), "cascade")
    assert not noise.gain
    assert noise.verdict.startswith("NO SIGNIFICANT GAIN: use ")


def test_it_is_fitted_on_some_rows_and_judged_on_the_others():
    outcomes = Outcomes.of(world())
    train, held = outcomes.split(0.4, 3)
    found = study_of(outcomes, "cascade", train_share=0.4, seed=3)
    seen = Router.preset("cascade").fit(train, seed=3).replay(held, Preference(), seed=3)
    router = found.of("router")[0]
    assert router.quality.mean == pytest.approx(seen.quality.mean())
    assert router.cost.mean == pytest.approx(seen.cost.mean())
    assert router.latency.mean == pytest.approx(seen.latency.mean())
    method = dict(found.method)
    assert method["Judged on"].startswith(f"{len(held)} questions in ")
    assert method["Fitted on"].startswith(f"{len(train)} other questions in ")
    assert not found.remarks


def test_a_router_that_was_fitted_before_is_judged_on_all_rows_with_a_warning():
    fitted = Router.preset("cascade").fit(Outcomes.of(world(seed=1)))
    outcomes = Outcomes.of(world())
    found = study_of(outcomes, fitted)
    assert found.router == "cascade"
    assert dict(found.method)["Judged on"].startswith("600 questions")
    assert "only if it has not seen these rows" in found.remarks[0]
    seen = fitted.replay(outcomes, Preference())
    assert found.of("router")[0].quality.mean == pytest.approx(seen.quality.mean())


def test_baselines_stand_beside_the_router():
    outcomes = Outcomes.of(world())
    held = outcomes.split(0.5, 0)[1]
    points = {point.name: point for point in good().points}
    assert [p.kind for p in good().points] == ["router", "model", "model", "mixing", "oracle"]
    assert points["small"].quality.mean == pytest.approx(held.quality[:, 0].mean())
    assert points["large"].cost.mean == pytest.approx(1e-4)
    assert points["oracle"].quality.mean == pytest.approx(held.quality.max(axis=1).mean())
    assert points["oracle"].quality.mean >= points["cascade"].quality.mean
    mixing, router = points["random mixing"], points["cascade"]
    assert mixing.cost.mean == pytest.approx(router.cost.mean)
    share = (router.cost.mean - 1e-5) / 9e-5
    low, high = (points[name].quality.mean for name in ("small", "large"))
    assert mixing.quality.mean == pytest.approx(low + share * (high - low))
    for point in good().points:
        assert point.quality.low <= point.quality.mean <= point.quality.high


def test_the_hull_and_the_curve_rise():
    for corners in (good().hull, [(p.cost, p.quality.mean) for p in good().curve]):
        cost = np.array(corners)[:, 0]
        assert len(cost) >= 2
        assert (np.diff(cost) > 0).all()
    weights = [point.cost_weight for point in good().curve]
    assert 0.0 in weights
    router = good().of("router")[0]
    assert any(point.cost == pytest.approx(router.cost.mean) for point in good().curve)


def test_shares_add_up():
    assert sum(share.answers for share in good().shares) == pytest.approx(1)
    assert sum(share.spend + share.checks for share in good().shares) == pytest.approx(1)


def test_verification_is_part_of_the_spend():
    rows = world()
    for row in rows:
        small = row["arms"]["small"]
        small["confidence"] = small["signals"].pop("answer_likelihood")
        small["verification"] = {"cost": 5e-6, "latency": 0.1, "samples": 8, "valid": 8}
    found = study_of(Outcomes.of(rows), "automix")
    router, small = found.of("router")[0], found.shares[0]
    assert small.checks * router.cost.mean == pytest.approx(5e-6)
    assert found.shares[1].checks == 0


def test_the_rows_that_lost_most_come_first():
    lost = [regret.best_quality - regret.quality for regret in good().regrets]
    assert 0 < len(lost) <= 10
    assert lost == sorted(lost, reverse=True)
    assert min(lost) > 0
    first = good().regrets[0]
    assert first.question == f"What is {first.id[1:]}?"
    sure = [r.confidence for r in good().regrets if r.confidence is not None]
    assert sure == sorted(sure, reverse=True)


def test_beliefs_are_of_the_arms_that_are_verified():
    (belief,) = good().beliefs
    assert belief.arm == "small"
    assert belief.auc.mean > 0.9
    assert sum(b.count for b in belief.bins) == len(Outcomes.of(world()).split(0.5, 0)[1])
    assert [b.believed for b in belief.bins] == sorted(b.believed for b in belief.bins)


def test_rows_without_an_answer_of_every_model_are_left_out_and_counted():
    rows = world()
    for row in rows[::10]:
        del row["arms"]["large"]
    found = study_of(Outcomes.of(rows), "cascade")
    method = dict(found.method)
    left_out = int(method["Left out"].split()[0])
    assert 15 <= left_out <= 45
    judged = int(method["Judged on"].split()[0])
    assert judged + left_out == len(Outcomes.of(rows).split(0.5, 0)[1])


def test_an_unknown_latency_is_unknown_and_not_0():
    rows = world()
    for row in rows:
        del row["arms"]["large"]["latency"]
    found = {p.name: p for p in study_of(Outcomes.of(rows), "cascade").points}
    assert found["large"].latency is None
    assert found["small"].latency.mean == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("preference", "setting", "instead"),
    [
        (Preference(0.6), "cost weight 0.6", "small"),
        (Preference(0.0), "cost weight 0", "large"),
        (Preference(budget=5e-5), "mean budget of $0.0500 per 1,000 requests", "small"),
        (Preference(min_quality=0.7), "mean quality of at least 0.7", "large"),
        (Preference(min_quality=0.3), "mean quality of at least 0.3", "small"),
    ],
)
def test_the_setting_is_told_and_the_advice_keeps_to_it(preference, setting, instead):
    rows = world(telling=False, rows=300)
    found = study_of(Outcomes.of(rows), "cascade", preference=preference)
    assert found.setting == setting
    assert found.verdict == f"NO SIGNIFICANT GAIN: use {instead}."


def test_the_same_seed_gives_the_same_study():
    outcomes = Outcomes.of(world(rows=120))
    assert study_of(outcomes, "cascade", seed=5) == study_of(outcomes, "cascade", seed=5)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        world(rows=1),
        [{**row, "group": "all"} for row in world(rows=60)],
        [{**row, "arms": {"small": row["arms"]["small"]}} for row in world(rows=60)],
    ],
    ids=["no rows", "one row", "one group", "one arm"],
)
def test_too_little_to_go_by_is_said(rows):
    with pytest.raises(OutcomesError):
        study_of(Outcomes.of(rows), "cascade")


def test_a_saved_router_needs_rows_of_two_groups_that_hold_every_model():
    fitted = Router.preset("cascade").fit(Outcomes.of(world()))
    rows = world(rows=30, seed=2)
    for row in rows[3:]:
        del row["arms"]["large"]
    with pytest.raises(OutcomesError, match="Of 30 rows to judge on, 3 hold all of the arms"):
        study_of(Outcomes.of(rows), fitted)


def test_a_study_is_only_numbers_and_words():
    assert replace(good()) == good()
