"""The bill: every call is on it, and what is unknown is None and never 0."""

from dataclasses import dataclass

import pytest

from automix_core import Arm, Preference, Price, Request, Router
from automix_core.evidence import Signal
from automix_core.flow import Ask, Reply, Usage, Wave
from automix_core.parts import Verifier
from automix_core.verify import Judge
from tests.core.conftest import (
    PRICES,
    USAGE,
    WRONG,
    Late,
    Model,
    bound,
    cascade,
    describe,
    says,
)

SMALL, LARGE = PRICES["small"].cost(USAGE), PRICES["large"].cost(USAGE)


class Refused(Exception):
    status_code = 503


def decide(play, router, script, preference=None):
    return play(router.route(Request("q"), preference), script).value.decision


def doubted(ask):
    return WRONG if ask.purpose == "verify" else "Berlin"


def test_draft_checks_and_answer_are_all_on_the_bill(play):
    decision = decide(play, bound(Router.preset("automix", samples=2)), doubted)
    purposes = [step.purpose for step in decision.steps]
    assert purposes == ["draft", "verify", "verify", "answer"]
    assert decision.cost == pytest.approx(3 * SMALL + LARGE)
    assert decision.cost == decision.known_cost
    assert decision.tokens == {"small": (3000, 30), "large": (1000, 10)}
    assert decision.calls == 4


def test_several_samples_of_one_call_are_one_step_and_marked_where_recounted(play):
    def script(ask):
        if ask.purpose == "verify":
            return Reply("", (WRONG,) * ask.samples, usage=Usage(500, 80, recounted=True))
        return "Berlin"

    router = bound(Router.preset("automix", samples=3), samples=True)
    step = decide(play, router, script).steps[1]
    assert (step.samples, step.output_tokens, step.recounted) == (2, 80, True)
    assert step.cost == pytest.approx(PRICES["small"].cost(Usage(500, 80)))


def test_a_judge_is_on_the_bill_at_its_own_price(play):
    judge = Arm(Model("gpt"), price=Price(100, 100))
    router = bound(Router.preset("cascade", verifier=Judge(judge)))
    decision = decide(play, router, doubted)
    assert decision.cost == pytest.approx(SMALL + 0.101 + LARGE)


def test_a_judge_without_a_price_leaves_the_bill_open(play):
    router = bound(Router.preset("cascade", verifier=Judge(Model("gpt"))))
    decision = decide(play, router, doubted)
    assert decision.cost is None
    assert decision.unpriced_calls == 1
    assert decision.known_cost == pytest.approx(SMALL + LARGE)


def test_without_prices_nothing_costs_nothing(play):
    decision = decide(play, cascade(prices={}), lambda ask: says("Berlin", confidence=0.9))
    assert (decision.cost, decision.known_cost, decision.unpriced_calls) == (None, 0.0, 1)
    assert decision.always_largest.cost is None
    assert decision.cost_basis == "assumed"


def test_a_call_whose_usage_is_not_reported_is_unpriced(play):
    decision = decide(play, cascade(), lambda ask: says("Berlin", confidence=0.9, usage=None))
    assert (decision.cost, decision.unpriced_calls) == (None, 1)
    assert decision.steps[0].input_tokens is None


@pytest.mark.parametrize(
    ("error", "cost"), [(Refused("busy"), 0.0), (ConnectionError("reset"), None)]
)
def test_a_refused_call_is_free_and_a_broken_one_may_not_be(play, error, cost):
    script = lambda ask: error if ask.to == "small" else "Berlin"
    decision = decide(play, cascade(), script)
    assert decision.steps[0].cost == cost
    assert decision.cost == (None if cost is None else pytest.approx(LARGE))


def test_an_empty_answer_was_paid_for(play):
    decision = decide(play, cascade(), lambda ask: "" if ask.to == "small" else "Berlin")
    assert decision.cost == pytest.approx(SMALL + LARGE)
    assert decision.steps[0].error == "empty answer"


def test_steps_name_what_failed_without_the_models_own_words(play):
    script = lambda ask: Refused("key sk-123") if ask.to == "small" else "Berlin"
    assert decide(play, cascade(), script).steps[0].error == "Refused 503"


def test_always_largest_is_estimated_on_the_drafts_tokens_while_it_was_not_asked(play):
    kept = decide(play, cascade(), lambda ask: says("Berlin", confidence=0.9))
    assert (kept.always_largest.arm, kept.always_largest.estimated) == ("large", True)
    assert kept.always_largest.cost == pytest.approx(LARGE)


def test_always_largest_is_exact_once_it_was_asked(play):
    own = Usage(1000, 500)
    script = lambda ask: says("Berlin", confidence=0.1, usage=own if ask.to == "large" else USAGE)
    asked = decide(play, cascade(), script)
    assert not asked.always_largest.estimated
    assert asked.always_largest.cost == pytest.approx(PRICES["large"].cost(own))


@dataclass(frozen=True)
class Hedged(Verifier):
    """Asks the arm, and once more if it dawdles."""

    name = ""
    after: float

    def verify(self, request, answer, arm, settles):
        wave = (Ask(arm.name, "verify"), Ask(arm.name, "verify", after=self.after))
        yield Wave(wave, until=lambda results: any(isinstance(r, Reply) for r in results))
        return Signal(1.0)


def test_a_hedge_that_was_never_started_costs_nothing(play):
    decision = decide(play, bound(Router.preset(verifier=Hedged(5.0))), lambda ask: "Berlin")
    assert [step.outcome for step in decision.steps] == ["replied", "replied", "not started"]
    assert decision.cost == pytest.approx(2 * SMALL)
    assert decision.calls == 2


def test_what_lost_a_race_may_have_cost_something(play):
    quick = iter([True, False, True])
    script = lambda ask: [Late(0.0 if next(quick) else 5.0), "Berlin"]
    decision = decide(play, bound(Router.preset(verifier=Hedged(0.02))), script)
    assert [step.outcome for step in decision.steps] == ["replied", "abandoned", "replied"]
    assert (decision.cost, decision.unpriced_calls) == (None, 1)


def test_a_hedge_that_started_and_lost_is_on_the_bill(play):
    delays = iter([0.0, 0.4, 5.0])
    script = lambda ask: [Late(next(delays)), "Berlin"]
    decision = decide(play, bound(Router.preset(verifier=Hedged(0.02))), script)
    assert [step.outcome for step in decision.steps] == ["replied", "replied", "abandoned"]
    assert decision.cost is None


def test_the_decision_keeps_the_preference_and_the_latency(play):
    script = lambda ask: [Late(0.02), says("Berlin", confidence=0.9)]
    decision = decide(play, cascade(), script, Preference(cost_weight=0.2))
    assert decision.preference["cost_weight"] == 0.2
    assert decision.latency >= decision.steps[0].latency >= 0.02


def test_decisions_have_ids_of_their_own(play):
    script = lambda ask: says("Berlin", confidence=0.9)
    assert len({decide(play, cascade(), script).id for _ in range(3)}) == 3


def test_a_saved_router_is_billed_at_the_prices_it_is_bound_with(tmp_path, play):
    cascade().save(tmp_path)
    router = Router.load(tmp_path).bind(
        {"small": Model("a", {"logprobs": True}), "large": Model("b")},
        describe=describe,
        prices={"small": (5, 5), "large": (50, 50)},
    )
    decision = decide(play, router, lambda ask: says("Berlin", confidence=0.9))
    assert decision.cost == pytest.approx(Price(5, 5).cost(USAGE))
