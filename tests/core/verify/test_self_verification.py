"""Self-verification: k checks, no more than are needed, and no verdict where there is none."""

from itertools import product

import pytest

from automix_core import Arm, Capabilities, ConfigurationError, Preference, Request, Router
from automix_core.decide import Value
from automix_core.estimate import Threshold
from automix_core.flow import Reply
from automix_core.verify import SelfVerification
from automix_core.verify.prompts import VERDICT_SCHEMA
from tests.core.conftest import RIGHT, WRONG, bound, stepped, verify

REQUEST = Request("What is the capital?", "Berlin is the capital of Germany.")
GARBAGE = "I cannot say."
K = 4
SEQUENCES = list(product([RIGHT, WRONG, GARBAGE], repeat=K))
THRESHOLDS = [0.0, 0.1, 0.25, 0.3, 1 / 3, 0.5, 0.6, 2 / 3, 0.75, 0.9, 1.0]


def routed(threshold, verdicts, *, eager=False, arms=("small", "large"), weight=0.1):
    """The arm that answers in the end, and the sizes of the waves of checks."""
    verifier = SelfVerification(samples=K, eager=eager)
    router = bound(Router(verifier, Threshold(threshold), Value()), *arms)
    told = iter(verdicts)
    script = lambda ask: next(told) if ask.purpose == "verify" else ask.to
    flow = router.route(REQUEST, Preference(cost_weight=weight))
    outcome, waves = stepped(flow, script)
    return outcome.decision, [len(w) for w in waves if w[0].purpose == "verify"]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_early_stopping_never_changes_what_is_done(threshold):
    """Against every sequence of verdicts asked in full; and no wave is larger than it must be."""
    full = {verdicts: routed(threshold, verdicts, eager=True) for verdicts in SEQUENCES}
    assert {tuple(waves) for _, waves in full.values()} == {(K,)}
    ends = {verdicts: decision.arm for verdicts, (decision, _) in full.items()}

    def settled(known):
        return len({end for verdicts, end in ends.items() if verdicts[: len(known)] == known}) == 1

    for verdicts in SEQUENCES:
        decision, waves = routed(threshold, verdicts)
        assert decision.arm == ends[verdicts]
        known = 0
        for size in waves:
            assert known == 0 or not settled(verdicts[:known]), "asked on though it was settled"
            could_settle = [
                count
                for count in range(1, K - known + 1)
                if known + count == K
                or any(
                    settled(verdicts[:known] + more)
                    for more in product([RIGHT, WRONG, GARBAGE], repeat=count)
                )
            ]
            assert size == min(could_settle)
            known += size
        assert settled(verdicts[:known])


@pytest.mark.parametrize("weight", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.8])
def test_early_stopping_is_exact_with_three_arms_too(threshold, weight):
    arms = ("small", "middle", "large")
    for small, middle in product(SEQUENCES[::8], SEQUENCES[::9]):
        ends = []
        for eager in (False, True):
            verifier = SelfVerification(samples=K, eager=eager)
            router = bound(Router(verifier, Threshold(threshold), Value()), *arms)
            told = {"small": iter(small), "middle": iter(middle)}
            script = lambda ask: next(told[ask.to]) if ask.purpose == "verify" else ask.to  # noqa: B023
            outcome, _ = stepped(router.route(REQUEST, Preference(cost_weight=weight)), script)
            ends.append(outcome.decision.arm)
        assert ends[0] == ends[1]


def test_what_was_cut_short_is_marked_and_counted():
    decision, waves = routed(0.5, [WRONG, WRONG, WRONG, RIGHT])
    (verdict,) = decision.verdicts
    assert waves == [2, 1]
    assert (verdict.planned, verdict.asked, verdict.valid, verdict.correct) == (4, 3, 3, 0)


ARM = Arm(None, name="small")


def check(play, verifier, script, settles=lambda signals: False, **can):
    arm = Arm(None, name="small", capabilities=Capabilities(**can))
    return verify(play, verifier, REQUEST, "Berlin", arm, script, settles)


