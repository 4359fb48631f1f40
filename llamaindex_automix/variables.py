"""What a prompt template's variables say about a call: its question, its context, its purpose.

Query engines hand over question and retrieved text as named variables and never mention them
again. `predict` and its kin put them into a context variable, and `chat` and `complete` read it
while they are being called, so every thread and task sees its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import BasePromptTemplate, PromptType

from automix_core.contexts import Grounding

__all__ = ["Variables", "current_variables", "is_utility_prompt", "using_variables", "variables_of"]


@dataclass(frozen=True, slots=True)
class Variables:
    """What a template's variables tell of the call in which it is used.

    Attributes:
        grounding: Question and context, if the variables name a question.
        utility: The prompt serves the pipeline (a selector, a condenser, a judge); nobody will
            read its reply as an answer.
    """

    grounding: Grounding | None = None
    utility: bool = False


_current: ContextVar[Variables | None] = ContextVar("automix_template_variables", default=None)

_UTILITY_VARIABLES = frozenset(
    {
        "choices",
        "context_list",
        "generated_answer",
        "guidelines",
        "keywords",
        "max_keywords",
        "num_choices",
        "num_queries",
        "num_questions",
        "num_questions_per_chunk",
        "reference_answer",
        "tools_str",
    }
)
_UTILITY_TYPES = frozenset(
    {
        PromptType.CHOICE_SELECT,
        PromptType.DECOMPOSE,
        PromptType.KEYWORD_EXTRACT,
        PromptType.KNOWLEDGE_TRIPLET_EXTRACT,
        PromptType.MULTI_SELECT,
        PromptType.QUERY_KEYWORD_EXTRACT,
        PromptType.RANKGPT_RERANK,
        PromptType.SINGLE_SELECT,
        PromptType.SUB_QUESTION,
        PromptType.TREE_INSERT,
        PromptType.TREE_SELECT,
        PromptType.TREE_SELECT_MULTIPLE,
        PromptType.VECTOR_STORE_QUERY,
    }
)
# Prompts of LlamaIndex's own that name the same variables as an answer would, or none at all.
_UTILITY_TEMPLATES = {
    "llama_index.core.chat_engine.condense_plus_context": ("DEFAULT_CONDENSE_PROMPT_TEMPLATE",),
    "llama_index.core.evaluation.answer_relevancy": ("DEFAULT_EVAL_TEMPLATE",),
    "llama_index.core.evaluation.context_relevancy": (
        "DEFAULT_EVAL_TEMPLATE",
        "DEFAULT_REFINE_TEMPLATE",
    ),
    "llama_index.core.evaluation.faithfulness": (
        "DEFAULT_EVAL_TEMPLATE",
        "DEFAULT_REFINE_TEMPLATE",
        "LLAMA3_8B_EVAL_TEMPLATE",
    ),
    "llama_index.core.evaluation.pairwise": ("DEFAULT_EVAL_TEMPLATE",),
    "llama_index.core.evaluation.relevancy": (
        "DEFAULT_EVAL_TEMPLATE",
        "DEFAULT_REFINE_TEMPLATE",
    ),
    "llama_index.core.retrievers.fusion_retriever": ("QUERY_GEN_PROMPT",),
}
# Prompts whose first words are too common to tell: known by the whole template.
_UTILITY_WHOLE = {
    "llama_index.core.extractors.metadata_extractors": (
        "DEFAULT_SUMMARY_EXTRACT_TEMPLATE",
        "DEFAULT_TITLE_COMBINE_TEMPLATE",
        "DEFAULT_TITLE_NODE_TEMPLATE",
    ),
    "llama_index.core.indices.query.query_transform.feedback_transform": (
        "DEFAULT_RESYNTHESIS_PROMPT",
    ),
    "llama_index.core.postprocessor.node": (
        "DEFAULT_INFER_PREV_NEXT_TMPL",
        "DEFAULT_REFINE_INFER_PREV_NEXT_TMPL",
    ),
    "llama_index.core.postprocessor.pii": ("DEFAULT_PII_TMPL",),
    "llama_index.core.prompts.default_prompts": ("DEFAULT_HYDE_PROMPT", "DEFAULT_SUMMARY_PROMPT"),
}


@contextmanager
def using_variables(variables: Variables | None) -> Iterator[None]:
    """Let the calls in this block see these variables, or none."""
    token = _current.set(variables)
    try:
        yield
    finally:
        _current.reset(token)


def current_variables() -> Variables | None:
    """The variables of the template behind this call, if there is one."""
    return _current.get()


def variables_of(prompt: BasePromptTemplate, given: Mapping[str, Any]) -> Variables:
    """What a template's variables say.

    Args:
        prompt: The template, perhaps with some of its variables filled in.
        given: The variables of this call.
    """
    named = {**prompt.kwargs, **given}
    condenses = "chat_history" in named and "query_str" not in named
    utility = (
        condenses
        or not _UTILITY_VARIABLES.isdisjoint(named)
        or prompt.metadata.get("prompt_type") in _UTILITY_TYPES
        or _serves(_template(prompt))
    )
    return Variables(_grounding(named), utility)


def is_utility_prompt(text: str) -> bool:
    """Whether a prompt, filled in or not, is one by which LlamaIndex serves its own pipeline."""
    return any(text.startswith(opening) for opening in _utility_openings())


def _grounding(named: Mapping[str, Any]) -> Grounding | None:
    question = named.get("query_str")
    if question is None:
        return None
    parts = (named.get(name) for name in ("context_str", "context_msg", "existing_answer"))
    texts = [_text(part) for part in (*parts, named.get("context_messages")) if part]
    return Grounding(str(question), "\n\n".join(texts))


def _text(value: Any) -> str:
    if isinstance(value, ChatMessage):
        return value.content or ""
    if isinstance(value, list | tuple):
        return "\n\n".join(_text(part) for part in value)
    return str(value)


def _template(prompt: BasePromptTemplate) -> str:
    try:
        return prompt.get_template()
    except Exception:  # a template class of the user's own need not have one
        return ""


def _serves(template: str) -> bool:
    """Whether a template is one of LlamaIndex's own for its own pipeline.

    Only modules that are loaded are looked at: a prompt cannot come from any other.
    """
    return is_utility_prompt(template) or any(
        template in _texts(module, names)
        for module, names in _UTILITY_WHOLE.items()
        if module in sys.modules
    )


def _utility_openings() -> Iterator[str]:
    """The fixed first words of LlamaIndex's own utility prompts, as far as they are loaded."""
    for module, names in _UTILITY_TEMPLATES.items():
        if module in sys.modules:
            yield from _openings(module, names)


@cache
def _openings(module: str, names: tuple[str, ...]) -> tuple[str, ...]:
    texts = _texts(module, names)
    return tuple(opening for text in texts if (opening := text.split("{", 1)[0]))


@cache
def _texts(module: str, names: tuple[str, ...]) -> tuple[str, ...]:
    templates = (getattr(sys.modules[module], name, "") for name in names)
    texts = (_template(t) if isinstance(t, BasePromptTemplate) else str(t) for t in templates)
    return tuple(text for text in texts if text)
