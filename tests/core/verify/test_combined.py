"""Several verifiers as one: a weighted mean, over those that came to a verdict."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Arm, Capabilities, ConfigurationError, Request, Router
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.evidence import Answer
from automix_core.verify import (
    Agreement,
    AnswerLikelihood,
    Auto,
    Check,
    Combined,
    Judge,
    SelfVerification,
    TrueProbability,
)
from tests.core.conftest import RIGHT, WRONG, Model, bound, says, stepped

ARM = Arm(None, name="small")


def constant(name, value):
    """A verifier that always says the same, under a name of its own."""
    made = type(name, (Check,), {"name": ""})
    made.name = name
    return made(lambda case: value)


def combined(values, weights=()):
    parts = tuple(constant(f"v{i}", value) for i, value in enumerate(values))
    flow = Combined(parts, weights).verify(Request("q"), Answer("small", says("x")), ARM, None)
    return stepped(flow, None)[0]


CONFIDENCES = st.floats(0, 1)


@given(st.lists(st.tuples(CONFIDENCES, st.floats(0.01, 10)), min_size=1, max_size=5))
def test_it_is_the_weighted_mean(pairs):
    values, weights = zip(*pairs, strict=True)
    signal = combined(values, weights)
    mean = sum(v * w for v, w in pairs) / sum(weights)
    assert signal.confidence == pytest.approx(mean)
    assert min(values) - 1e-12 <= signal.confidence <= max(values) + 1e-12


@given(st.lists(CONFIDENCES, min_size=1, max_size=4), st.integers(1, 3))
def test_parts_without_a_verdict_are_left_out(values, silent):
    signal = combined([*values, *[None] * silent])
    assert signal.confidence == pytest.approx(combined(values).confidence)
    assert signal.note.count("no verdict") == silent


def test_no_verdict_at_all_is_no_verdict():
    assert combined([None, None]).confidence is None


def test_a_verdict_without_weight_is_none():
    assert combined([0.9, None], (0, 1)).confidence is None


def test_every_parts_own_signal_is_kept_by_name():
    assert combined([0.2, None]).values == {"v0": 0.2, "v1": None}


def test_a_bar_joins_parts_that_weigh_alike():
    a, b, c = AnswerLikelihood(), TrueProbability(), Agreement()
    assert (a | b | c) == (a | (b | c)) == Combined((a, b, c), (1.0, 1.0, 1.0))


def test_a_bar_keeps_unequal_weights_as_they_are():
    weighed = Combined((AnswerLikelihood(), TrueProbability()), (3, 1))
    assert (weighed | Agreement()).verifiers == (weighed, Agreement())


def test_it_wants_what_any_part_wants():
    able = Arm(None, name="a", capabilities=Capabilities(logprobs=True))
    both = SelfVerification() | AnswerLikelihood()
    assert both.wants(able) == AnswerLikelihood().wants(able)


def test_it_costs_as_much_as_all_parts():
    both = Agreement(samples=3) | SelfVerification() | Check(len)
    assert both.relative_cost(ARM) == 3 + SelfVerification().relative_cost(ARM)


@pytest.mark.parametrize("weights", [(1,), (1, 1, 1), (-1, 2), (0, 0)])
def test_weights_that_make_no_mean_are_refused(weights):
    with pytest.raises(ConfigurationError):
        Combined((AnswerLikelihood(), Agreement()), weights)


@pytest.mark.parametrize("parts", [(), (AnswerLikelihood(), AnswerLikelihood(8))])
def test_parts_that_cannot_be_told_apart_are_refused(parts):
    with pytest.raises(ConfigurationError):
        Combined(parts)


def test_two_judges_would_be_one():
    with pytest.raises(ConfigurationError, match="judge"):
        Judge(Model("a")) | Judge(Model("b"))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("confidence", [0.1, 0.5, 0.9])
def test_only_the_last_part_stops_early_and_that_is_exact(threshold, confidence):
    for verdicts in product([RIGHT, WRONG, "?"], repeat=3):
        ends, asked = [], []
        for eager in (False, True):
            verifier = AnswerLikelihood() | SelfVerification(samples=3, eager=eager)
            router = bound(Router(verifier, Threshold(threshold), Value()), logprobs=True)
            told = iter(verdicts)
            script = lambda ask: (
                next(told) if ask.purpose == "verify" else says("x", confidence=confidence)  # noqa: B023
            )
            outcome, waves = stepped(router.route(Request("q")), script)
            ends.append(outcome.decision.arm)
            asked.append(sum(ask.purpose == "verify" for wave in waves for ask in wave))
        assert ends[0] == ends[1]
        assert asked[0] <= asked[1] == 3


def test_no_earlier_part_stops_early_for_a_later_one_may_outweigh_it():
    verifier = SelfVerification(samples=3) | Check(lambda case: 1.0)
    answer = Answer("small", says("x"))
    _, waves = stepped(
        verifier.verify(Request("q"), answer, ARM, lambda signals: True), lambda _: WRONG
    )
    assert len(waves[0]) == 3


def test_auto_is_free_where_the_answer_brings_log_probabilities_and_asks_elsewhere():
    """And it goes by the answer, not by what the arm is said to be able to do."""
    for confidence, asks in ((0.8, 0), (None, 8)):
        answer = Answer("small", says("x", confidence=confidence))
        flow = Auto().verify(Request("q"), answer, ARM, lambda signals: False)
        signal, waves = stepped(flow, lambda ask: RIGHT)
        assert sum(map(len, waves)) == asks
        assert list(signal.values) == ["self_verification" if asks else "answer_likelihood"]
