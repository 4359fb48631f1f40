"""The question and the context are found in the prompts that people really write."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automix_core import Grounding, grounding
from automix_core.conversation import Said, find_grounding, split_prompt

QUESTION = "Who wrote the first program?"
CONTEXT = "Ada wrote the first program.\n\nIt ran: in 1843, says <b>one source</b> -- or two."

TEMPLATES = {
    "LlamaIndex": "Context information is below.\n---------------------\n{context}\n"
    "---------------------\nGiven the context information and not prior knowledge, answer the "
    "query.\nQuery: {question}\nAnswer: ",
    "LangChain hub": "You are an assistant. Use the following pieces of retrieved context to "
    "answer the question. Keep it short.\nQuestion: {question} \nContext: {context} \nAnswer:",
    "LangChain tutorial": "Answer the question based only on the following context:\n{context}\n"
    "\nQuestion: {question}\n",
    "labels": "Context:\n{context}\n\nQuestion: {question}",
    "labels, question first": "Question: {question}\n\nContext:\n{context}",
    "documents": "Documents:\n{context}\n\nUser question: {question}\n\nHelpful answer:",
    "tags": "<context>\n{context}\n</context>\n\n{question}",
    "tags and label": "<retrieved_documents>{context}</retrieved_documents>\nQuestion: {question}",
    "tags in capitals": "<CONTEXT>{context}</CONTEXT>\n{question}",
}
PROSE = st.from_regex(r"[A-Z][a-z ,<>'-]{0,60}[a-z]\?", fullmatch=True)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
@given(question=PROSE, context=PROSE)
@example(question=QUESTION, context=CONTEXT)
@example(question="What is a?", context="a")
def test_question_and_context_come_apart(template, question, context):
    assert split_prompt(template.format(question=question, context=context)) == (question, context)


@given(PROSE)
@example("What does <div> mean in line: 3?")
@example("Is 'context' a word")
def test_a_prompt_without_marked_context_is_all_question(question):
    assert split_prompt(question) == (question, "")


def test_tags_of_the_users_own_stay_in_the_question():
    prompt = "<context>HTML has many tags.</context>\nWhat does <div> mean?"
    assert split_prompt(prompt)[0] == "What does <div> mean?"


def test_the_last_question_counts_after_worked_examples():
    shots = "Question: Who painted it?\nAnswer: Mira.\n\n"
    prompt = f"{shots}<context>{CONTEXT}</context>\nQuestion: {QUESTION}\nAnswer:"
    assert split_prompt(prompt) == (QUESTION, CONTEXT)


def test_an_empty_mark_is_no_context():
    assert split_prompt("<context> </context>\nWhy?")[1] == ""


@pytest.mark.parametrize(
    "noise",
    ["<context>", "-----\n", "-----\nx\n", "Context:\n", "answer:\n", "following ", "\n", "-"],
)
def test_hostile_text_takes_no_time(noise):
    began = time.monotonic()
    split_prompt("Context: x\n" + noise * (200_000 // len(noise)) + "x")
    split_prompt(noise * (200_000 // len(noise)) + "x")
    assert time.monotonic() - began < 1


def said(*turns):
    return [Said(role, text) for role, text in turns]


def test_the_newest_user_message_is_the_question():
    talk = said(("user", "Hello."), ("assistant", "Hello."), ("user", QUESTION))
    assert find_grounding(talk) == Grounding(QUESTION)


def test_context_may_stand_in_the_system_message():
    talk = said(("system", f"Answer from this.\n\nContext:\n{CONTEXT}"), ("user", QUESTION))
    assert find_grounding(talk) == Grounding(QUESTION, CONTEXT)


TOLD = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved "
    "context to answer the question. If you don't know, say so.\n\nHolm has a ferry.\n\nIt is old."
)


def test_a_system_message_may_tell_to_use_what_follows():
    found = find_grounding(said(("system", TOLD), ("user", "Is there a ferry?")))
    assert found == Grounding("Is there a ferry?", "Holm has a ferry.\n\nIt is old.")


def test_a_user_message_may_tell_to_use_what_stands_before_its_question():
    asked = TOLD + "\n\nQuestion: Is there a ferry?\nHelpful Answer:"
    assert split_prompt(asked) == ("Is there a ferry?", "Holm has a ferry.\n\nIt is old.")


@pytest.mark.parametrize(
    "question",
    [
        "Using the context of the war, explain the treaty.\n\nBe brief.",
        "What sources did he use?\n\nAnd when?",
    ],
)
def test_a_question_that_speaks_of_context_is_still_a_question(question):
    assert split_prompt(question) == (question, "")


def test_what_tools_returned_since_the_question_is_the_context():
    talk = said(
        ("user", "What is old?"),
        ("tool", "old"),
        ("user", f"<context>pasted</context>{QUESTION}"),
        ("assistant", ""),
        ("tool", "first"),
        ("tool", "second"),
    )
    assert find_grounding(talk) == Grounding(QUESTION, "first\n\nsecond")


def test_pasted_context_wins_over_the_system_message():
    talk = said(
        ("system", "<context>general</context>"), ("user", f"<context>special</context>{QUESTION}")
    )
    assert find_grounding(talk).context == "special"


@pytest.mark.parametrize("talk", [[], said(("assistant", "Hello.")), said(("system", "Be kind."))])
def test_a_conversation_without_a_question_has_none(talk):
    assert find_grounding(talk) == Grounding("")


def test_an_explicit_grounding_always_wins():
    with grounding("Why?", "Because."):
        assert find_grounding(said(("user", QUESTION), ("tool", "x"))) == Grounding(
            "Why?", "Because."
        )
    assert find_grounding(said(("user", QUESTION))) == Grounding(QUESTION)


def test_what_is_known_to_be_retrieved_counts_where_nothing_is_shown():
    passages = ["Ada did.", " ", "In 1843."]
    told = Grounding(QUESTION, "Ada did.\n\nIn 1843.")
    assert find_grounding([Said("user", QUESTION)], passages) == told
    silent = [Said("user", QUESTION), Said("tool", " ")]
    assert find_grounding(silent, passages) == told
    for shown in (
        [Said("user", QUESTION), Said("tool", "A tool.")],
        [Said("user", f"Context: A tool.\nQuestion: {QUESTION}")],
        [Said("system", "<context>A tool.</context>"), Said("user", QUESTION)],
    ):
        assert find_grounding(shown, passages) == Grounding(QUESTION, "A tool.")
    with grounding("Something else?"):
        assert find_grounding([Said("user", QUESTION)], passages) == Grounding("Something else?")


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        (f"Ada\nIn 1843\n{QUESTION}", QUESTION),
        (f"You know:\n- Ada\n[2] In 1843 \n{QUESTION}", f"You know:\n{QUESTION}"),
        (f"{QUESTION}\n\nAda", QUESTION),
        ("Was it Ada?", "Was it Ada?"),
        ("Ada wrote it", "Ada wrote it"),
        ("By Ada", "By Ada"),
        ("Ada", "Ada"),
    ],
)
def test_retrieved_passages_on_lines_of_their_own_are_no_part_of_the_question(asked, question):
    found = find_grounding([Said("user", asked)], ["Ada", "In 1843"])
    assert found == Grounding(question, "Ada\n\nIn 1843")
