"""The live queue: calls are counted however they end, and busy arms are seen to be busy."""

import asyncio
import threading
from contextlib import suppress

import numpy as np
import pytest

from automix_core import Arm, ConfigurationError, Preference, Request, Router, Verifier
from automix_core.decide import Best
from automix_core.drive import afinish, finish
from automix_core.estimate import Forecast, Prior
from automix_core.evidence import Examples, Signal
from automix_core.flow import Ask, Failure, Reply, Wave
from automix_core.load import Load
from automix_core.prices import Price
from automix_core.verify import Unverified
from tests.core.conftest import (
    AsyncScriptedPort,
    Late,
    Model,
    Pause,
    ScriptedPort,
    bound,
    describe,
    says,
)

ARMS = [Arm(Model("small"), "small", parallel=2), Arm(Model("large"), "large")]
ONE = (Ask("small", "answer"),)


def replied(seconds, to="small"):
    return (Reply(to, ("x",), latency=seconds),)


def finished(load, seconds, asks=ONE):
    """A call that has come and gone."""
    load.end(asks, load.begin(asks), replied(seconds, asks[0].to))


def test_where_no_arm_has_a_limit_nothing_is_counted():
    assert Load.of([Arm(Model("a"), "a"), Arm(Model("b"), "b")]) is None
    assert Load.of(ARMS) is not None


@pytest.mark.parametrize(("calls", "wait"), [(0, 0.0), (1, 0.0), (2, 2.0), (3, 4.0), (5, 8.0)])
def test_calls_beyond_the_limit_wait_for_one_another(calls, wait):
    load = Load(ARMS)
    finished(load, 4.0)
    for _ in range(calls):
        load.begin(ONE)
    np.testing.assert_allclose(load.waiting(), [[wait, 0.0]], atol=1e-9)


def test_an_arm_without_a_limit_never_keeps_anyone_waiting():
    load = Load(ARMS)
    asks = (Ask("large", "answer"),)
    finished(load, 4.0, asks)
    for _ in range(50):
        load.begin(asks)
    assert load.in_flight == (0, 50)
    assert load.waiting()[0, 1] == 0.0


def test_an_arm_recovers_once_its_calls_have_ended():
    load = Load(ARMS)
    begun = [load.begin(ONE) for _ in range(4)]
    for moment in begun:
        load.end(ONE, moment, replied(1.0))
    assert load.in_flight == (0, 0)
    np.testing.assert_array_equal(load.waiting(), [[0.0, 0.0]])


