"""Verdicts are read only where they are written, and the worked examples are sound."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import Request
from automix_core.verify.prompts import (
    VERDICT_SCHEMA,
    parse_verdict,
    truth_prompt,
    verdict_prompt,
)

REASONING = st.text(max_size=80).filter(lambda text: "verdict" not in text.lower())
WORD = st.sampled_from(["correct", "Correct", "CORRECT", "incorrect", "Incorrect", "INCORRECT"])
MARK = st.sampled_from(["Verdict: {}", "**Verdict:** {}.", 'verdict = "{}"', "VERDICT:\n{}"])


@given(REASONING, MARK, WORD)
def test_the_verdict_after_the_reasoning_is_read(reasoning, mark, word):
    assert parse_verdict(f"{reasoning}\n{mark.format(word)}") == (word.lower() == "correct")


@given(WORD, WORD, REASONING)
def test_the_last_verdict_counts(first, last, between):
    text = f"Verdict: {first}\n{between}\nVerdict: {last}"
    assert parse_verdict(text) == (last.lower() == "correct")


@given(REASONING)
def test_without_the_word_there_is_no_verdict(text):
    assert parse_verdict(text) is None
    assert parse_verdict(f"{text} The answer is correct.") is None


@given(st.text(max_size=40), WORD)
def test_a_constrained_reply_is_read_as_json(reasoning, word):
    reply = json.dumps({"reasoning": reasoning, "verdict": word})
    assert parse_verdict(reply) == (word.lower() == "correct")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Verdict:",
        "Verdict: maybe",
        "Verdict: not correct",
        "Verdict: correctable",
        "Verdict: correct or incorrect",
        "Verdict: correct/incorrect",
        'Verdict: "correct" (or "incorrect")',
        '{"verdict": "unsure"}',
        '{"verdict": true}',
        '{"verdict": null}',
        '{"reasoning": "Verdict: correct"}',
        "[1]",
        "null",
    ],
)
def test_what_is_no_verdict_is_neither_yes_nor_no(text):
    assert parse_verdict(text) is None


@given(st.text())
def test_any_text_can_be_read(text):
    assert parse_verdict(text) in (True, False, None)


def examples(prompt):
    return [turn.text for turn in prompt if turn.role == "assistant"]


def test_the_examples_follow_their_own_rule_and_show_both_verdicts():
    request = Request("q", "c")
    for form in ("text", "schema"):
        read = [parse_verdict(text) for text in examples(verdict_prompt(request, "a", form, 100))]
        assert sorted(read) == [False, False, True, True]
    assert examples(truth_prompt(request, "a", 100)) == ["yes", "no", "no", "yes"]


def test_constrained_examples_fit_the_schema():
    for text in examples(verdict_prompt(Request("q", "c"), "a", "schema", 100)):
        filled = json.loads(text)
        assert list(filled) == VERDICT_SCHEMA["required"]
        assert filled["verdict"] in VERDICT_SCHEMA["properties"]["verdict"]["enum"]


def test_each_form_says_how_to_reply():
    request = Request("q", "c")
    assert '"Verdict: correct"' in verdict_prompt(request, "a", "text", 100)[0].text
    assert "JSON" in verdict_prompt(request, "a", "schema", 100)[0].text
    assert "one word" in truth_prompt(request, "a", 100)[0].text
