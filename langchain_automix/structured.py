"""Structured output in each model's own way: its JSON schema mode, JSON mode or forced call.

What goes out is prepared by the model's own `with_structured_output`, so that every provider is
asked in its own words. What comes back is read here, in the same way for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from automix_core.errors import ConfigurationError

__all__ = ["STRUCTURE", "Method", "Structure"]

Method = Literal["function_calling", "json_mode", "json_schema"]

STRUCTURE = "answer_structure"
"""The keyword under which a `Structure` is bound; it never reaches a provider."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What shape an answer must have, and how the models are to be held to it.

    Attributes:
        schema: A pydantic class, a `TypedDict`, a JSON schema, or `None` for any JSON.
        method: The way of `with_structured_output`.
        strict: As the models understand it; `None` leaves it out.
    """

    schema: Any
    method: Method
    strict: bool | None = None

    @classmethod
    def of_format(cls, response_format: Any) -> Structure:
        """The structure behind OpenAI's `response_format`; any JSON where it names no schema."""
        if isinstance(response_format, dict):
            response_format = response_format.get("json_schema", {}).get("schema")
        return cls(response_format, "json_schema")

    @property
    def calls_a_tool(self) -> bool:
        """Whether a model must be able to call tools for it."""
        return self.method == "function_calling"

    @property
    def shown(self) -> dict[str, Any]:
        """The structure as JSON values, for traces and cache keys."""
        schema = None if self.schema is None else convert_to_json_schema(self.schema)
        kind = getattr(self.schema, "__qualname__", "dict")
        return {"schema": schema, "kind": kind, "method": self.method, "strict": self.strict}

    @property
    def for_traces(self) -> dict[str, Any]:
        """The structure as LangChain's tracers want to be told of it."""
        return {"kwargs": {"method": self.method, "strict": self.strict}, "schema": self.schema}

    def asked_of(self, model: BaseChatModel) -> Runnable[Any, Any]:
        """The model, told in its own way what shape to answer in.

        Raises:
            ConfigurationError: It has no way to be told.
        """
        strict = {} if self.strict is None else {"strict": self.strict}
        kind = type(model).__name__
        try:
            wrapped = model.with_structured_output(self.schema, method=self.method, **strict)
        except (NotImplementedError, TypeError, ValueError) as error:
            msg = f"{kind} does not answer by {self.method}: {error}"
            raise ConfigurationError(msg) from error
        if not isinstance(wrapped, RunnableSequence):
            msg = f"{kind} wraps its structured output in a way that cannot be routed."
            raise ConfigurationError(msg)
        return wrapped.first

    def check(self, models: Sequence[BaseChatModel]) -> None:
        """Make sure that at least one model can be told.

        Raises:
            ConfigurationError: None can; says why of each.
        """
        why: list[str] = []
        for model in models:
            try:
                self.asked_of(model)
            except ConfigurationError as error:
                why.append(str(error))
            else:
                return
        raise ConfigurationError(" ".join(why))

    def read(self, message: AIMessage) -> Any:
        """What an answer says.

        Raises:
            OutputParserException: It does not follow the schema.
        """
        is_class = isinstance(self.schema, type) and is_basemodel_subclass(self.schema)
        parser: Any = PydanticOutputParser(pydantic_object=self.schema) if is_class else None
        if not message.tool_calls:
            found = (parser or JsonOutputParser()).invoke(message.text, {"callbacks": []})
        else:
            found = message.tool_calls[0]["args"]
            found = parser._parse_obj(found) if parser else found
        if not is_class and self.schema is not None:
            required = convert_to_json_schema(self.schema).get("required", ())
            if not isinstance(found, dict) or not set(required) <= set(found):
                msg = f"The answer lacks some of {', '.join(required)}."
                raise OutputParserException(msg, llm_output=str(message.text))
        return found

    def fits(self, message: AIMessage) -> bool:
        """Whether an answer follows the schema, and was not cut short."""
        if message.response_metadata.get("finish_reason") == "length":
            return False
        try:
            self.read(message)
        except OutputParserException:
            return False
        return True

    def parser(self, *, include_raw: bool) -> Runnable[AIMessage, Any]:
        """Reads the router's answer, as the last step of a chain."""

        def parsed(message: AIMessage) -> Any:
            if not include_raw:
                return self.read(message)
            try:
                return {"raw": message, "parsed": self.read(message), "parsing_error": None}
            except OutputParserException as error:
                return {"raw": message, "parsed": None, "parsing_error": error}

        async def aparsed(message: AIMessage) -> Any:
            return parsed(message)

        return RunnableLambda(parsed, afunc=aparsed, name="structured_answer")
