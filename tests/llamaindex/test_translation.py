"""The small translations: what is read off models, responses, templates and messages."""

from types import SimpleNamespace

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
)
from llama_index.core.prompts import PromptTemplate, PromptType
from llama_index.llms.openai_like import OpenAILike

from automix_core import Arm, Capabilities
from automix_core.contexts import Grounding
from automix_core.conversation import Said
from automix_core.flow import Ask, SampleOptions, Token, Usage
from llamaindex_automix.describe import describe, speaks_openai
from llamaindex_automix.messages import needs, said
from llamaindex_automix.options import adjusted, wanted
from llamaindex_automix.responses import texts_of, tokens_of, usage_of
from llamaindex_automix.tools import react_action, react_tools
from llamaindex_automix.variables import variables_of
from tests.llamaindex.fakes import Fake


def like(**options):
    return OpenAILike(**{"model": "m", "api_key": "none", "is_chat_model": True, **options})


@pytest.mark.parametrize(
    ("base", "provider"),
    [
        ("http://127.0.0.1:8080/v1", "local"),
        ("http://localhost:8080/v1", "local"),
        ("https://api.openai.com/v1", "openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
    ],
)
def test_the_provider_is_read_off_the_address(base, provider):
    assert describe(like(api_base=base)).provider == provider


def test_what_a_model_can_do():
    can = describe(like(context_window=8192, is_function_calling_model=True)).capabilities
    assert (can.logprobs, can.samples, can.schema, can.tools) == (True, True, True, True)
    assert can.context_window == 8192
    assert not describe(like(is_chat_model=False)).capabilities.schema
    seen = describe(Fake(model="unknown"))
    assert (seen.name, seen.provider) == (Fake.class_name(), None)
    assert (seen.capabilities.logprobs, seen.capabilities.tools) == (False, False)
    assert seen.capabilities.context_window is None
    assert not speaks_openai(Fake())


def test_options_are_set_where_a_keyword_would_lose():
    model = like(max_tokens=9, logprobs=True, additional_kwargs={"n": 3, "seed": 7})
    arm = Arm(model)
    ask = Ask("m", "verify", (), SampleOptions(0.0, 200, ("x",), logprobs=True), samples=2)
    copied, keywords = adjusted(arm, wanted(ask, arm), own=True)
    assert (copied.max_tokens, copied.temperature, copied.logprobs) == (200, 0.0, None)
    assert copied.additional_kwargs == {"seed": 7}
    assert keywords == {"stop": ["x"], "n": 2, "logprobs": True}
    assert (model.max_tokens, model.additional_kwargs) == (9, {"n": 3, "seed": 7})
    assert copied._get_client() is model._get_client()


def test_a_model_that_asks_for_log_probabilities_itself_is_left_alone():
    ask = Ask("m", "draft", None, SampleOptions(logprobs=True, top_logprobs=1))
    for model in (like(logprobs=True), like(additional_kwargs={"logprobs": True})):
        arm = Arm(model)
        copied, keywords = adjusted(arm, wanted(ask, arm), own=False)
        assert copied is model
        assert keywords == {}


def test_another_model_gets_the_words_it_was_said_to_know():
    ask = Ask("m", "verify", (), SampleOptions(0.0, 200, ("x",), logprobs=True), samples=2)
    for can, known in ((Capabilities(), {}), (Capabilities(logprobs=True), {"logprobs": True})):
        arm = Arm(Fake(), capabilities=can)
        copied, keywords = adjusted(arm, wanted(ask, arm), own=True)
        assert (copied.temperature, keywords) == (0.0, known)


def chat(raw=None, **kwargs):
    return ChatResponse(message=ChatMessage(content="hello"), raw=raw, **kwargs)


@pytest.mark.parametrize(
    ("response", "usage"),
    [
        (chat({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}), Usage(3, 2)),
        (chat({"usage": {"input_tokens": 3, "output_tokens": 2}}), Usage(3, 2)),
        (
            chat(
                SimpleNamespace(
                    usage=SimpleNamespace(
                        prompt_tokens=9,
                        completion_tokens=2,
                        prompt_tokens_details=SimpleNamespace(cached_tokens=4),
                    )
                )
            ),
            Usage(9, 2, 4),
        ),
        (chat(additional_kwargs={"prompt_tokens": 3, "completion_tokens": 0}), Usage(3, 0)),
        (chat({"usage": None}), None),
        (chat(), None),
    ],
)
def test_usage(response, usage):
    assert usage_of(response) == usage


def test_log_probabilities_in_every_form():
    entry = {
        "token": "a",
        "logprob": -1.0,
        "top_logprobs": [{"token": "b", "logprob": -0.5}, {"token": "a", "logprob": -1.0}],
    }
    token = (Token("a", -1.0, {"b": -0.5, "a": -1.0}),)
    assert tokens_of(chat({"choices": [{"logprobs": {"content": [entry]}}]})) == token
    legacy = {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{"b": -0.5, "a": -1.0}]}
    old = CompletionResponse(text="a", raw={"choices": [{"logprobs": legacy}]})
    assert tokens_of(old) == token
    assert tokens_of(chat(logprobs=[[LogProb(token="a", logprob=-1.0)]])) == (
        Token("a", -1.0, {"a": -1.0}),
    )
    assert tokens_of(chat(logprobs=[[]])) is None
    assert tokens_of(chat({"choices": []})) is None


