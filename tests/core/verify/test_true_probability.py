"""P(True): the probability of yes against no, at the first token of one reply."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Arm, Capabilities, ConfigurationError, Request
from automix_core.evidence import Answer
from automix_core.flow import Reply, Token
from automix_core.verify import TrueProbability
from tests.core.conftest import says, stepped

ABLE = Arm(None, name="small", capabilities=Capabilities(logprobs=True))


def judged(top, *, arm=ABLE, verifier=None, later=()):
    """The signal and the asks, where the first token had these probabilities."""
    logprobs = {text: math.log(p) for text, p in top.items()}
    likeliest = max(logprobs, key=logprobs.get)
    token = Token(likeliest, logprobs[likeliest], logprobs)
    reply = Reply("", (likeliest,), logprobs=(token, *later))
    flow = (verifier or TrueProbability()).verify(
        Request("q", "c"), Answer("small", says("Berlin")), arm, lambda signals: False
    )
    signal, waves = stepped(flow, lambda ask: reply)
    return signal, [ask for wave in waves for ask in wave]


def test_it_is_the_share_of_yes_among_yes_and_no():
    assert judged({"yes": 0.3, "no": 0.1, "perhaps": 0.6})[0].confidence == pytest.approx(0.75)


@pytest.mark.parametrize("yes", ["yes", " Yes", "YES", "▁yes", "Ġyes", '"yes', "Yes."])
def test_every_spelling_counts(yes):
    assert judged({"no": 0.2, yes: 0.6})[0].confidence == pytest.approx(0.75)


def test_spellings_add_up():
    assert judged({"yes": 0.2, "Yes": 0.2, "no": 0.2, " No": 0.2})[0].confidence == 0.5


@given(st.floats(0.01, 0.99))
def test_one_word_alone_is_certain(p):
    assert judged({"yes": p})[0].confidence == 1.0
    assert judged({"no": p})[0].confidence == 0.0


def test_only_the_first_token_is_read():
    later = (Token("yes", 0.0),)
    signal, _ = judged({"Well": 0.9}, later=later)
    assert signal.confidence is None
    assert "neither" in signal.note


def test_it_is_one_call_of_one_token():
    _, (ask,) = judged({"yes": 0.9}, verifier=TrueProbability(top=5))
    options = ask.options
    assert (options.max_tokens, options.temperature, options.top_logprobs) == (1, 0.0, 5)
    assert (options.logprobs, ask.samples, ask.purpose) == (True, 1, "verify")


def test_an_arm_without_log_probabilities_is_not_asked():
    signal, asks = judged({"yes": 0.9}, arm=Arm(None, name="small"))
    assert (signal.confidence, asks) == (None, [])
    assert "small returns no log-probabilities" in signal.note


def test_a_reply_without_log_probabilities_is_no_verdict():
    flow = TrueProbability().verify(Request("q"), Answer("small", says("x")), ABLE, None)
    signal, _ = stepped(flow, lambda ask: Reply("", ("yes",)))
    assert signal.confidence is None


def test_no_alternatives_at_all_is_refused():
    with pytest.raises(ConfigurationError, match="top"):
        TrueProbability(top=0)
