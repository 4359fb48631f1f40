"""The likelihood of an answer: the plain sum up to 32 tokens, then corrected for length."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Arm, Capabilities, ConfigurationError, Request
from automix_core.evidence import Answer
from automix_core.flow import Reply, SampleOptions, Token
from automix_core.verify import AnswerLikelihood
from tests.core.conftest import stepped

LOGPROBS = st.floats(-20, 0)


def confidence(logprobs, length=32):
    tokens = tuple(Token("x", value) for value in logprobs)
    return signal(tokens, length).confidence


def signal(tokens, length=32):
    answer = Answer("small", Reply("small", ("x",), logprobs=tokens))
    flow = AnswerLikelihood(length).verify(Request("q"), answer, Arm(None, "small"), None)
    value, waves = stepped(flow, None)
    assert waves == []
    return value


@given(st.lists(LOGPROBS, min_size=1, max_size=32))
def test_up_to_32_tokens_it_is_the_probability_of_the_whole_answer(logprobs):
    assert confidence(logprobs) == pytest.approx(math.exp(sum(logprobs)))


@given(st.lists(LOGPROBS, min_size=33, max_size=100))
def test_beyond_it_is_that_of_32_tokens_of_the_same_average(logprobs):
    mean = sum(logprobs) / len(logprobs)
    assert confidence(logprobs) == pytest.approx(math.exp(32 * mean))


@given(LOGPROBS)
def test_there_is_no_jump_at_the_line(logprob):
    assert confidence([logprob] * 33) == pytest.approx(confidence([logprob] * 32))


@given(st.lists(LOGPROBS, min_size=1, max_size=60), st.data())
def test_a_less_likely_token_never_helps(logprobs, data):
    place = data.draw(st.integers(0, len(logprobs) - 1))
    worse = [*logprobs[:place], logprobs[place] - 1, *logprobs[place + 1 :]]
    assert confidence(worse) <= confidence(logprobs)


def test_the_mark_that_ends_the_text_is_not_counted():
    said = (Token("Berlin", -0.5),)
    assert signal((*said, Token("", -3.0))) == signal(said)


@pytest.mark.parametrize("tokens", [None, (), (Token("x", math.nan),), (Token("", -1.0),)])
def test_without_log_probabilities_there_is_no_verdict(tokens):
    assert signal(tokens).confidence is None
    assert "log-probabilities" in signal(tokens).note


def test_an_impossible_token_makes_an_impossible_answer():
    assert confidence([-0.1, -math.inf]) == 0.0


def test_it_wants_log_probabilities_only_of_arms_that_return_them():
    able = Arm(None, "a", capabilities=Capabilities(logprobs=True))
    assert AnswerLikelihood().wants(able).logprobs
    assert AnswerLikelihood().wants(Arm(None, "a")) == SampleOptions()


@pytest.mark.parametrize("length", [0, -1, 1.5])
def test_a_length_at_which_every_answer_is_certain_is_refused(length):
    with pytest.raises(ConfigurationError, match="length"):
        AnswerLikelihood(length)
