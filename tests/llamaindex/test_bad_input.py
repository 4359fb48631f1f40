"""Wrong input on purpose: each mistake is told at once, and the message says what to do."""

import subprocess
import sys

import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from automix_core.errors import UnexpectedModelError
from llamaindex_automix import (
    AllArmsFailed,
    Arm,
    AutomixError,
    Capabilities,
    ConfigurationError,
    Preference,
    Router,
    RoutingLLM,
    preferring,
    routing_decision,
)
from tests.llamaindex.fakes import Fake
from tests.llamaindex.pair import index_of


class ChatOpenAI:
    """What a LangChain model looks like from outside."""


ChatOpenAI.__module__ = "langchain_openai.chat_models.base"


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ([], "at least two models"),
        ([Fake()], "at least two models"),
        (Fake(), "a list of two or more"),
        ("gpt-5", "a list of two or more"),
        ({"small": Fake(), "large": "gpt-5"}, "OpenAILike"),
        ({"small": Fake(), "large": Fake}, "Pass an instance"),
        ({"small": Fake(), "large": object()}, "not a LlamaIndex LLM"),
        ({"small": Fake(), "large": ChatOpenAI()}, "langchain_automix.RoutingChatModel"),
        ([Fake(), Fake()], "Name them"),
    ],
)
def test_models_that_cannot_be_routed(models, says):
    with pytest.raises(ConfigurationError, match=says):
        RoutingLLM(models=models)


@pytest.mark.parametrize("wrap", [lambda router: router, Arm])
def test_a_router_inside_a_router(wrap):
    inner = RoutingLLM(models={"small": Fake(), "large": Fake()})
    with pytest.raises(ConfigurationError, match="no model of another one"):
        RoutingLLM(models={"both": wrap(inner), "third": Fake()})


def test_the_same_model_twice():
    model = Fake()
    with pytest.raises(ConfigurationError, match="same model object"):
        RoutingLLM(models={"small": model, "large": model})


def two(small="a", large="b", **options):
    return RoutingLLM(models={"small": Fake(small), "large": Fake(large)}, **options)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: two(router="automixx"), "'automix', 'calibrated', 'carrot', 'cascade'"),
        (lambda: two(router=3), "name of a preset"),
        (lambda: two(verifier="auto"), "'router'"),
        (lambda: two(router=Router.preset("cascade", verifier="mind_reader")), "'self_verif"),
        (lambda: two(prices={"middle": (1, 2)}), "'large', 'small'"),
        (lambda: two(prices={"small": "cheap"}), "million tokens"),
        (lambda: two().complete("?", preference="cheap"), "a Preference, not str"),
        (lambda: two().complete("?", preference=Preference(force="middle")), "'large', 'small'"),
        (lambda: two().complete("?", force="middle"), "'large', 'small'"),
        (lambda: two().complete("?", preference=Preference(max_cost=1.0)), "needs the price"),
        (lambda: routing_decision(Fake().complete("?")), "no routing decision"),
    ],
)
def test_names_and_values_that_do_not_exist(make, says):
    with pytest.raises(AutomixError, match=says):
        make()


def test_a_saved_router_is_refused_for_other_models(tmp_path):
    two().router.save(tmp_path / "router")
    loaded = Router.load(tmp_path / "router")
    RoutingLLM(models={"small": Fake(), "large": Fake()}, router=loaded)
    with pytest.raises(ConfigurationError, match=r"\['large', 'small'\].*\['big', 'tiny'\]"):
        RoutingLLM(models={"tiny": Fake(), "big": Fake()}, router=loaded)


def test_a_model_that_cannot_serve_a_request_is_never_asked():
    short = Arm(Fake("short"), capabilities=Capabilities(context_window=10))
    with pytest.warns(UserWarning, match="context window of large is unknown"):
        llm = RoutingLLM(models={"small": short, "large": Fake("long")})
    assert llm.complete("word " * 100).text == "long"


@pytest.mark.parametrize("error", [ValueError("broken"), TypeError("broken")])
@pytest.mark.parametrize("streaming", [True, False])
def test_no_error_is_swallowed_by_an_engine(error, streaming):
    llm = two(small=lambda text: error, large=lambda text: error)
    engine = index_of("A fact.").as_query_engine(llm=llm, streaming=streaming)
    failure = AllArmsFailed if isinstance(error, ValueError) else UnexpectedModelError
    with pytest.raises(failure, match="broken"):
        str(engine.query("Why?"))


