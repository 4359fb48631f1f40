"""Agreement: what the arm says when it is asked the same again."""

import pytest

from automix_core import Arm, Capabilities, ConfigurationError, Request
from automix_core.flow import Reply
from automix_core.verify import Agreement
from tests.core.conftest import says, verify

ARM = Arm(None, name="small")


def agreement(play, *texts, answer="the red fox", arm=ARM):
    told = iter(texts)
    verifier = Agreement(samples=len(texts), temperature=0.8)
    return verify(play, verifier, Request("q"), answer, arm, lambda ask: next(told))


@pytest.mark.parametrize(
    ("texts", "confidence"),
    [
        (["The red fox.", "red fox"], 1.0),
        (["the blue whale"], 0.0),
        (["red fox", "blue whale"], 0.5),
        (["red whale"], 0.5),
    ],
)
def test_it_is_the_mean_overlap_with_further_answers(play, texts, confidence):
    signal, _ = agreement(play, *texts)
    assert signal.confidence == pytest.approx(confidence)
    assert (signal.planned, signal.valid) == (len(texts), len(texts))


def test_the_arm_is_asked_the_callers_own_request_again(play):
    _, asks = agreement(play, "red fox", "red fox")
    assert [(ask.to, ask.prompt, ask.purpose) for ask in asks] == [("small", None, "sample")] * 2
    assert {ask.options.temperature for ask in asks} == {0.8}


def test_answers_that_failed_or_are_no_text_are_left_out(play):
    call = says("", kind="tool_calls")
    signal, _ = agreement(play, "red fox", OSError("down"), call, " ")
    assert (signal.confidence, signal.valid) == (1.0, 1)


def test_without_further_answers_there_is_no_verdict(play):
    signal, _ = agreement(play, OSError("down"), OSError("down"))
    assert (signal.confidence, signal.valid) == (None, 0)
    assert signal.note


def test_blank_samples_of_one_call_do_not_count(play):
    able = Arm(None, name="small", capabilities=Capabilities(samples=True))
    reply = Reply("", ("red fox", "", "blue whale"))
    signal, asks = verify(play, Agreement(3), Request("q"), "red fox", able, lambda ask: reply)
    assert [ask.samples for ask in asks] == [3]
    assert (signal.confidence, signal.valid) == (0.5, 2)


def test_it_costs_as_much_as_the_answers_it_draws():
    assert Agreement(samples=5).relative_cost(ARM) == 5


def test_nothing_to_compare_is_refused():
    with pytest.raises(ConfigurationError, match="samples"):
        Agreement(samples=0)
