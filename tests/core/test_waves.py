"""A wave is carried out side by side, and nothing a model does can hang it or get lost."""

import asyncio
import functools
import threading
import time

import pytest

from automix_core import Preference, preferring
from automix_core.contexts import current_preference
from automix_core.drive import afinish, finish
from automix_core.flow import Ask, Call, Failure, Reply, Usage, Value, Wave
from automix_core.waves import PROGRAMMING_ERRORS
from tests.core.conftest import AsyncScriptedPort, Late, Pause, ScriptedPort, says

SLOW = 5.0


def wave(*asks, until=None):
    """A flow of one wave, that returns its results."""
    return (yield Wave(asks, until))


def asks(*names, **more):
    return [Ask(name, "draft", **more) for name in names]


def any_reply(results):
    return any(isinstance(result, Reply) for result in results)


def test_results_keep_the_order_of_the_asks_however_they_arrive(play):
    played = play(wave(*asks("a", "b", "c")), lambda ask: [Late(0.05 * (ask.to == "a")), ask.to])
    assert [reply.text for reply in played.value] == ["a", "b", "c"]


def test_asks_of_a_wave_run_side_by_side(play):
    began = time.monotonic()
    play(wave(*asks(*"abcde")), lambda ask: [Late(0.3), "yes"])
    assert time.monotonic() - began < 1.0


def test_latency_is_measured_and_not_believed(play):
    script = lambda ask: [Late(0.05), says("yes", latency=99.0)]
    (reply,) = play(wave(*asks("a")), script).value
    assert 0.05 <= reply.latency < 1


def test_a_model_that_fails_is_evidence_and_does_not_disturb_the_others(play):
    error = ConnectionError("no route")
    good, bad = play(wave(*asks("a", "b")), lambda ask: error if ask.to == "b" else "yes").value
    assert good.text == "yes"
    assert (bad.source, bad.kind, bad.error) == ("b", "error", error)
    assert bad.describe() == "ConnectionError: no route"


def test_an_empty_reply_is_a_failure_that_was_paid_for(play):
    (result,) = play(wave(*asks("a")), lambda ask: says(" \n", usage=Usage(7, 1))).value
    assert (result.kind, result.usage) == ("empty", Usage(7, 1))


@pytest.mark.parametrize(("carried", "known"), [(Usage(7, 1), Usage(7, 1)), ("much", None)])
def test_an_error_may_say_what_it_cost_all_the_same(play, carried, known):
    error = ConnectionError("cut")
    error.usage = carried
    (result,) = play(wave(*asks("a")), lambda ask: error).value
    assert (result.kind, result.usage) == ("error", known)


def test_a_model_that_raises_stop_iteration_has_failed_like_any_other(play):
    (result,) = play(wave(*asks("a")), lambda ask: StopIteration("stray")).value
    assert isinstance(result, Failure)


@pytest.mark.parametrize("error", [kind("bug") for kind in PROGRAMMING_ERRORS] + [Pause()])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_bugs_and_control_flow_pass_through(play, error, names):
    with pytest.raises(type(error)) as caught:
        play(wave(*asks(*names)), lambda ask: error)
    assert caught.value is error


def test_the_wave_ends_as_soon_as_until_says_so(play):
    began = time.monotonic()
    script = lambda ask: [Late(SLOW * (ask.to != "b")), "yes"]
    first, second, third = play(wave(*asks("a", "b", "c"), until=any_reply), script).value
    assert (first.kind, second.text, third.kind) == ("abandoned", "yes", "abandoned")
    assert time.monotonic() - began < SLOW / 2


async def test_what_lost_the_race_is_cancelled():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(SLOW)
        finally:
            ended.append("slow")

    flow = wave(Call(slow), Call(lambda: 1), until=lambda results: results[1] is not None)
    lost, won = await afinish(flow, AsyncScriptedPort(None))
    assert (lost.kind, won) == ("abandoned", Value(1))
    assert ended == ["slow"]


def test_a_hedge_is_not_started_when_the_first_is_quick(play):
    hedged = [Ask("a", "draft"), Ask("b", "draft", after=SLOW)]
    began = time.monotonic()
    first, second = play(wave(*hedged, until=any_reply), lambda ask: ask.to).value
    assert (first.text, second) == ("a", None)
    assert time.monotonic() - began < SLOW / 2