def test_the_texts_of_several_samples():
    assert texts_of(chat()) == ("hello",)
    raw = {"choices": [{"message": {"content": "one"}}, {"message": {"content": None}}]}
    assert texts_of(chat(raw)) == ("one", "")
    old = CompletionResponse(text="one", raw={"choices": [{"text": "one"}, {"text": "two"}]})
    assert texts_of(old) == ("one", "two")


def test_messages_as_turns():
    blocks = [ThinkingBlock(content="hm"), TextBlock(text="one"), TextBlock(text="two")]
    turns = said(
        [
            ChatMessage(role="developer", content="Be brief."),
            ChatMessage(content="Why?"),
            ChatMessage(role="assistant", blocks=blocks),
            ChatMessage(content="Observation: it rains"),
            ChatMessage(role="tool", content="42"),
        ]
    )
    assert turns == [
        Said("system", "Be brief."),
        Said("user", "Why?"),
        Said("assistant", "one\ntwo"),
        Said("tool", "it rains"),
        Said("tool", "42"),
    ]
    assert needs([ChatMessage(blocks=[ImageBlock(url="http://x/y.png")])]).images
    assert needs([ChatMessage(content="x" * 400)]).tokens == 100


@pytest.mark.parametrize(
    ("prompt", "given", "grounding", "utility"),
    [
        ("{query_str} {context_str}", {"query_str": "q", "context_str": "c"}, ("q", "c"), False),
        ("{query_str} {context_str}", {"query_str": "q", "context_str": ["c", "d"]},
         ("q", "c\n\nd"), False),
        ("{query_str}", {"query_str": "q", "context_msg": "c", "existing_answer": "a"},
         ("q", "c\n\na"), False),
        ("{query_str}", {"query_str": "q"}, ("q", ""), False),
        ("{topic}", {"topic": "cats"}, None, False),
        ("{chat_history} {question}", {"chat_history": "h", "question": "q"}, None, True),
        ("{chat_history} {query_str}", {"chat_history": "h", "query_str": "q"}, ("q", ""), False),
        ("{num_choices}", {"num_choices": 2, "query_str": "q"}, ("q", ""), True),
    ],
)  # fmt: skip
def test_what_template_variables_say(prompt, given, grounding, utility):
    variables = variables_of(PromptTemplate(prompt), given)
    assert variables.grounding == (grounding and Grounding(*grounding))
    assert variables.utility is utility
    partial = PromptTemplate(prompt).partial_format(**given)
    assert variables_of(partial, {}) == variables


def test_a_template_s_type_says_that_it_serves_the_pipeline():
    prompt = PromptTemplate("{query_str}", prompt_type=PromptType.CHOICE_SELECT)
    assert variables_of(prompt, {"query_str": "q"}).utility


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Thought: so\nAction: multiply\nAction Input: {"a": 1}', True),
        ('Thought: so\nAction: divide\nAction Input: {"a": 1}', False),
        ("Thought: so\nAction: multiply\nAction Input: 6", False),
        ("Thought: so\nAction: multiply", False),
        ("Thought: so\nAnswer: 42\nindeed", "42\nindeed"),
        ("just talking", "just talking"),
    ],
)
def test_react_turns(text, found):
    valid, shown = react_action(text, frozenset({"multiply"}))
    assert (valid if isinstance(found, bool) else shown) == found


def test_a_conversation_that_is_no_react_agent_s():
    assert react_tools([ChatMessage(role="system", content="Thought: be brief")]) is None
