"""What of a request is embedded."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError, Outcomes, Request
from automix_core.embed import query_text, query_texts
from automix_core.embed.query import CHARACTERS_PER_WORD, MOST_WORDS, shortened

LONG = "  ".join(f"w{i}" for i in range(10_000))


def test_an_ordinary_question_is_embedded_as_it_is():
    for question in ("", "Why?", "Pick one:\n\tA) x\n\tB) y ", "a " * MOST_WORDS):
        assert query_text(Request(question)) == question


def test_the_context_is_never_embedded():
    assert query_text(Request("Who?", "a document about a king")) == "Who?"


def test_a_pasted_document_leaves_its_beginning_and_its_end():
    for question in (f"Sum this up: {LONG}", f"{LONG} Sum that up."):
        words = query_text(Request(question)).split()
        assert len(words) == MOST_WORDS
        assert words[: MOST_WORDS // 2] == question.split()[: MOST_WORDS // 2]
        assert words[-MOST_WORDS // 2 :] == question.split()[-MOST_WORDS // 2 :]


@pytest.mark.parametrize(
    "text", ["x" * 10**6, "法" * 10**6, " " * 10**6, "Sum up: " + "Zm9v" * 10**6]
)
def test_a_file_without_words_is_cut_as_well(text):
    cut = query_text(Request(text))
    assert len(cut) <= MOST_WORDS * CHARACTERS_PER_WORD + 1
    assert text.startswith(cut.split("\n")[0])


TEXTS = st.text(st.sampled_from("ab \n\u2003法"), max_size=200)


@given(TEXTS, st.integers(2, 12))
def test_what_is_kept_is_a_beginning_and_an_end(text, most):
    cut = shortened(text, most)
    assert len(cut.split()) <= most
    assert shortened(cut, most) == cut
    if cut != text:
        assert any(
            text.startswith(cut[:at]) and text.endswith(cut[at + 1 :])
            for at, sign in enumerate(cut)
            if sign == "\n"
        )


@given(TEXTS)
def test_nothing_is_cut_that_is_short_enough(text):
    if len(text.split()) <= 12 and len(text) <= 12 * CHARACTERS_PER_WORD:
        assert shortened(text, 12) == text


def test_the_work_does_not_grow_with_what_was_pasted():
    huge = "word " * 2_000_000
    shortened(huge)
    began = time.process_time()
    shortened(huge)
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize("wrong", [0, 1, -3, 2.5])
def test_at_least_a_first_and_a_last_word_are_kept(wrong):
    with pytest.raises(ConfigurationError, match="number of words"):
        shortened("Why?", wrong)


# Training must see what service will see.

ARMS = {"small": {"quality": 1, "cost": 0.1}}


def rows(*texts):
    return Outcomes.of([{"id": f"q{i}", "arms": ARMS, **row} for i, row in enumerate(texts)])


def test_of_a_row_the_question_is_embedded_and_else_the_query_without_its_context():
    table = rows(
        {"question": "Who?", "query": "Read: a b c. Who?", "context": "a b c."},
        {"query": "Read: a b c. Who?", "context": "a b c."},
        {"query": "Who?"},
        {"question": "Sum up " + LONG},
    )
    texts = query_texts(table)
    assert texts[0] == "Who?"
    assert texts[1].split() == ["Read:", "Who?"]
    assert texts[2] == "Who?"
    assert len(texts[3].split()) == MOST_WORDS


@pytest.mark.parametrize("table", [rows({}), rows({"question": "Who?"}, {"context": "a b"})])
def test_a_row_without_any_text_is_named(table):
    with pytest.raises(ConfigurationError, match=r"row 'q\d': it needs a `question` or a `query`"):
        query_texts(table)
