"""The loop: who is asked, what is returned, and what the decision says about it."""

import asyncio
import threading
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from automix_core import (
    AllArmsFailed,
    Arm,
    AutomixError,
    Capabilities,
    ConfigurationError,
    Estimator,
    Needs,
    Policy,
    Preference,
    Price,
    Request,
    Router,
    UnknownNameError,
    collect_decisions,
    preferring,
)
from automix_core.decide import Value
from automix_core.drive import afinish, finish
from automix_core.estimate import Threshold
from automix_core.evidence import Actions
from automix_core.verify import AnswerLikelihood, Check, Judge, SelfVerification
from tests.core.conftest import (
    PRICES,
    RIGHT,
    WRONG,
    AsyncScriptedPort,
    Late,
    Model,
    ScriptedPort,
    bound,
    cascade,
    describe,
    says,
)

ASKED = Request("What is the capital?", "Berlin is the capital of Germany.")


class Refused(Exception):
    status_code = 429


def answers(**by_arm):
    """A script in which each arm gives its own answer; a number stands for its confidence."""

    def script(ask):
        given = by_arm[ask.to]
        return says("Berlin", confidence=given) if isinstance(given, float) else given

    return script


def route(router, script, preference=None, request=ASKED):
    """Carry one request out; gives the outcome and the asks as "arm:purpose"."""
    port = ScriptedPort(script)
    outcome = finish(router.route(request, preference), port)
    return outcome, [f"{ask.to}:{ask.purpose}" for ask in port.asks]


# The cascade.


def test_a_confident_draft_is_returned():
    outcome, asks = route(cascade(), answers(small=0.9))
    assert asks == ["small:draft"]
    assert outcome.reply.text == "Berlin"
    decision = outcome.decision
    assert (decision.status, decision.arm, decision.escalated) == ("accepted", "small", False)
    assert decision.confidence == pytest.approx(0.9)
    assert "confidence 0.90" in decision.why


def test_a_doubtful_draft_escalates_to_a_final_answer():
    outcome, asks = route(cascade(), answers(small=0.2, large="It is Berlin."))
    assert asks == ["small:draft", "large:answer"]
    assert outcome.reply.text == "It is Berlin."
    decision = outcome.decision
    assert (decision.status, decision.arm, decision.escalated) == ("final", "large", True)
    assert "confidence 0.20" in decision.why


def test_an_answer_without_a_verdict_is_not_accepted():
    outcome, asks = route(cascade(verifier="answer_likelihood"), lambda ask: "Berlin")
    assert asks == ["small:draft", "large:answer"]
    assert outcome.decision.verdicts[0].confidence is None
    assert outcome.decision.verdicts[0].note


def test_log_probabilities_are_asked_for_only_where_somebody_looks_at_them():
    port = ScriptedPort(answers(small=0.2, large="Berlin"))
    finish(cascade().route(ASKED), port)
    assert [ask.options.logprobs for ask in port.asks] == [True, False]


@pytest.mark.parametrize("small", [ConnectionError("down"), "", says(" ")])
def test_a_draft_that_failed_or_is_empty_escalates(small):
    outcome, asks = route(cascade(), answers(small=small, large="Berlin"))
    assert asks == ["small:draft", "large:answer"]
    assert outcome.decision.status == "final"
    assert "small" in outcome.decision.why


def test_the_draft_is_returned_and_flagged_where_the_large_model_fails():
    outcome, _ = route(cascade(), answers(small=0.2, large=ConnectionError("down")))
    assert outcome.reply.text == "Berlin"
    assert (outcome.decision.status, outcome.decision.arm) == ("fallback", "small")
    assert "large: ConnectionError" in outcome.decision.why


def test_one_error_holds_every_cause_where_all_fail():
    causes = {"small": ConnectionError("no route"), "large": Refused("busy")}
    with collect_decisions() as decisions, pytest.raises(AllArmsFailed) as caught:
        route(cascade(), answers(**causes))
    assert [cause.error for cause in caught.value.causes] == list(causes.values())
    assert caught.value.__cause__ is causes["small"]
    assert "small: ConnectionError: no route; large: Refused 429: busy" in str(caught.value)
    assert (decisions[0].status, decisions[0].arm) == ("failed", None)


