"""`joint`: the fit keeps the request alone, the answers alone, or both, and says which."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from automix_core import ConfigurationError, Outcomes, Preference, Request, Router, presets
from automix_core.decide import Best, Value
from automix_core.drive import finish
from automix_core.embed import Hashing, Reduced
from automix_core.estimate import Calibrated, Forest, Joint, NeighbourQuality, RidgeQuality
from automix_core.verify import AnswerLikelihood, Unverified
from tests.benchmarks.both_halves import COST, table
from tests.core.conftest import ScriptedPort, bound, says

EMBEDDER = Reduced(Hashing(128), 16)
WEIGHTS = (0.1, 0.3, 1.0)
HALVES = ("the request alone", "the answers alone", "both")


def joint(**parameters):
    return Router.preset(
        "joint", embedder=EMBEDDER, verifier=AnswerLikelihood(), before="ridge", **parameters
    )


def cascade():
    return Router.preset("calibrated", verifier=AnswerLikelihood(), meta_verifier="bayes")


@cache
def held():
    return table(1500, 1)


@cache
def made(**kind):
    return table(300, 0, **kind)


@cache
def fitted(**kind):
    return joint().fit(made(**kind))


def worth(router, weight, of=None):
    """Quality less weighted cost, row by row."""
    seen = router.replay(of or held(), Preference(weight))
    return seen.quality - weight * seen.cost / COST[-1]


# Both halves


def test_where_both_halves_tell_something_both_are_better_than_either():
    before = Router.preset("ridge", embedder=EMBEDDER).fit(made())
    after = cascade().fit(made())
    for half in (before, after):
        more = np.mean(
            [worth(fitted(), weight) - worth(half, weight) for weight in WEIGHTS], axis=0
        )
        assert more.mean() > 1.96 * more.std(ddof=1) / np.sqrt(len(more))


def test_it_says_what_it_does_and_what_else_was_tried():
    report = fitted().fit_report
    assert report.chosen == "both"
    assert tuple(report.halves) == HALVES
    assert report.halves["both"] == max(report.halves.values())
    assert report.used == ("answer_likelihood",)
    assert report.operations[0].start is None
    told = "\n".join(fitted().describe())
    assert "Routes by both; mean value on held-out rows: the request alone 0." in told
    assert "the request decides who is asked and what is verified" in told


def test_what_the_report_promises_holds_on_fresh_rows():
    for operation in fitted().fit_report.operations:
        seen = fitted().replay(held(), Preference(operation.cost_weight))
        _, low, high = operation.quality
        assert low - 0.03 < seen.quality.mean() < high + 0.03
        _, low, high = operation.cost
        assert 0.85 * low < seen.cost.mean() < 1.15 * high


@pytest.mark.parametrize("budget", [3e-5, 6e-5, 1e-4])
def test_a_budget_is_met_in_expectation(budget):
    seen = fitted().replay(held(), Preference(budget=budget))
    assert seen.cost.mean() == pytest.approx(budget, rel=0.1)


def test_it_asks_again_where_the_verdict_is_poor_and_stops_where_it_is_fine():
    seen = fitted().replay(held(), Preference(0.3))
    asked, said = seen.asked[:, 0], held().signals["answer_likelihood"][:, 0]
    alone = seen.asked.sum(axis=1) == 1
    assert 0.2 < asked.mean() < 1  # elsewhere the request said that it would be a waste
    assert 0.1 < alone[asked].mean() < 0.9
    assert said[asked & alone].mean() > said[asked & ~alone].mean() + 0.3


def test_it_is_saved_with_all_it_found(tmp_path):
    fitted().save(tmp_path)
    loaded = Router.load(tmp_path)
    assert loaded.fit_report == fitted().fit_report
    assert loaded.as_dict() == fitted().as_dict()
    for preference in (Preference(0.3), Preference(budget=6e-5)):
        one, other = (r.replay(held(), preference, seed=1) for r in (fitted(), loaded))
        for column in ("arm", "asked", "verified", "quality", "cost"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


def test_live_it_does_what_the_replay_did():
    rows = held().take(slice(0, 12))
    router, seen = fitted(), fitted().replay(rows, Preference(0.3))
    live = bound(router, *rows.arms, prices={}, logprobs=True)
    for row, question in enumerate(rows.texts["question"]):

        def script(ask, row=row):
            said = rows.signals["answer_likelihood"][row, rows.arms.index(ask.to)]
            return says("It is so.", confidence=float(said), source=ask.to)

        done = finish(live.route(Request(question), Preference(0.3)), ScriptedPort(script))
        asked = {step.to for step in done.decision.steps}
        assert asked == {name for name, was in zip(rows.arms, seen.asked[row], strict=True) if was}
        assert done.decision.arm == rows.arms[seen.arm[row]]


def test_a_model_may_go_while_the_router_is_at_work():
    live = bound(fitted(), *made().arms, prices={}, logprobs=True)
    live.remove_arm("words")
    asked = {}
    for question in held().texts["question"][:30]:
        port = ScriptedPort(lambda ask: says("It is so.", confidence=0.3, source=ask.to))
        finish(live.route(Request(question), Preference(0.1)), port)
        for ask in port.asks:
            asked.setdefault(ask.to, set()).add(ask.final)
    assert set(asked) == {"small", "numbers", "large"}
    assert asked["small"] == {False}
    assert asked["large"] == {True}


# One half


def test_where_verdicts_tell_nothing_the_request_decides_alone_or_loses_nothing():
    router, before = fitted(after=False), Router.preset("ridge", embedder=EMBEDDER)
    before, fresh = before.fit(made(after=False)), table(1500, 1, after=False)
    for weight in WEIGHTS:
        more = worth(router, weight, fresh) - worth(before, weight, fresh)
        assert more.mean() > -0.01


def test_where_requests_tell_nothing_hardly_anything_is_lost_beside_the_cascade():
    fresh = table(1500, 1, before=False)
    after = cascade().fit(made(before=False))
    for weight in WEIGHTS:
        more = worth(fitted(before=False), weight, fresh) - worth(after, weight, fresh)
        assert more.mean() > -0.01


def without(of, *, texts=True, signals=True):
    """The table without some of what it holds."""
    rows = []
    for row in of.rows():
        kept = {k: v for k, v in row.items() if texts or k != "question"}
        kept["arms"] = {
            name: {k: v for k, v in arm.items() if signals or k != "signals"}
            for name, arm in row["arms"].items()
        }
        rows.append(kept)
    return Outcomes.of(rows)


def test_without_signals_it_is_the_preset_that_reads_the_request_to_the_last_decision():
    bare = without(made(), signals=False)
    router, before = joint().fit(bare), Router.preset("ridge", embedder=EMBEDDER).fit(bare)
    assert router.fit_report.chosen == "the request alone"
    assert (router.verifier, router.policy) == (Unverified(), Best())
    assert router.fit_report.used == ()
    for weight in WEIGHTS:
        one, other = (r.replay(held(), Preference(weight)) for r in (router, before))
        np.testing.assert_array_equal(one.asked, other.asked)
        assert not one.verified.any()


def test_without_texts_it_goes_by_answers_and_needs_no_embedder():
    bare = without(made(), texts=False)
    router = joint().fit(bare)
    assert set(router.fit_report.halves) == set(HALVES[1:])
    assert router.embedder is None
    assert isinstance(router.estimator, Calibrated | Joint)
    assert router.policy == Value()
    after = cascade().fit(bare)
    for weight in WEIGHTS:
        assert (worth(router, weight) - worth(after, weight)).mean() > -0.01


def test_ways_are_compared_on_rows_that_all_of_them_could_take():
    """Every model fails the questions that the cheapest was never asked: they favour no way."""
    of = made().take(slice(0, 200))
    hard = np.arange(200) % 2 == 0
    quality, cost = of.quality.copy(), of.cost.copy()
    quality[hard] = 0.0
    quality[hard, 0] = cost[hard, 0] = np.nan
    halves = joint().fit(replace(of, quality=quality, cost=cost)).fit_report.halves
    assert halves["both"] == pytest.approx(halves["the answers alone"], abs=0.1)


def test_with_neither_the_missing_signals_are_named():
    with pytest.raises(ConfigurationError, match="answer_likelihood"):
        joint().fit(without(made(), texts=False, signals=False))


def test_a_router_put_together_by_hand_is_fitted_alike():
    parts = AnswerLikelihood(), Joint(RidgeQuality()), Value()
    by_hand = Router(*parts, embedder=EMBEDDER).fit(made().take(slice(0, 40)))
    assert set(by_hand.fit_report.halves) == set(HALVES)


# The preset, and what a fit takes where nobody says


@pytest.mark.parametrize(
    ("before", "kind"),
    [("knn", NeighbourQuality), ("forest", Forest), (RidgeQuality(2.0), RidgeQuality)],
)
def test_what_reads_the_request_is_given_by_its_preset_or_as_it_is(before, kind):
    recipe = presets.recipe("joint", before=before)
    assert isinstance(recipe.estimator.before, kind)
    assert recipe.policy == Value()
    assert recipe.embedder is not None


@pytest.mark.parametrize("before", ["cascade", "always", "joint", "nonsense"])
def test_a_preset_that_reads_no_requests_is_refused(before):
    with pytest.raises(ConfigurationError, match=before):
        presets.recipe("joint", before=before)


@pytest.mark.parametrize(
    ("lacking", "spec"),
    [({}, "joint"), ({"texts": False}, "calibrated"), ({"signals": False}, "clusters")],
)
def test_what_suits_a_table_is_what_reads_all_of_it(lacking, spec):
    assert presets.suited(without(made().take(slice(0, 3)), **lacking)) == spec
