"""First come, first served, against a simulation that moves every job by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.evaluate.stream.queues import Queues

JOBS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=30)
PLACES = st.integers(1, 4)


def served(jobs, parallel):
    """(arrivals, starts, ends) of jobs, each so long after the one before it."""
    queues, now, starts, ends = Queues([parallel]), 0, [], []
    arrivals = np.cumsum([gap for gap, _ in jobs])
    for now, (_, seconds) in zip(arrivals.tolist(), jobs, strict=True):
        wait = queues.wait(0, now)
        start, end = queues.join(0, now, seconds)
        assert start == now + wait
        assert end == start + seconds
        starts.append(start)
        ends.append(end)
    return arrivals, np.array(starts), np.array(ends)


def by_hand(arrivals, seconds, parallel):
    """When each job begins, found by looking at every second: who is done, who is next."""
    waiting, busy, starts = [], [], [0] * len(arrivals)
    coming = list(range(len(arrivals)))
    now = 0
    while coming or waiting:
        busy = [end for end in busy if end > now]
        while coming and arrivals[coming[0]] == now:
            waiting.append(coming.pop(0))
        while waiting and len(busy) < parallel:
            job = waiting.pop(0)
            starts[job] = now
            if seconds[job]:
                busy.append(now + seconds[job])
        now += 1
    return starts


@given(JOBS, PLACES)
def test_it_is_as_by_hand(jobs, parallel):
    arrivals, starts, _ = served(jobs, parallel)
    assert starts.tolist() == by_hand(arrivals.tolist(), [s for _, s in jobs], parallel)


@given(JOBS, PLACES)
def test_nobody_overtakes(jobs, parallel):
    _, starts, _ = served(jobs, parallel)
    assert (np.diff(starts) >= 0).all()


@given(JOBS, PLACES)
def test_nobody_waits_while_a_place_is_free_and_never_are_too_many_served(jobs, parallel):
    arrivals, starts, ends = served(jobs, parallel)
    for job, (arrival, start) in enumerate(zip(arrivals, starts, strict=True)):
        others = np.arange(len(jobs)) != job
        if ends[job] > start:
            at_start = others & (starts <= start) & (ends > start) & (np.arange(len(jobs)) < job)
            assert at_start.sum() < parallel
        if start > arrival:  # all places were taken up to the very moment
            before = start - 0.5
            assert (others & (starts <= before) & (ends > before)).sum() == parallel


@given(JOBS)
def test_nobody_waits_where_there_are_as_many_places_as_jobs(jobs):
    arrivals, starts, _ = served(jobs, len(jobs))
    assert (starts == arrivals).all()


@given(JOBS, PLACES)
def test_more_places_never_make_anyone_wait_longer(jobs, parallel):
    _, fewer, _ = served(jobs, parallel)
    _, more, _ = served(jobs, parallel + 1)
    assert (more <= fewer).all()


def test_arms_have_queues_of_their_own():
    queues = Queues([1, 2])
    for _ in range(3):
        queues.join(0, 0.0, 5.0)
    assert queues.wait(0, 1.0) == pytest.approx(14.0)
    assert queues.wait(1, 1.0) == 0.0
    assert queues.wait(0, 20.0) == 0.0
