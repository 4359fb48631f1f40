"""The scripted server behaves as the servers it stands in for, as real clients see it."""

import asyncio
import json
import time
import urllib.error
import urllib.request

import pytest

from tests.scripted_server import Scripted, ScriptedServer, ToolCall, echo

openai = pytest.importorskip("openai")

HELLO = [{"role": "user", "content": "Where is Paris?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def client(server, **options):
    return openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0, **options)


def ask(server, timeout=10.0, **options):
    with client(server, timeout=timeout) as api:
        return api.chat.completions.create(model="small", messages=HELLO, **options)


def stream(server, **options):
    with client(server) as api:
        return list(
            api.chat.completions.create(model="small", messages=HELLO, stream=True, **options)
        )


def test_echo_is_the_default_and_the_request_is_kept_as_received():
    with ScriptedServer() as server:
        reply = ask(server, temperature=0.5)
        (request,) = server.requests
    assert reply.choices[0].message.content == "small heard: Where is Paris?"
    assert reply.usage.completion_tokens == 5
    assert request.path == "/v1/chat/completions"
    assert json.loads(request.raw) == request.body
    assert request.body["messages"] == HELLO
    assert request.body["temperature"] == 0.5
    assert request.headers["authorization"] == "Bearer none"


@pytest.mark.parametrize(("usage", "completion"), [("all", 6), ("one", 2), ("none", None)])
def test_n_choices_and_what_usage_counts(usage, completion):
    with ScriptedServer(lambda _: Scripted(texts=("yes indeed", "no way")), usage=usage) as server:
        reply = ask(server, n=3)
    assert [c.message.content for c in reply.choices] == ["yes indeed", "no way", "yes indeed"]
    assert (reply.usage and reply.usage.completion_tokens) == completion


def test_n_can_be_ignored_or_refused():
    with ScriptedServer(choices="one") as server:
        assert len(ask(server, n=3).choices) == 1
    with ScriptedServer(choices="refuse") as server, pytest.raises(openai.BadRequestError):
        ask(server, n=3)


def test_stop_and_token_limit_cut_the_text():
    with ScriptedServer(lambda _: Scripted(text="one two three\nfour")) as server:
        stopped = ask(server, stop=["\n"]).choices[0]
        cut = ask(server, max_tokens=2).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("one two three", "stop")
    assert (cut.message.content, cut.finish_reason) == ("one two", "length")


def test_logprobs_only_when_asked():
    reply = Scripted(text="Yes it is", logprob=(-0.2, -0.4), alternatives={"No": -1.7, "Oh": -3.0})
    with ScriptedServer(lambda _: reply) as server:
        assert ask(server).choices[0].logprobs is None
        content = ask(server, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert [(t.token, t.logprob) for t in content] == [("Yes", -0.2), (" it", -0.4), (" is", -0.4)]
    assert [(t.token, t.logprob) for t in content[0].top_logprobs] == [("Yes", -0.2), ("No", -1.7)]


def test_logprobs_can_be_refused():
    with ScriptedServer(logprobs=False) as server:
        with pytest.raises(openai.BadRequestError, match="logprobs not supported"):
            ask(server, logprobs=True)
        assert ask(server).choices[0].message.content


def test_stream_has_role_words_end_and_usage_when_asked():
    with ScriptedServer(lambda _: Scripted(text="in  France.")) as server:
        plain = stream(server)
        counted = stream(server, stream_options={"include_usage": True}, logprobs=True)
    assert [c.choices[0].delta.content for c in plain] == ["", "in", "  France.", None]
    assert [c.choices[0].finish_reason for c in plain] == [None, None, None, "stop"]
    assert counted[1].choices[0].logprobs.content[0].token == "in"
    assert counted[-1].choices == []
    assert counted[-1].usage.completion_tokens == 2


def test_tool_call_is_made_up_from_the_schema_and_streams_in_fragments():
    said = [{"role": "user", "content": "Weather in 'Lyon' for 3 days"}]
    with ScriptedServer() as server, client(server) as api:
        reply = api.chat.completions.create(model="small", messages=said, tools=[WEATHER])
        parts = list(
            api.chat.completions.create(model="small", messages=said, tools=[WEATHER], stream=True)
        )
        silent = api.chat.completions.create(
            model="small", messages=said, tools=[WEATHER], tool_choice="none"
        )
    (call,) = reply.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Lyon", "days": 3}
    assert reply.choices[0].finish_reason == "tool_calls"
    fragments = [f for c in parts for f in c.choices[0].delta.tool_calls or []]
    assert fragments[0].function.name == "weather"
    assert "".join(f.function.arguments for f in fragments) == call.function.arguments
    assert silent.choices[0].message.tool_calls is None


def test_scripted_tool_call_and_schema_reply():
    schema = {
        "$defs": {"Word": {"enum": ["red", "blue"]}},
        "type": "object",
        "properties": {
            "colour": {"$ref": "#/$defs/Word"},
            "sizes": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "Thing", "schema": schema}}
    with ScriptedServer() as server:
        text = ask(server, response_format=wanted).choices[0].message.content
        loose = ask(server, response_format={"type": "json_object"}).choices[0].message.content
    assert json.loads(text) == {"colour": "red", "sizes": [1.0]}
    assert json.loads(loose) == {"answer": "Where is Paris?"}
    call = Scripted(tool_calls=(ToolCall("search", {"q": "é"}),))
    with ScriptedServer(lambda _: call) as server:
        message = ask(server).choices[0].message
    assert message.content is None
    assert json.loads(message.tool_calls[0].function.arguments) == {"q": "é"}


def test_plain_completions_whole_and_streamed():
    with (
        ScriptedServer(lambda body: Scripted(text=f"{body['prompt']} four")) as server,
        client(server) as api,
    ):
        reply = api.completions.create(model="small", prompt="three", logprobs=1)
        parts = list(api.completions.create(model="small", prompt="three", stream=True))
    assert reply.choices[0].text == "three four"
    assert reply.choices[0].logprobs.token_logprobs == [-0.1, -0.1]
    assert "".join(part.choices[0].text for part in parts) == "three four"


@pytest.mark.parametrize(("status", "error"), [(429, "RateLimitError"), (500, "ServerError")])
def test_error_statuses(status, error):
    with ScriptedServer(lambda _: Scripted(status=status, error="not now")) as server:
        with pytest.raises(openai.APIStatusError, match="not now") as caught:
            ask(server)
        with pytest.raises(openai.APIStatusError):
            stream(server)
    assert error in type(caught.value).__name__
    assert server.aborts == 0


@pytest.mark.parametrize("fault", ["drop", "cut", "malformed"])
def test_faults_are_errors_whole_and_streamed(fault):
    with ScriptedServer(lambda _: Scripted(text="a b c", fault=fault)) as server:
        seen = [error_of(ask, server), error_of(stream, server)]
    assert set(seen) <= {"APIConnectionError", "JSONDecodeError", "RemoteProtocolError"}
    assert len(server.requests) == 2


def test_a_client_that_gives_up_is_counted():
    with ScriptedServer(lambda _: Scripted(text="late", delay=5)) as server:
        with pytest.raises(openai.APITimeoutError):
            ask(server, timeout=0.2)
        wait_for_aborts(server)


def test_a_closed_stream_is_counted():
    with ScriptedServer(lambda _: Scripted(text="a b c d", chunk_delay=0.2)) as server:
        with client(server) as api:
            parts = api.chat.completions.create(model="small", messages=HELLO, stream=True)
            next(iter(parts))
            parts.close()
        wait_for_aborts(server)


async def test_requests_are_answered_side_by_side_and_async_clients_work():
    with ScriptedServer(lambda _: Scripted(text="ok", delay=0.3)) as server:
        started = time.monotonic()
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as api:
            create = api.chat.completions.create
            await asyncio.gather(*(create(model="small", messages=HELLO) for _ in range(4)))
        assert time.monotonic() - started < 1.1
    assert server.peak == 4


def test_connections_are_never_kept():
    with ScriptedServer() as server, urllib.request.urlopen(f"{server.base_url}/models") as reply:
        assert reply.headers["Connection"] == "close"
        assert json.load(reply)["data"][0]["id"] == "scripted"


def test_other_paths_are_not_found():
    with ScriptedServer() as server:
        address = f"{server.base_url}/embeddings"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address, data=b"{}")


def test_a_mistake_in_respond_comes_out_at_the_end():
    def mistaken(body):
        return Scripted(text=body["no such field"])

    server = ScriptedServer(mistaken)
    with (
        pytest.raises(KeyError, match="no such field"),
        server,
        pytest.raises(openai.InternalServerError),
    ):
        ask(server)


def test_echo_answers_after_a_tool_result():
    body = {"messages": [*HELLO, {"role": "tool", "content": "sunny"}], "tools": [WEATHER]}
    assert echo(body).text == "scripted heard: Where is Paris?"


def error_of(call, server):
    with pytest.raises(Exception) as caught:
        call(server)
    return type(caught.value).__name__


def wait_for_aborts(server):
    deadline = time.monotonic() + 3
    while not server.aborts and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.aborts == 1