def test_the_best_answer_in_hand_is_kept_where_later_ones_are_worse():
    script = answers(small=0.3, middle=0.1, large=ConnectionError("down"))
    outcome, asks = route(cascade("small", "middle", "large"), script)
    assert asks == ["small:draft", "middle:draft", "large:answer"]
    assert outcome.decision.arm == "small"


def test_the_reason_to_go_on_is_the_doubt_and_not_an_older_failure():
    script = answers(small=ConnectionError("down"), middle=0.2, large="Berlin")
    outcome, _ = route(cascade("small", "middle", "large"), script)
    assert "middle's answer (confidence 0.20)" in outcome.decision.why
    assert "0.50" in outcome.decision.why


def test_arms_are_asked_in_order_of_price_however_they_were_declared():
    _, asks = route(cascade("large", "small"), answers(small=0.1, large="Berlin"))
    assert asks == ["small:draft", "large:answer"]


@dataclass(frozen=True)
class MiddleIsPoor(Threshold):
    """Knows that the middle arm is worth nothing."""

    name = ""

    def estimate(self, evidence, preference):
        estimates = super().estimate(evidence, preference)
        quality = np.where(evidence.answered, estimates.quality, estimates.quality * [1, 0, 1])
        return replace(estimates, quality=quality)


def test_an_arm_can_be_skipped():
    router = bound(Router(AnswerLikelihood(), MiddleIsPoor(), Value()), *PRICES, logprobs=True)
    _, asks = route(router, answers(small=0.2, large="Berlin"))
    assert asks == ["small:draft", "large:answer"]


# Preferences.


def test_a_forced_arm_is_asked_alone_and_unverified():
    outcome, asks = route(cascade(), answers(small=0.1), Preference(force="small"))
    assert asks == ["small:answer"]
    assert outcome.decision.status == "final"
    assert "forced" in outcome.decision.why


@pytest.mark.parametrize(("word", "asked"), [("cheapest", "small"), ("dearest", "large")])
def test_the_kill_switch_needs_no_name(word, asked):
    outcome, asks = route(cascade(), answers(small=0.1, large=0.1), Preference(force=word))
    assert asks == [f"{asked}:answer"]
    assert outcome.decision.why == f"{asked} was forced by the preference."


def test_what_must_not_happen_twice_is_never_a_draft():
    request = replace(ASKED, once=True)
    outcome, asks = route(cascade(), answers(small=0.1, large=0.9), request=request)
    assert asks == ["small:answer"]
    assert outcome.decision.status == "final"


def test_no_cheaper_arm_is_asked_while_one_holds_the_turn():
    request = replace(ASKED, held_by="large")
    assert route(cascade(), answers(small=0.9, large=0.1), request=request)[1] == ["large:answer"]
    script = answers(small=0.9, large=Refused())
    assert route(cascade(), script, request=request)[1][0] == "large:answer"
    assert route(cascade(), script, request=request)[0].decision.arm == "small"


def test_the_others_serve_where_the_forced_arm_fails():
    script = answers(small=0.9, large=ConnectionError("down"))
    outcome, asks = route(cascade(), script, Preference(force="large"))
    assert asks == ["large:answer", "small:answer"]
    assert outcome.reply.text == "Berlin"


def test_forcing_an_unknown_arm_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match=r"'huge'.*'large', 'small'"):
        cascade().route(ASKED, Preference(force="huge"))


@pytest.mark.parametrize(("weight", "status"), [(0.1, "final"), (0.35, "accepted")])
def test_a_higher_cost_weight_accepts_weaker_drafts(weight, status):
    outcome, _ = route(
        cascade(), answers(small=0.3, large="Berlin"), Preference(cost_weight=weight)
    )
    assert outcome.decision.status == status


def test_max_cost_keeps_dear_arms_out():
    outcome, asks = route(cascade(), answers(small=0.1), Preference(max_cost=0.002))
    assert asks == ["small:answer"]
    assert outcome.decision.status == "final"