def test_the_confidence_is_the_share_of_readable_checks_that_say_yes(play):
    texts = iter([RIGHT, GARBAGE, WRONG, RIGHT])
    signal, asks = check(play, SelfVerification(samples=4), lambda ask: next(texts))
    assert signal.confidence == pytest.approx(2 / 3)
    assert (signal.planned, signal.asked, signal.valid, signal.correct) == (4, 4, 3, 2)
    assert not signal.censored
    assert len(asks) == 4


def test_no_readable_check_is_no_verdict(play):
    signal, _ = check(play, SelfVerification(samples=4), lambda ask: GARBAGE)
    assert (signal.confidence, signal.asked, signal.valid) == (None, 4, 0)
    assert "no check" in signal.note


def test_a_failed_check_is_not_counted_as_an_answer(play):
    texts = iter([RIGHT, OSError("down"), RIGHT])
    signal, _ = check(play, SelfVerification(samples=3), lambda ask: next(texts))
    assert (signal.confidence, signal.valid) == (1.0, 2)


def test_nobody_is_asked_on_once_nobody_answers():
    decision, waves = routed(0.5, [OSError("down")] * K)
    assert waves == [2]
    assert decision.verdicts[0].confidence is None
    assert decision.arm == "large"


def test_eager_asks_all_at_once(play):
    signal, asks = check(
        play, SelfVerification(samples=5, eager=True), lambda ask: WRONG, lambda signals: True
    )
    assert (len(asks), signal.asked, signal.confidence) == (5, 5, 0.0)


def test_a_model_that_draws_several_samples_is_called_once(play):
    script = lambda ask: Reply("", (RIGHT,) * ask.samples)
    signal, asks = check(play, SelfVerification(samples=8), script, samples=True)
    assert [ask.samples for ask in asks] == [8]
    assert (signal.valid, signal.correct) == (8, 8)


def test_one_call_a_sample_where_several_at_once_are_refused(play):
    script = lambda ask: RIGHT if ask.samples == 1 else ValueError("n must be 1")
    signal, asks = check(play, SelfVerification(samples=3), script, samples=True)
    assert [ask.samples for ask in asks] == [3, 1, 1, 1]
    assert signal.valid == 3


@pytest.mark.parametrize(("given", "calls"), [(1, [4, 1, 1, 1]), (20, [4])])
def test_a_server_that_sends_another_number_of_samples_does_not_spoil_the_count(play, given, calls):
    script = lambda ask: Reply("", (RIGHT,) * given)
    signal, asks = check(play, SelfVerification(samples=4), script, samples=True)
    assert [ask.samples for ask in asks] == calls
    assert (signal.confidence, signal.valid) == (1.0, 4)


def test_checks_are_sampled_with_the_settings_given(play):
    verifier = SelfVerification(samples=1, temperature=0.7, max_tokens=99)
    _, (ask,) = check(play, verifier, lambda ask: RIGHT)
    assert (ask.options.temperature, ask.options.max_tokens) == (0.7, 99)
    assert ask.purpose == "verify"


@pytest.mark.parametrize(
    ("form", "able", "held"),
    [("auto", False, False), ("auto", True, True), ("text", True, False), ("schema", False, True)],
)
def test_a_model_is_held_to_a_schema_where_it_can_be_or_must_be(play, form, able, held):
    script = lambda ask: '{"reasoning": "It is.", "verdict": "correct"}' if held else RIGHT
    verifier = SelfVerification(samples=1, form=form)
    signal, (ask,) = check(play, verifier, script, schema=able)
    assert ask.options.schema == (VERDICT_SCHEMA if held else None)
    assert ("JSON" in ask.prompt[0].text) == held
    assert signal.confidence == 1.0


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"samples": 2.5}, {"max_tokens": -1}, {"form": "xml"}], ids=str
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        SelfVerification(**wrong)
