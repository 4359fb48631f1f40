"""Opening the models of a models file as LlamaIndex LLMs."""

import sys

import pytest

from automix_core.collect import ModelSpec
from automix_core.drive import afinish
from automix_core.errors import ConfigurationError
from automix_core.flow import Ask, SampleOptions, Turn, Wave
from llamaindex_automix.opening import open_models
from tests.scripted_server import Scripted, ScriptedServer

PROMPT = (Turn("system", "Be brief."), Turn("user", "Where?"))


def asking(name, **options):
    (result,) = yield Wave((Ask(name, "draft", options=SampleOptions(**options)),))
    return result


async def test_an_address_is_asked_with_its_own_options():
    with ScriptedServer(lambda body: Scripted(text="here\nthere", usage=(5, 2))) as server:
        options = {"temperature": 0.3, "stop": ["\n"]}
        spec = ModelSpec("mine", "big", base_url=server.base_url, options=options)
        opened = open_models([spec])
        flow = asking("mine", logprobs=True, top_logprobs=1)
        reply = await afinish(flow, opened.port(PROMPT))
    assert (reply.text, reply.usage.input_tokens, len(reply.logprobs)) == ("here", 5, 1)
    (body,) = server.bodies
    assert (body["model"], body["temperature"], body["stop"]) == ("big", 0.3, ["\n"])
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Where?"]


async def test_a_model_of_openai_without_retries_of_its_own(monkeypatch):
    with ScriptedServer(lambda body: Scripted(status=500)) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.base_url)
        monkeypatch.setenv("MY_KEY", "sk-mine")
        opened = open_models([ModelSpec("a", "openai:gpt-4o-mini", api_key_env="MY_KEY")])
        failure = await afinish(asking("a"), opened.port(PROMPT))
    assert failure.label.endswith("500")
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer sk-mine"


def test_another_providers_string_needs_langchain():
    with pytest.raises(ImportError, match=r"a: 'anthropic:x' is opened by LangChain's"):
        open_models([ModelSpec("a", "anthropic:x")])


def test_a_client_that_cannot_be_made_is_named():
    spec = ModelSpec("a", "big", base_url="http://127.0.0.1:1/v1", options={"temperature": "warm"})
    with pytest.raises(ConfigurationError, match=r"^a: no client could be made"):
        open_models([spec])


def test_a_missing_package_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "llama_index.llms.openai_like", None)
    with pytest.raises(ImportError, match="openai_like"):
        open_models([ModelSpec("a", "big", base_url="http://127.0.0.1:1/v1")])