def test_a_hedge_overtakes_a_slow_first(play):
    hedged = [Ask("a", "draft"), Ask("b", "draft", after=0.02)]
    script = lambda ask: [Late(SLOW * (ask.to == "a")), ask.to]
    first, second = play(wave(*hedged, until=any_reply), script).value
    assert (first.kind, second.text) == ("abandoned", "b")


def test_a_hedge_does_not_wait_once_nothing_else_runs(play):
    hedged = [Ask("a", "draft"), Ask("b", "draft", after=SLOW)]
    began = time.monotonic()
    script = lambda ask: OSError("down") if ask.to == "a" else "b"
    first, second = play(wave(*hedged, until=any_reply), script).value
    assert (first.kind, second.text) == ("error", "b")
    assert time.monotonic() - began < SLOW / 2


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_timeout_is_a_failure_in_time(play, names):
    began = time.monotonic()
    script = lambda ask: [Late(1.0 * (ask.to == "a")), ask.to]
    late, *others = play(wave(*asks(*names, timeout=0.1)), script).value
    assert (late.source, late.kind, late.latency) == ("a", "timeout", 0.1)
    assert [reply.text for reply in others] == list(names[1:])
    assert time.monotonic() - began < 0.9


def test_what_arrives_after_its_time_is_ignored(play):
    pair = [Ask("a", "draft", timeout=0.05), Ask("b", "draft")]
    script = lambda ask: [Late(0.15 if ask.to == "a" else 0.4), ask.to]
    late, other = play(wave(*pair), script).value
    assert (late.kind, other.text) == ("timeout", "b")


def test_a_clients_own_timeout_is_a_timeout_too(play):
    (result,) = play(wave(*asks("a")), lambda ask: TimeoutError("read timed out")).value
    assert result.kind == "timeout"
    assert result.label == "TimeoutError"


def test_what_was_abandoned_does_not_keep_the_process_alive():
    play_on = threading.Event()
    before = set(threading.enumerate())
    finish(wave(Ask("a", "draft", timeout=0.01)), ScriptedPort(lambda ask: play_on.wait(SLOW)))
    left = set(threading.enumerate()) - before
    assert left
    assert all(thread.daemon for thread in left)
    play_on.set()


def test_contexts_reach_every_ask_and_call(play):
    seen = []

    def look(*_):
        seen.append(current_preference())
        return "yes"

    async def alook():
        look()

    preference = Preference(cost_weight=0.7)
    with preferring(preference):
        play(wave(Ask("a", "draft"), Call(look), Call(alook)), look)
        play(wave(Call(alook)), look)
    assert seen == [preference] * 4


def plus_one(number):
    return number + 1


async def aplus_one(number):
    await asyncio.sleep(0)
    return number + 1


class PlusOne:
    async def __call__(self, number):
        return await aplus_one(number)


@pytest.mark.parametrize(
    "function",
    [plus_one, aplus_one, PlusOne(), functools.partial(aplus_one)],
    ids=["function", "async function", "async object", "partial"],
)
def test_a_call_may_be_any_callable_sync_or_async(play, function):
    assert play(wave(Call(function, (1,))), None).value == (Value(2),)
    assert play(wave(Call(function, (1,)), Call(function, (2,))), None).value == (
        Value(2),
        Value(3),
    )


def test_a_call_that_raises_has_failed_whatever_it_raised(play):
    (result,) = play(wave(Call(plus_one, ("text",))), None).value
    assert (result.source, result.kind) == ("plus_one", "error")
    assert isinstance(result.error, TypeError)


def test_control_flow_passes_through_a_call_as_well(play):
    def pause():
        raise Pause

    with pytest.raises(Pause):
        play(wave(Call(pause)), None)


def test_a_call_may_time_out(play):
    async def forever():
        await asyncio.sleep(SLOW)

    (result,) = play(wave(Call(forever, timeout=0.05)), None).value
    assert (result.source, result.kind) == ("forever", "timeout")


async def test_a_coroutine_may_be_called_where_a_loop_is_running():
    """As in a notebook, where `asyncio.run` fails."""
    assert finish(wave(Call(aplus_one, (1,))), ScriptedPort(None)) == (Value(2),)