def test_max_cost_counts_what_was_spent():
    outcome, asks = route(cascade(), answers(small=0.1), Preference(max_cost=0.0115))
    assert asks == ["small:draft"]
    assert outcome.decision.status == "fallback"
    assert "max_cost" in outcome.decision.why


def test_max_cost_goes_by_the_length_of_the_prompt():
    long = Request("q", needs=Needs(tokens=100_000))
    with pytest.raises(AllArmsFailed) as caught:
        route(cascade(), answers(), Preference(max_cost=0.05), long)
    assert str(caught.value).count("max_cost") == 2


def test_max_cost_leaves_room_for_the_check_of_an_answer():
    verified = bound(Router.preset("automix"))  # a check costs about as much as the answer
    with pytest.raises(AllArmsFailed):
        route(verified, answers(small="Berlin"), Preference(max_cost=0.0015))
    _, asks = route(verified, answers(small="Berlin"), Preference(max_cost=0.0025))
    assert asks == ["small:answer"]


def test_max_cost_without_prices_is_an_error():
    with pytest.raises(ConfigurationError, match="prices="):
        cascade(prices={}).route(ASKED, Preference(max_cost=1.0))


def test_no_further_arm_is_started_once_max_latency_is_up():
    script = lambda ask: [Late(0.05), says("Berlin", confidence=0.1)]
    outcome, asks = route(cascade(), script, Preference(max_latency=0.04))
    assert asks == ["small:draft"]
    assert "max_latency" in outcome.decision.why


def test_max_latency_never_stands_in_the_way_of_a_first_answer():
    script = answers(small=[Late(0.05), ConnectionError("down")], large="Berlin")
    outcome, _ = route(cascade(), script, Preference(max_latency=0.04))
    assert outcome.decision.arm == "large"


# What arms can do, and kinds of calls.


def arms_with(small):
    models = [
        Arm(Model("small"), capabilities=Capabilities(logprobs=True, **small), relative_cost=1),
        Arm(Model("large"), capabilities=Capabilities(logprobs=True), relative_cost=10),
    ]
    return Router.preset().bind(models, describe=describe)


@pytest.mark.parametrize(
    ("can", "needs"),
    [
        ({"tools": False}, Needs(tools=True)),
        ({"images": False}, Needs(images=True)),
        ({"context_window": 100}, Needs(tokens=101)),
    ],
)
def test_an_arm_that_cannot_serve_a_request_is_passed_over(can, needs):
    _, asks = route(arms_with(can), answers(large="Berlin"), request=Request("q", needs=needs))
    assert asks == ["large:answer"]


def test_an_arm_that_could_not_be_asked_is_among_the_causes():
    request = Request("q", needs=Needs(tools=True))
    with pytest.raises(AllArmsFailed, match=r"large: OSError: down; small: .*cannot call tools"):
        route(arms_with({"tools": False}), answers(large=OSError("down")), request=request)


def test_a_utility_call_takes_the_cheapest_arm_and_nobody_checks_it():
    outcome, asks = route(cascade(), answers(small=0.1), request=Request("q", kind="utility"))
    assert asks == ["small:answer"]
    assert outcome.decision.status == "final"


def test_a_utility_call_goes_up_where_the_cheapest_arm_fails():
    script = answers(small=OSError("down"), large="Berlin")
    _, asks = route(cascade(), script, request=Request("q", kind="utility"))
    assert asks == ["small:answer", "large:answer"]


@pytest.mark.parametrize("kind", ["tools", "structured"])
@pytest.mark.parametrize(("valid", "asked"), [(True, 1), (False, 2), (None, 2)])
def test_tool_calls_and_objects_are_judged_by_their_form(kind, valid, asked):
    reply = says("", kind="tool_calls" if kind == "tools" else "object", valid=valid)
    outcome, asks = route(cascade(), lambda ask: reply, request=Request("q", kind=kind))
    assert len(asks) == asked
    assert outcome.decision.verdicts[0].values == {"validity": None if valid is None else valid}


def test_text_in_place_of_an_object_is_not_accepted():
    script = answers(small=0.9, large=says("", kind="object", valid=True))
    outcome, _ = route(cascade(), script, request=Request("q", kind="structured"))
    assert outcome.decision.arm == "large"


