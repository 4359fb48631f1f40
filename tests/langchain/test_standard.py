"""LangChain's own conformance suite, over two `ChatOpenAI` arms on a real loopback server."""

from collections.abc import Iterator

import pytest

pytest.importorskip("langchain_tests")

from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_automix import RoutingChatModel
from tests.scripted_server import ScriptedServer


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def arms(base_url: str) -> dict[str, ChatOpenAI]:
    return {
        name: ChatOpenAI(base_url=base_url, api_key="none", model=name, max_retries=0)
        for name in ("small", "large")
    }


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RoutingChatModel

    @property
    def chat_model_params(self) -> dict:
        return {"models": arms("http://127.0.0.1:9/v1")}


class TestIntegration(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _address(self, server: ScriptedServer) -> None:
        type(self).base_url = server.base_url

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RoutingChatModel

    @property
    def chat_model_params(self) -> dict:
        return {"models": arms(self.base_url)}
