"""Finding the question and the retrieved context in a conversation.

Adapters turn their messages into neutral turns and ask here, so that both frameworks see the same
question and the same context in the same conversation. An explicit `with grounding(...)` block
always wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from automix_core.contexts import Grounding, current_grounding

__all__ = ["Role", "Said", "find_grounding", "split_prompt"]


Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a conversation, as text without reasoning blocks.

    Attributes:
        role: Who said it.
        text: What was said.
    """

    role: Role
    text: str


def find_grounding(conversation: Sequence[Said], retrieved: Sequence[str] = ()) -> Grounding:
    """The question of a conversation and the text that its answer must rest on.

    The question is the last user message, without any context pasted into it. The context is, in
    this order: what tools returned since then; what is pasted into that message under a label, in
    tags, between fences or after an instruction to use it; what is so marked in the system message;
    what is known to have been retrieved. What the messages show comes first, because it is what the
    model reads: a chain may have picked, cut or summed up the documents.

    Args:
        conversation: The messages, oldest first.
        retrieved: Texts of the documents that were retrieved for it, as far as is known.
    """
    if explicit := current_grounding():
        return explicit
    last = max((i for i, said in enumerate(conversation) if said.role == "user"), default=-1)
    asked = conversation[last].text if last >= 0 else ""
    question, pasted = split_prompt(asked)
    tools = [said.text for said in conversation[last + 1 :] if said.role == "tool"]
    if any(map(str.strip, tools)):
        return Grounding(question, "\n\n".join(tools))
    if pasted:
        return Grounding(question, pasted)
    systems = [said.text for said in conversation if said.role == "system"]
    if marked := next(filter(None, map(marked_context, systems)), ""):
        return Grounding(question, marked)
    passages = list(filter(None, map(str.strip, retrieved)))
    return Grounding(_without(question, passages), "\n\n".join(passages))


def split_prompt(text: str) -> tuple[str, str]:
    """The question and the context of a prompt that may hold both.

    Args:
        text: A user message.

    Returns:
        The question, and the context or an empty string. A prompt in which no context is marked
        is all question.
    """
    if not any(sign in text for sign in "<:\n"):  # every mark has one of them
        return text.strip(), ""
    labels = _QUESTION.search(text) is not None  # an instruction alone does not part a question
    start, end = _marked(text) or (labels and _instructed(text)) or (0, 0)
    if not text[start:end].strip():
        return text.strip(), ""
    rest = f"{text[:start]}\n{text[end:]}"
    labelled = list(_QUESTION.finditer(rest))
    if labelled:
        rest = _AFTER.split(rest[labelled[-1].end() :])[0]
    return _MARKS.sub("", rest).strip(), text[start:end].strip()


def marked_context(text: str) -> str:
    """The context in a system message that marks it, or tells to use what follows."""
    start, end = _marked(text) or _instructed(text) or (0, 0)
    return text[start:end].strip()


def _without(question: str, passages: Sequence[str]) -> str:
    """A question without the passages that stand in it on lines of their own, numbered or not."""
    rest = question
    for passage in passages:
        before, pasted, after = rest.partition(passage)
        head, _, lead = before.rpartition("\n")
        after = after.lstrip(" \t")
        if pasted and after[:1] in {"", "\n"} and not any(map(str.isalpha, lead)):
            rest = head + after
    return rest.strip() or question


def _marked(text: str) -> tuple[int, int] | None:
    """From where to where a text marks its context: in tags, between fences, or under a label."""
    if found := _between_tags(text):
        return found
    for pattern in (_FENCES, _LABEL):
        if match := pattern.search(text):
            return match.span("context")
    return None


def _instructed(text: str) -> tuple[int, int] | None:
    """What follows the paragraph that says to use the context, up to the question if there is one.

    This is how LangChain's own prompts are written: "Use the following pieces of retrieved context
    to answer the question", a blank line, and the context.
    """
    instruction = _INSTRUCTION.search(text)
    blank = text.find("\n\n", instruction.end()) if instruction else -1
    if blank < 0:
        return None
    question = _QUESTION.search(text, blank)
    return blank, question.start() if question else len(text)


def _between_tags(text: str) -> tuple[int, int] | None:
    """The inside of the first pair of tags; one pattern for both would take quadratic time."""
    unclosed = set()
    for opening in _OPENING.finditer(text):
        name = opening["name"].lower()
        if name not in unclosed:
            if closing := re.compile(f"</{name}>", re.IGNORECASE).search(text, opening.end()):
                return opening.end(), closing.start()
            unclosed.add(name)
    return None


_NAMES = r"(?:retrieved[ _])?(?:contexts?|documents?|passages?|sources?)"
_INSTRUCTION = re.compile(
    rf"\b(?:use|using|given|based on)\b[^\n.:]{{0,60}}?\b{_NAMES}\b", re.IGNORECASE
)
_OPENING = re.compile(rf"<(?P<name>{_NAMES})>", re.IGNORECASE)
_FENCES = re.compile(r"^-{5,}\n(?P<context>.+?)\n-{5,}$", re.DOTALL | re.MULTILINE)
_CONTEXT = re.compile(
    rf"^(?:use (?:the|this)[^\n:]*|(?:[^\n:]*\bfollowing |use )?{_NAMES}):[ \t]*",
    re.MULTILINE | re.IGNORECASE,
)
_MARKS = re.compile(rf"</?{_NAMES}>|^-{{5,}}$|{_CONTEXT.pattern}", re.MULTILINE | re.IGNORECASE)
_QUESTION = re.compile(r"^(?:question|query|user question):[ \t]*", re.MULTILINE | re.IGNORECASE)
_AFTER = re.compile(r"^(?:\w+ )?answer:", re.MULTILINE | re.IGNORECASE)
_LABEL = re.compile(
    rf"{_CONTEXT.pattern}\n*(?P<context>.+?)(?={_QUESTION.pattern}|{_AFTER.pattern}\s*\Z|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