def test_text_in_place_of_an_optional_tool_call_is_verified():
    outcome, _ = route(cascade(), answers(small=0.9), request=Request("q", kind="tools"))
    assert outcome.decision.confidence == pytest.approx(0.9)


# Where decisions go.


def test_a_decision_goes_to_every_listener_and_a_broken_one_harms_nobody(caplog):
    heard = []

    def broken(decision):
        raise ValueError("listener")

    with collect_decisions() as outer, collect_decisions() as inner:
        flow = cascade().route(ASKED, on_decision=broken)
        finish(flow, ScriptedPort(answers(small=0.9)))
        finish(cascade().route(ASKED, on_decision=heard.append), ScriptedPort(answers(small=0.9)))
    assert len(outer) == len(inner) == 2
    assert outer[1] == inner[1] == heard[0]
    assert outer[0].id in caplog.text


def test_contexts_count_where_the_flow_is_made_and_not_where_it_runs():
    with collect_decisions() as made, preferring(Preference(force="large")):
        flow = cascade().route(ASKED)
    with collect_decisions() as ran, preferring(Preference(force="small")):
        outcome = finish(flow, ScriptedPort(answers(large="Berlin")))
    assert (made, ran) == ([outcome.decision], [])
    assert outcome.decision.preference["force"] == "large"


def test_a_calls_own_preference_wins_over_the_block():
    with preferring(Preference(force="large")):
        _, asks = route(cascade(), answers(small=0.9), Preference(force="small"))
    assert asks == ["small:answer"]


async def test_a_cancelled_request_is_on_the_record_with_what_it_had_asked():
    with collect_decisions() as decisions:
        flow = cascade().route(ASKED)
    task = asyncio.create_task(afinish(flow, AsyncScriptedPort(lambda ask: [Late(5.0), "Berlin"])))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (decision,) = decisions
    assert (decision.status, decision.arm, decision.cost) == ("cancelled", None, None)
    assert [(step.to, step.outcome) for step in decision.steps] == [("small", "abandoned")]


def test_a_bug_in_a_model_passes_through_and_is_on_the_record():
    with collect_decisions() as decisions, pytest.raises(TypeError, match="bug"):
        route(cascade(), answers(small=TypeError("bug")))
    assert decisions[0].status == "failed"
    assert "TypeError" in decisions[0].why


def test_decisions_hold_no_prompt_and_no_answer():
    script = answers(small=0.2, large=ConnectionError("sk-secret"))
    outcome, _ = route(cascade(verifier=Check(lambda case: 1 / 0)), script)
    dumped = str(outcome.decision.as_dict())
    for private in (ASKED.question, ASKED.context, "Berlin", "sk-secret"):
        assert private not in dumped


# Looking ahead.


@dataclass(frozen=True)
class Coin(Policy):
    """Accepts a draft if its confidence reaches the draw: a policy that randomises."""

    name = ""

    def decide(self, estimates, evidence, preference):
        held = evidence.answered[:, 0]
        run = ~held | (np.nan_to_num(evidence.confidence[:, 0], nan=-1.0) < evidence.draw)
        size = len(evidence)
        arm = np.where(held & run, 1, 0)
        return Actions(arm, run, held & run, np.full(size, 0.5), np.zeros(size), np.zeros(size))


def test_early_stopping_is_exact_for_a_policy_that_randomises():
    """What the verifier looked ahead to is what the policy then decides, draw and all."""
    for seed in range(30):
        ends = []
        for eager in (False, True):
            verifier = SelfVerification(samples=4, eager=eager)
            router = bound(Router(verifier, Threshold(), Coin(), seed=seed))
            replies = iter([RIGHT, WRONG, RIGHT, WRONG])
            script = lambda ask: next(replies) if ask.purpose == "verify" else "Berlin"  # noqa: B023
            ends.append(route(router, script)[0].decision.arm)
        assert ends[0] == ends[1]


@dataclass(frozen=True)
class Watching(Value):
    """Notes the draw of each step."""

    name = ""
    draws: list = field(default_factory=list)

    def decide(self, estimates, evidence, preference):
        self.draws.append(float(evidence.draw[0]))
        return super().decide(estimates, evidence, preference)


