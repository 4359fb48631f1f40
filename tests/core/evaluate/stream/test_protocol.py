"""What a stream can be."""

import math

import pytest

from automix_core import ConfigurationError
from automix_core.evaluate.stream import Change, Feedback, Stream

ARMS = ("a", "b", "c")


def test_the_defaults_are_those_of_the_paper():
    stream = Stream()
    assert (stream.requests, stream.period, stream.time_limit) == (100, 10.0, 30.0)
    assert (stream.wanted, stream.patience, stream.train_share) == (0.7, 15.0, 0.8)


def test_requests_come_evenly_spaced():
    stream = Stream(requests=4, period=10)
    assert [stream.arrival(row) for row in range(6)] == [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]


@pytest.mark.parametrize(
    "settings",
    [
        {"requests": 0},
        {"length": 0},
        {"period": 0.0},
        {"period": math.inf},
        {"time_limit": -1.0},
        {"time_limit": math.nan},
        {"patience": 0.0},
        {"wanted": -0.1},
        {"train_share": 1.0},
    ],
)
def test_what_cannot_be_simulated_is_refused(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        Stream(**settings)


@pytest.mark.parametrize("settings", [{"kind": "loud"}, {"delay": -1.0}, {"missing": 1.5}])
def test_feedback_that_cannot_be_is_refused(settings):
    with pytest.raises(ConfigurationError):
        Feedback(**settings)


def test_a_change_is_read_from_text():
    assert Change.parse("a@b@12.5", comes=True) == Change("a@b", 12.5, comes=True)


@pytest.mark.parametrize("text", ["a", "a@", "@3", "a@soon", "a@inf", ""])
def test_a_change_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="large@120"):
        Change.parse(text, comes=False)


def presences(*changes):
    return Stream(changes=tuple(Change(*change) for change in changes)).presences(ARMS, 100.0)


def test_who_comes_was_not_there_before_and_who_goes_may_come_again():
    arms = ("a", "b", "c", "d")
    changes = (Change("c", 50.0, True), Change("a", 20.0, False), Change("a", 70.0, True))
    assert Stream(changes=changes).presences(arms, 100.0) == [
        (0.0, (True, True, False, True)),
        (20.0, (False, True, False, True)),
        (50.0, (False, True, True, True)),
        (70.0, (True, True, True, True)),
    ]


def test_one_may_go_as_another_comes():
    assert presences(("a", 40.0, False), ("b", 40.0, True)) == [
        (0.0, (True, False, True)),
        (40.0, (False, True, True)),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("x", 5.0, False)], "'x'"),
        ([("x", 5.0, True)], "'x'"),
        ([("a", 0.0, False)], "outside the stream, which takes 100 s"),
        ([("a", 100.0, False)], "outside the stream"),
        ([("a", 5.0, False), ("a", 6.0, False)], "a is not there at 6 s"),
        ([("a", 5.0, True), ("a", 6.0, True)], "a is there already at 6 s"),
        ([("a", 5.0, False), ("b", 6.0, False)], "Fewer than two models would be there from 6 s"),
        ([("a", 5.0, True), ("b", 6.0, True)], "Fewer than two models would be there from 0 s"),
    ],
)
def test_changes_that_cannot_be_are_refused(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        presences(*changes)
