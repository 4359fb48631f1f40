"""The memory of decisions: the latest ones, and no more."""

import threading

import numpy as np
import pytest

from automix_core import ConfigurationError, Decision, Step, Verdict
from automix_core.learn import Known, Memory


def known(identifier="a", **more):
    made = Decision(identifier, "tiny", "1", "final", "small", "why", **more)
    return Known(made, ("small", "large"))


def test_the_oldest_is_forgotten_first():
    memory = Memory(2)
    for identifier in "abc":
        memory.keep(identifier, known(identifier))
    assert len(memory) == 2
    assert memory.find("a") is None
    assert memory.find("c").decision.id == "c"


def test_a_memory_of_nothing_is_an_error():
    with pytest.raises(ConfigurationError, match="at least 1"):
        Memory(0)


def test_threads_may_fill_it_together():
    memory = Memory(50)

    def fill(which):
        for n in range(500):
            memory.keep(f"{which}-{n}", known(f"{which}-{n}"))
            assert len(memory) <= 51

    threads = [threading.Thread(target=fill, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory) == 50


def test_the_call_that_answered_is_the_last_one_that_replied():
    steps = (
        Step("small", "draft", outcome="failed", cost=1.0),
        Step("small", "answer", outcome="replied", cost=2.0),
        Step("small", "verify", outcome="replied", cost=3.0),
    )
    found = known(steps=steps)
    assert found.asked("small").cost == 2.0
    assert found.asked("large") is None


def test_a_verdict_that_was_cut_short_is_no_confidence():
    whole, cut = Verdict("small", 0.7, planned=8, asked=8), Verdict("small", 1.0, 8, asked=3)
    assert known(verdicts=(whole,)).verdict("small") is whole
    assert known(verdicts=(whole, cut)).verdict("small") is None
    assert known(verdicts=(whole,)).verdict("large") is None


def test_chances_are_told_by_name_for_whatever_arms_there_are_now():
    found = known(propensity=0.5)
    np.testing.assert_array_equal(found.chances_of(["new", "small"]), [[np.nan, 0.5]])
    found.chances = np.array([0.9, 0.1])
    np.testing.assert_array_equal(found.chances_of(["small", "new", "large"]), [[0.9, np.nan, 0.1]])
