"""The way through a stream: calls, checks and queues, one after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import Outcomes
from automix_core.evaluate.stream.course import Step, follow
from automix_core.evaluate.stream.protocol import Stream
from automix_core.evaluate.stream.scene import Scene
from automix_core.evaluate.stream.speeds import Pace

GAP = 2  # seconds between two requests


class Scripted:
    """Asks the arms that it was told to, each but the last as a draft, and stops or commits."""

    def __init__(self, plans, checks, stops):
        self.plans = plans
        self.check_seconds = np.array(checks, dtype=float)
        self.stops = stops
        self.prepared = set()
        self.asked = [0] * len(plans)

    def change(self, present):
        raise AssertionError

    def prepare(self, rows, moment, log):
        self.prepared = set(rows.tolist())

    def act(self, row, now, queues, log):
        assert row in self.prepared
        plan, done = self.plans[row], self.asked[row]
        self.asked[row] += 1
        if done == len(plan):
            return Step(plan[-1], run=False, final=False)
        last = done == len(plan) - 1
        return Step(plan[done], run=True, final=last and not self.stops[row])


def scene_of(seconds, parallel, stream=None):
    seconds = np.array(seconds, dtype=float)
    count, arms = seconds.shape
    cost = np.arange(1.0, arms + 1)
    names = [f"m{arm}" for arm in range(arms)]
    requests = Outcomes.from_arrays(names, np.ones((count, arms)), cost, latency=seconds)
    stream = stream or Stream(requests=5, period=5.0 * GAP)
    return Scene(
        stream=stream,
        train=requests,
        requests=requests,
        order=np.arange(count),
        held=requests,
        paces=tuple(Pace(0.0, 1.0, places, "given", "table") for places in parallel),
        arrived=np.array([stream.arrival(row) for row in range(count)]),
        presences=((0.0, (True,) * arms),),
        draws=np.zeros((count, arms + 1)),
        branch_draws=np.zeros(count),
        heard=np.ones(count, dtype=bool),
    )


@st.composite
def worlds(draw):
    count, arms = draw(st.integers(1, 14)), draw(st.integers(1, 3))

    def cells(values):
        flat = draw(st.lists(values, min_size=count * arms, max_size=count * arms))
        return np.array(flat).reshape(count, arms)

    plans = [draw(st.permutations(range(arms)))[: draw(st.integers(1, arms))] for _ in range(count)]
    stops = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    parallel = draw(st.lists(st.integers(1, 3), min_size=arms, max_size=arms))
    return cells(st.integers(1, 30)), cells(st.integers(0, 9)), plans, stops, parallel


def by_hand(seconds, checks, plans, stops, parallel):
    """When each request is done, found by looking at every second of every queue."""
    jobs = []  # of each request: arm and seconds of what it does one after another
    for row, plan in enumerate(plans):
        mine = []
        for place, arm in enumerate(plan):
            mine.append((arm, int(seconds[row][arm])))
            drafted = place < len(plan) - 1 or stops[row]
            if drafted and checks[row][arm]:
                mine.append((arm, int(checks[row][arm])))
        jobs.append(mine)
    ready = {row: GAP * row for row in range(len(plans))}
    waiting = [[] for _ in parallel]
    served = [[] for _ in parallel]
    done, now = {}, 0
    while len(done) < len(plans):
        for arm in served:
            arm[:] = [end for end in arm if end > now]
        for row in sorted(row for row, time in ready.items() if time == now):
            del ready[row]
            if jobs[row]:
                waiting[jobs[row][0][0]].append(row)
            else:
                done[row] = now
        for arm, queue in enumerate(waiting):
            while queue and len(served[arm]) < parallel[arm]:
                row = queue.pop(0)
                _, length = jobs[row].pop(0)
                served[arm].append(now + length)
                ready[row] = now + length
        now += 1
    return [done[row] for row in range(len(plans))]


@settings(max_examples=60)
@given(worlds())
def test_it_is_as_by_hand(world):
    seconds, checks, plans, stops, parallel = world
    log = follow(scene_of(seconds, parallel), Scripted(plans, checks, stops))
    assert log.finished.tolist() == by_hand(seconds, checks, plans, stops, parallel)
    assert (log.queued >= 0).all()
    for row, plan in enumerate(plans):
        assert np.flatnonzero(log.asked[row]).tolist() == sorted(plan)
        checked = plan if stops[row] else plan[:-1]
        assert np.flatnonzero(log.verified[row]).tolist() == sorted(checked)
        busy = seconds[row][list(plan)].sum() + checks[row][list(checked)].sum()
        assert log.finished[row] - GAP * row == pytest.approx(log.queued[row] + busy)


def test_a_draft_its_check_and_the_next_call_take_their_time_one_after_another():
    chooser = Scripted([[0, 1]], [[3, 0]], [False])
    log = follow(scene_of([[4, 5]], [1, 1]), chooser)
    assert log.finished.tolist() == [12.0]
    assert log.queued.tolist() == [0.0]
    assert log.arm.tolist() == [1]


def test_a_check_holds_up_the_next_request_of_the_same_arm():
    """The draft is done at 2, and its check, of 6 s, is in the queue before the next request."""
    log = follow(scene_of([[2], [1]], [1]), Scripted([[0], [0]], [[6], [0]], [True, False]))
    assert log.finished.tolist() == [8.0, 9.0]
    assert log.queued.tolist() == [0.0, 6.0]


def test_waiting_is_read_off_once_a_period():
    log = follow(
        scene_of(np.full((12, 1), 5.0), [1]), Scripted([[0]] * 12, np.zeros((12, 1)), [False] * 12)
    )
    assert [float(read[0]) for read in log.waiting[:3]] == [0.0, 15.0, 30.0]
