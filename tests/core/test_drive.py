"""Both drivers stream a final answer live, hold everything else, and close what they opened."""

import asyncio
import sys
from contextlib import aclosing, contextmanager

import pytest

from automix_core import StreamInterrupted
from automix_core.drive import adrive, afinish, drive, finish
from automix_core.flow import Ask, Failure, Wave
from automix_core.ports import Piece
from tests.core.conftest import AsyncScriptedPort, Pause, ScriptedPort, says

FINAL = Ask("large", "answer", final=True)


def asking(*asks):
    """A flow of one wave, that returns its results."""
    return (yield Wave(asks))


def seen(word):
    return Piece(word, visible=True)


def hidden(word):
    return Piece(word, visible=False)


def test_a_final_answer_streams_and_is_marked_as_live(play):
    played = play(asking(FINAL), lambda ask: "forty two", stream=True)
    assert played.chunks == ["forty", "two"]
    assert [reply.live for reply in played.value] == [True]


@pytest.mark.parametrize(
    ("asks", "stream"),
    [
        ([FINAL], False),
        ([Ask("small", "draft")], True),
        ([FINAL, Ask("large", "answer", final=True, after=9.0)], True),
    ],
    ids=["not asked to", "a draft", "hedged"],
)
def test_nothing_else_streams(play, asks, stream):
    played = play(asking(*asks), lambda ask: "forty two", stream=stream)
    assert played.chunks == []
    assert not played.value[0].live


def test_chunks_without_text_are_held_until_there_is_some(play):
    script = lambda ask: [hidden("role"), seen("forty"), hidden("-"), seen("two"), says("42")]
    assert play(asking(FINAL), script, stream=True).chunks == ["role", "forty", "-", "two"]


def test_a_stream_in_which_nothing_was_to_be_seen_is_replayed_by_the_caller(play):
    played = play(asking(FINAL), lambda ask: [hidden("role"), says("forty two")], stream=True)
    assert played.chunks == []
    assert not played.value[0].live


def test_a_stream_that_fails_before_the_first_visible_chunk_can_be_replaced(play):
    error = ConnectionError("gone")
    played = play(asking(FINAL), lambda ask: [hidden("role"), error], stream=True)
    assert played.chunks == []
    assert played.value[0].error is error


def test_a_stream_that_fails_later_is_an_error_with_its_cause(play):
    error = ConnectionError("gone")
    with pytest.raises(
        StreamInterrupted, match=r"large failed after .* ConnectionError: gone"
    ) as e:
        play(asking(FINAL), lambda ask: [seen("forty"), error], stream=True)
    assert e.value.__cause__ is error


@pytest.mark.parametrize("played", [[], [hidden("role")], says(" ")], ids=["none", "role", "blank"])
def test_a_stream_without_an_answer_is_an_empty_answer(play, played):
    (result,) = play(asking(FINAL), lambda ask: played, stream=True).value
    assert isinstance(result, Failure)
    assert result.kind == "empty"


@pytest.mark.parametrize("error", [TypeError("bug"), Pause()], ids=["bug", "control flow"])
def test_bugs_and_control_flow_pass_through_a_stream(play, error):
    with pytest.raises(type(error)) as caught:
        play(asking(FINAL), lambda ask: error, stream=True)
    assert caught.value is error


def test_an_error_that_passes_is_told_to_the_flow_first(play):
    told = []

    def flow():
        try:
            yield Wave((FINAL,))
        except TypeError as error:
            told.append(str(error))
            raise

    with pytest.raises(TypeError):
        play(flow(), lambda ask: TypeError("bug"))
    assert told == ["bug"]


@contextmanager
def closing_noted(noted):
    try:
        yield
    finally:
        noted.append("flow")


def noted_flow(noted):
    with closing_noted(noted):
        yield Wave((FINAL,))


def test_a_reader_who_leaves_mid_stream_closes_flow_and_model_at_once():
    noted, port = [], ScriptedPort(lambda ask: "forty two")
    driven = drive(noted_flow(noted), port, stream=True)
    assert next(driven) == "forty"
    driven.close()
    assert (noted, port.closed) == (["flow"], 1)


async def test_a_reader_who_leaves_mid_async_stream_closes_flow_and_model_at_once():
    noted, port = [], AsyncScriptedPort(lambda ask: "forty two")
    async with aclosing(adrive(noted_flow(noted), port, stream=True)) as driven:
        assert await anext(driven) == "forty"
    assert (noted, port.closed) == (["flow"], 1)


async def test_a_caller_who_is_cancelled_ends_the_flow():
    noted, port = [], AsyncScriptedPort(lambda ask: [asyncio.CancelledError()])
    with pytest.raises(asyncio.CancelledError):
        await afinish(noted_flow(noted), port)
    assert noted == ["flow"]


async def test_an_awaited_flow_leaves_nothing_for_the_loop_to_clean_up():
    left, hooks = [], sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=left.append)
    try:
        assert (await afinish(asking(FINAL), AsyncScriptedPort(lambda ask: "yes")))[0].text == "yes"
    finally:
        sys.set_asyncgen_hooks(*hooks)
    assert left == []


def test_finish_gives_what_the_flow_returns():
    def nothing_to_ask():
        yield from ()
        return 42

    assert finish(nothing_to_ask(), ScriptedPort(None)) == 42
    assert asyncio.run(afinish(nothing_to_ask(), AsyncScriptedPort(None))) == 42


@pytest.mark.parametrize("finisher", [finish, lambda flow, port: asyncio.run(afinish(flow, port))])
def test_a_flow_that_raises_raises(finisher):
    def broken():
        yield from ()
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        finisher(broken(), ScriptedPort(None))