def test_before_any_call_has_ended_those_in_flight_tell_how_long_one_takes(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("automix_core.load.time.monotonic", lambda: now[0])
    load = Load(ARMS)
    for _ in range(3):
        load.begin(ONE)
    now[0] = 110.0
    np.testing.assert_allclose(load.waiting()[0, 0], 2 * 10.0 / 2)


def test_the_wait_of_calls_that_found_the_arm_busy_is_not_taken_for_their_length():
    load = Load(ARMS)
    begun = [load.begin(ONE) for _ in range(4)]
    for place, moment in enumerate(begun):
        load.end(ONE, moment, replied(1.0 if place < 2 else 2.0))
    for _ in range(2):
        load.begin(ONE)
    assert 0.5 <= load.waiting()[0, 0] <= 0.7  # a call takes about a second, and two run at once


def test_refusals_and_abandoned_calls_say_nothing_of_how_long_a_call_takes():
    load = Load(ARMS)
    finished(load, 4.0)
    for kind in ("error", "abandoned", "timeout"):
        load.end(ONE, load.begin(ONE), (Failure("small", kind, latency=0.001),))
    load.begin(ONE)
    load.begin(ONE)
    np.testing.assert_allclose(load.waiting()[0, 0], 2.0)


def test_the_mean_keeps_up_when_calls_become_longer():
    load = Load(ARMS)
    for seconds in [1.0] * 200 + [10.0] * 100:
        finished(load, seconds)
    load.begin(ONE)
    load.begin(ONE)
    assert load.waiting()[0, 0] > 0.9 * 10 / 2


def test_many_threads_lose_no_call():
    load = Load(ARMS)

    def work():
        for _ in range(300):
            finished(load, 0.1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load.in_flight == (0, 0)


@pytest.mark.parametrize("parallel", [0, -1, 1.5, True])
def test_a_limit_is_a_whole_number_of_at_least_one(parallel):
    with pytest.raises(ConfigurationError, match=r"Arm\.parallel"):
        Arm(Model("a"), parallel=parallel)


# In a router.


def limited(made=None):
    """A router over two arms, of which the cheap one serves one call at a time."""
    made = made or Router(Unverified(), Prior(), Best())
    arms = [Arm(Model("small"), parallel=1), Arm(Model("large"))]
    prices = {"small": Price(1, 1), "large": Price(10, 10)}
    return made.bind(arms, describe=describe, prices=prices)


class Double(Verifier):
    """Asks the arm twice side by side, and breaks off after the first reply."""

    name = ""

    def verify(self, request, answer, arm, settles):
        asks = Ask(arm.name, "verify"), Ask(arm.name, "verify"), Ask(arm.name, "verify", after=9.0)
        yield Wave(asks, until=lambda results: any(isinstance(r, Reply) for r in results))
        return Signal(1.0)


ENDS = {
    "a reply": lambda ask: says("Berlin"),
    "a failure": lambda ask: ConnectionError("down"),
    "nothing": lambda ask: says(""),
    "a framework's control flow": lambda ask: Pause(),
    "a bug": lambda ask: TypeError("bug"),
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
def test_however_a_call_ends_it_is_over(play, script):
    router = limited(Router.preset("cascade", verifier=Double()))
    during = []

    def watched(ask):
        during.append(router._queue.in_flight)
        return script(ask)

    with suppress(Exception):
        play(router.route(Request("q")), watched)
    assert max(count[0] for count in during) >= 1
    assert router._queue.in_flight == (0, 0)


def test_calls_of_a_verifier_count_and_a_hedge_that_waits_does_not():
    router = limited(Router.preset("cascade", verifier=Double()))
    flow = router.route(Request("q"))
    next(flow)
    assert router._queue.in_flight == (1, 0)
    flow.send((says("Berlin", source="small"),))
    assert router._queue.in_flight == (2, 0)
    flow.close()
    assert router._queue.in_flight == (0, 0)


def test_a_caller_who_goes_away_leaves_no_call_behind():
    router = limited()
    flow = router.route(Request("q"))
    next(flow)
    assert sum(router._queue.in_flight) == 1
    flow.close()
    assert router._queue.in_flight == (0, 0)


def test_a_cancelled_task_leaves_no_call_behind():
    router = limited()

    async def cancelled():
        port = AsyncScriptedPort(lambda ask: [Late(30.0), "late"])
        task = asyncio.create_task(afinish(router.route(Request("q")), port))
        await asyncio.sleep(0.02)
        busy = router._queue.in_flight
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return busy

    assert sum(asyncio.run(cancelled())) == 1
    assert router._queue.in_flight == (0, 0)


def test_a_busy_arm_is_passed_over_where_latency_counts_and_asked_again_when_free():
    blank = np.full((20, 2), np.nan)
    alike = Examples(np.full((20, 2), 0.6), blank, latency=np.ones((20, 2)))
    router = limited(Router(Unverified(), Forecast(Prior()).fit(alike), Best()))
    wish = Preference(cost_weight=0.1, latency_weight=0.05)

    def asked():
        port = ScriptedPort(lambda ask: says("Berlin"))
        return finish(router.route(Request("q"), wish), port).decision.arm

    assert asked() == "small"
    finished(router._queue, 30.0)  # one call that took long
    flow = router.route(Request("q"), wish)
    next(flow)  # in flight
    assert asked() == "large"
    flow.close()
    assert asked() == "small"


def test_routers_without_limits_keep_no_queue():
    assert bound(Router(Unverified(), Prior(), Best()))._queue is None
