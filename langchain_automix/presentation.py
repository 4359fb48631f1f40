"""What others ask of a chat model beside an answer: tools, identity, limits, token counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, PrivateAttr

from automix_core.arms import Arms
from automix_core.contexts import current_preference
from automix_core.errors import ConfigurationError
from automix_core.request import Preference
from automix_core.router import Router
from langchain_automix.configured import as_preference
from langchain_automix.structured import STRUCTURE, Method, Structure
from langchain_automix.tools import Tool, shown_tools

__all__ = ["PresentedChatModel"]


class PresentedChatModel(BaseChatModel):
    """The face that several models show as one. `RoutingChatModel` adds the answering."""

    model_config = ConfigDict(defer_build=True)  # its schema takes a while, and is for subclasses

    preference: Preference | None = None

    _bound: Router = PrivateAttr()
    _made_of: dict[str, Any] = PrivateAttr()  # the router as it was made, as JSON values
    _shown: tuple[Arms, dict[str, Any]] | None = PrivateAttr(default=None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(models={list(self.arms.names)}, router={self._bound.name!r})"

    def __str__(self) -> str:
        return repr(self)

    @property
    def arms(self) -> Arms:
        """The models as arms, cheapest first."""
        return self._bound.bound_arms

    def _preference(self, keywords: dict[str, Any]) -> Preference | None:
        """The preference of a call, taken out of its keywords."""
        given = as_preference(keywords.pop("preference", None))
        preference = given or current_preference() or self.preference
        model = keywords.pop("model", None)  # how a caller picks one by LangChain's own word
        force = keywords.pop("force", None) or model
        return preference if force is None else (preference or Preference()).forcing(force)

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools. Each model formats them itself, at call time.

        Raises:
            ConfigurationError: None of the models can call tools.
        """
        if all(arm.can.tools is False for arm in self.arms):
            msg = f"None of the models can call tools: {', '.join(self.arms.names)}."
            raise ConfigurationError(msg)
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=list(tools), **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answers that follow a schema; one that does not goes to the next model.

        Args:
            schema: A pydantic class, a `TypedDict`, or a JSON schema.
            method: Have each model do it in its own way: `json_schema`, `json_mode` or
                `function_calling`. Without a method the schema is a tool that must be called.
            include_raw: Give the message and a parsing error beside what was parsed.
            strict: As the models themselves understand it.
            kwargs: None; there as in the base class.

        Raises:
            ConfigurationError: None of the models can answer in this way; says why.
            ValueError: An argument that is none of the above.
        """
        if schema is not None and method is None and strict is None:
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        if kwargs:
            msg = f"with_structured_output does not know {', '.join(sorted(kwargs))}."
            raise ValueError(msg)
        structure = Structure(schema, method or "function_calling", strict)
        structure.check([arm.model for arm in self.arms])
        asked = self.bind(
            **{STRUCTURE: structure, "ls_structured_output_format": structure.for_traces}
        )
        return asked | structure.parser(include_raw=include_raw)

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text, as the dearest model counts them."""
        count: int = self.arms.dearest.model.get_num_tokens(text)
        return count

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Tokens of a conversation, as the dearest model counts them."""
        count: int = self.arms.dearest.model.get_num_tokens_from_messages(messages, tools)
        return count

    @property
    def _llm_type(self) -> str:
        return "routing"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "router": self._made_of,
            "arms": self._arms_as_shown,
            "preference": self.preference and self.preference.as_dict(),
        }

    @property
    def _arms_as_shown(self) -> dict[str, Any]:
        """The arms for traces; described once, and again when models have come or gone."""
        arms, shown = self.arms, self._shown
        if shown is None or shown[0] is not arms:
            shown = self._shown = arms, self._arms_as_dict()
        return shown[1]

    def _arms_as_dict(self) -> dict[str, Any]:
        return {arm.name: arm.model.asdict() for arm in self.arms}

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Parameters for traces and cache keys: plain values, equal where calls are equal.

        As LangChain does for a model, the arms are described once, and the router as it was made:
        what it learns since changes neither traces nor keys.
        """
        preference = self._preference(kwargs)
        kwargs["preference"] = preference and preference.as_dict()
        if "tools" in kwargs:
            kwargs["tools"] = shown_tools(kwargs["tools"] or ())
        if STRUCTURE in kwargs:
            kwargs[STRUCTURE] = kwargs[STRUCTURE].shown
        return {**self.asdict(), "stop": stop, **kwargs}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        params = self._get_invocation_params(stop, **kwargs)
        params["arms"] = self._arms_as_dict()  # of now: a wrong answer from a cache is worse
        return str(sorted(params.items()))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        if not (stop or kwargs):
            return {**self._usual_ls_params}
        return self._as_routing(super()._get_ls_params(stop, **kwargs))

    @cached_property
    def _usual_ls_params(self) -> LangSmithParams:
        return self._as_routing(super()._get_ls_params())

    def _as_routing(self, params: LangSmithParams) -> LangSmithParams:
        params["ls_provider"] = "routing"
        params.setdefault("ls_model_name", "routing")
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        """What all models can do: the smallest limits, and only what every one of them claims."""
        profiles = [arm.model.profile or {} for arm in self.arms]
        merged: dict[str, Any] = {}
        for key in set(profiles[0]).intersection(*profiles[1:]):
            values = [profile[key] for profile in profiles]
            if all(isinstance(value, bool) for value in values):
                merged[key] = all(values)
            elif all(isinstance(value, int) for value in values):
                merged[key] = min(values)
        return ModelProfile(**merged) if merged else None  # type: ignore[typeddict-item]
