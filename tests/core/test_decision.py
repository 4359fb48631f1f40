"""The record travels as JSON, and reads itself."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from automix_core import Decision, Step, Verdict
from automix_core.decision import publish


def decision(*steps, arm="small", verdicts=()):
    return Decision(
        id="1", router="cascade", version="0", status="final", arm=arm, why="so",
        steps=steps, verdicts=verdicts,
    )  # fmt: skip


OUTCOMES = st.sampled_from(["replied", "failed", "not started", "abandoned"])
STEPS = st.builds(
    Step,
    to=st.sampled_from(["small", "large"]),
    purpose=st.sampled_from(["draft", "answer", "verify"]),
    outcome=OUTCOMES,
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    cost=st.none() | st.floats(0, 10),
)


@given(st.lists(STEPS))
def test_a_decision_comes_back_from_json(steps):
    made = decision(*steps)
    assert Decision.from_dict(json.loads(json.dumps(made.as_dict()))) == made


@given(st.lists(STEPS))
def test_tokens_add_up_by_arm(steps):
    totals = decision(*steps).tokens
    assert sum(i for i, _ in totals.values()) == sum(s.input_tokens or 0 for s in steps)
    assert sum(o for _, o in totals.values()) == sum(s.output_tokens or 0 for s in steps)


def test_checks_by_another_model_are_no_escalation():
    draft = Step(to="small", purpose="draft")
    judge = Step(to="judge", purpose="verify")
    assert not decision(draft, judge).escalated
    assert decision(draft, judge, Step(to="large", purpose="answer")).escalated


def test_the_confidence_is_that_of_the_answer_returned():
    verdicts = [Verdict(arm="small", confidence=0.4), Verdict(arm="middle", confidence=0.7)]
    assert decision(verdicts=verdicts).confidence == 0.4
    assert decision(verdicts=verdicts, arm="large").confidence is None


def test_the_share_of_readable_checks_is_on_the_record():
    assert Verdict(arm="small", confidence=None, planned=8, asked=4, valid=1).valid_share == 0.25
    assert Verdict(arm="small", confidence=0.5).valid_share is None


def test_a_decision_cannot_be_changed():
    with pytest.raises(AttributeError):
        decision().why = "otherwise"


@pytest.mark.parametrize(
    "wrong", [{"status": "perhaps"}, {"cost": "much"}, {"unheard": 1}, {"steps": [{"to": 1}]}]
)
def test_what_describes_no_decision_is_refused(wrong):
    with pytest.raises(ValidationError):
        Decision.from_dict({**decision().as_dict(), **wrong})


@given(st.lists(STEPS))
def test_an_answer_from_a_cache_costs_nothing(steps):
    made = replace(decision(*steps), cost=None, known_cost=1.0)
    again = made.from_cache()
    assert (again.cached, again.cost, again.known_cost, again.calls) == (True, 0, 0, 0)
    assert (again.arm, again.why) == (made.arm, made.why)
    assert again.id != made.id
    assert not made.cached


def test_a_listener_that_fails_harms_no_other():
    heard = []
    publish(decision(), [lambda _: 1 / 0, heard.append])
    assert heard == [decision()]
