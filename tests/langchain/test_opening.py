"""Opening the models of a models file as LangChain chat models."""

import sys

import pytest

from automix_core.collect import ModelSpec
from automix_core.drive import afinish
from automix_core.errors import ConfigurationError
from automix_core.flow import Ask, Turn, Wave
from langchain_automix.opening import open_models
from tests.scripted_server import Scripted, ScriptedServer

PROMPT = (Turn("system", "Be brief."), Turn("user", "Where?"))


def asking(name):
    (result,) = yield Wave((Ask(name, "draft"),))
    return result


async def test_an_address_is_asked_with_its_own_options():
    with ScriptedServer(lambda body: Scripted(text="here\nthere", usage=(5, 2))) as server:
        options = {"temperature": 0.3, "stop": ["\n"]}
        spec = ModelSpec("mine", "big", base_url=server.base_url, options=options)
        opened = open_models([spec])
        reply = await afinish(asking("mine"), opened.port(PROMPT))
    assert (reply.text, reply.usage.input_tokens) == ("here", 5)
    (body,) = server.bodies
    assert (body["model"], body["temperature"], body["stop"]) == ("big", 0.3, ["\n"])
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Where?"]
    assert opened.arms[0].can.logprobs
    assert "mine" in repr(opened.arms[0])


async def test_a_string_is_built_by_init_chat_model_without_retries_of_its_own(monkeypatch):
    pytest.importorskip("langchain")
    with ScriptedServer(lambda body: Scripted(status=500)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("MY_KEY", "sk-mine")
        opened = open_models([ModelSpec("a", "openai:gpt-4o-mini", api_key_env="MY_KEY")])
        failure = await afinish(asking("a"), opened.port(PROMPT))
    assert failure.label.endswith("500")
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer sk-mine"
    assert request.body["model"] == "gpt-4o-mini"


def test_a_client_that_cannot_be_made_is_named(monkeypatch):
    pytest.importorskip("langchain")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=r"^a: no client could be made: .*OPENAI_API_KEY"):
        open_models([ModelSpec("a", "openai:gpt-4o-mini")])
    with pytest.raises(ConfigurationError, match=r"^b: no client could be made"):
        open_models([ModelSpec("b", "who-knows-this-model")])


def test_a_missing_package_is_an_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(ImportError, match="langchain_openai"):
        open_models([ModelSpec("a", "big", base_url="http://127.0.0.1:1/v1")])