def test_a_parser_s_error_is_not_swallowed_either():
    class Town(BaseModel):
        name: str

    llm = two(output_parser=PydanticOutputParser(Town))
    engine = index_of("A fact.").as_query_engine(llm=llm)
    with pytest.raises(UnexpectedModelError, match="ValueError"):
        engine.query("Why?")


@pytest.mark.parametrize(
    "setting",
    [{"system_prompt": "Be brief."}, {"query_wrapper_prompt": PromptTemplate("{query_str}")}],
)
def test_settings_of_a_model_that_have_no_effect_are_told_of(setting):
    with pytest.warns(UserWarning, match=f"{next(iter(setting))} of the model 'small'"):
        RoutingLLM(models={"small": Fake(**setting), "large": Fake()})


def test_fakes_without_any_capability_still_answer():
    assert two(router="automix").complete("?").text == "b"  # nobody can read a verdict in "a"
    mocks = RoutingLLM(models={"small": MockLLM(), "large": MockLLM(max_tokens=3)})
    assert mocks.complete("?").text == "text text text"
    assert "".join(c.delta for c in mocks.stream_complete("?")) == "text text text"
    assert mocks.predict(PromptTemplate("{x}"), x="?") == "text text text"


def test_chunks_without_deltas_get_them_and_an_empty_stream_is_a_failure():
    llm = two(large="some words")
    message = llm._get_messages(PromptTemplate("?"))
    with preferring(Preference(force="large")):
        assert "".join(chunk.delta for chunk in llm.stream_chat(message)) == "some words"
        assert "".join(chunk.delta for chunk in two(large="").stream_complete("?")) == "a"


def test_only_options_a_model_knows_reach_it_and_the_model_is_not_changed():
    small, large = Fake(), Fake()
    RoutingLLM(models={"small": small, "large": large}, router="automix").complete("?")
    assert small.calls[0] == ("complete", "?", {"formatted": False})
    assert {(how, *kwargs) for how, _, kwargs in small.calls[1:]} == {("chat",)}
    assert small.temperature == 0.5


def test_metadata_holds_for_every_arm():
    models = [Fake(model="a", window=9000, output=50), Fake(model="b", window=8000, output=70)]
    metadata = RoutingLLM(models=models).metadata
    assert (metadata.context_window, metadata.num_output) == (8000, 70)
    assert (metadata.is_chat_model, metadata.is_function_calling_model) == (True, False)
    assert metadata.model_name == "routing(a, b)"
    wide = RoutingLLM(models=models, context_window=5000, num_output=9).metadata
    assert (wide.context_window, wide.num_output) == (5000, 9)
    assert two().metadata.context_window == 3900
    mixed = RoutingLLM(models={"small": MockLLM(), "large": Fake()}).metadata
    assert not mixed.is_chat_model


def test_an_arm_applies_its_own_template_to_what_predict_filled_in():
    class OfTheOldKind(Fake):
        @property
        def metadata(self):
            return super().metadata.model_copy(update={"is_chat_model": False})

    small = OfTheOldKind("[bar]", completion_to_prompt=lambda prompt: f"<s>{prompt}</s>")
    llm = RoutingLLM(models={"small": small, "large": OfTheOldKind()})
    with preferring(Preference(force="small")):
        llm.predict(PromptTemplate("{x}"), x="?")
        llm.complete("<s>?</s>", formatted=True)
    assert [kwargs["formatted"] for _, _, kwargs in small.calls] == [False, True]


def test_a_dict_rebuilds_it_only_with_models():
    data = two(context_window=5000).to_dict()
    with pytest.raises(ConfigurationError, match=r"models=\{\.\.\.\} for \['small', 'large'\]"):
        RoutingLLM.from_dict(data)
    with pytest.raises(ConfigurationError, match="not those of the data"):
        RoutingLLM.from_dict(data, models={"x": Fake(), "y": Fake()})
    again = RoutingLLM.from_dict(data, models={"small": Fake(), "large": Fake()})
    assert again.metadata.context_window == 5000


def test_importing_the_adapter_needs_no_client_library():
    code = "import sys, llamaindex_automix; print('openai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