def test_every_step_has_a_draw_of_its_own():
    policy = Watching()
    router = bound(Router(AnswerLikelihood(), Threshold(), policy), logprobs=True)
    route(router, answers(small=0.1, large="Berlin"))
    assert len(set(policy.draws)) == len(policy.draws) == 2


def test_the_record_keeps_how_probable_a_random_choice_was():
    router = bound(Router(AnswerLikelihood(), Threshold(), Coin()), logprobs=True)
    outcome, _ = route(router, answers(small=1.0))
    assert outcome.decision.propensity == 0.25


def test_a_router_with_the_same_seed_draws_the_same():
    def arms(seed):
        router = bound(Router(AnswerLikelihood(), Threshold(), Coin(), seed=seed), logprobs=True)
        script = answers(small=0.5, large="Berlin")
        return [route(router, script)[0].decision.arm for _ in range(20)]

    assert arms(1) == arms(1)
    assert arms(1) != arms(2)


# Binding.


def test_a_router_without_models_says_what_to_do():
    with pytest.raises(ConfigurationError, match="RoutingChatModel or RoutingLLM"):
        Router.preset().route(ASKED)


def test_binding_leaves_the_router_as_it_was():
    router = Router.preset()
    assert list(bound(router).arms.names) == ["small", "large"]
    assert list(bound(router, "small", "middle").arms.names) == ["small", "middle"]
    assert router.arms is None


def test_a_helper_must_not_share_a_name_with_a_model():
    router = Router.preset("cascade", verifier=Judge(Model("gpt")))
    with pytest.raises(ConfigurationError, match="'judge'"):
        bound(router, "judge", "large", prices={})


def test_other_models_than_the_router_was_made_for_are_refused():
    router = cascade()
    with pytest.raises(ConfigurationError, match=r"\['large', 'small'\].*\['huge', 'small'\]"):
        bound(router, "small", "huge", prices={})


def test_a_new_price_list_does_not_move_the_line_where_drafts_are_accepted():
    """The reference cost is fixed with the router: halve all prices and calls weigh half."""
    router = cascade()
    halved = {name: Price(PRICES[name].input / 2, 0) for name in ("small", "large")}
    again = bound(router, prices=halved, logprobs=True)
    assert again.arms.reference_cost == router.arms.reference_cost


@pytest.mark.parametrize("prices", [None, {}], ids=["prices", "no prices"])
def test_a_router_made_with_prices_works_without_and_the_other_way_round(tmp_path, prices):
    """A reference cost in US dollars says nothing about costs in relative units."""
    made = cascade(prices=prices)
    made.save(tmp_path)
    other = {} if prices is None else None
    router = bound(Router.load(tmp_path), prices=other, logprobs=True)
    assert route(router, answers(small=0.9))[1] == ["small:draft"]
    assert route(router, answers(small=0.1, large="Berlin"))[1] == ["small:draft", "large:answer"]


def test_the_repr_names_the_arms_and_no_secret():
    router = bound(Router.preset("cascade", verifier=Judge(Model("sk-secret"))))
    assert repr(router) == "Router('cascade', arms=['small', 'large'])"
    assert "sk-secret" not in repr(router.arms) + repr(list(router.arms)) + repr(router.helpers)


def test_one_router_serves_many_threads():
    router = cascade()
    decisions, errors = [], []

    def work(number):
        confidence = 0.9 if number % 2 else 0.1
        script = answers(small=says(f"draft {number}", confidence=confidence), large=f"n {number}")
        try:
            outcome, _ = route(router, script)
            assert outcome.reply.text == (f"draft {number}" if number % 2 else f"n {number}")
            decisions.append(outcome.decision.id)
        except AutomixError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(decisions)) == 32


def test_parts_of_ones_own_need_not_be_registered():
    assert isinstance(MiddleIsPoor(), Estimator)
    router = Router(Check(lambda case: case.answer == "Berlin"), MiddleIsPoor(), Value())
    assert route(bound(router, *PRICES), answers(small="Berlin"))[1] == ["small:draft"]
