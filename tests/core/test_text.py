"""Comparing answers by SQuAD's rule, and shortening documents in the middle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.text import exact_match, rough_tokens, shorten_middle, token_f1

TEXT = st.text(max_size=200)
WORDS = st.lists(st.sampled_from(["Ada", "wrote", "the", "first", "program", "of", "all,"]))


@pytest.mark.parametrize(
    ("one", "other", "match", "f1"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0, 1.0),
        ("in 1843", "1843", 0.0, 2 / 3),
        ("Ada Ada", "Ada", 0.0, 2 / 3),
        ("yes", "no", 0.0, 0.0),
        ("", "", 1.0, 0.0),
    ],
)
def test_answers_compare_by_their_words(one, other, match, f1):
    assert exact_match(one, other) == match
    assert token_f1(one, other) == pytest.approx(f1)


@given(WORDS, WORDS)
def test_overlap_is_symmetric_and_within_bounds(one, other):
    one, other = " ".join(one), " ".join(other)
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, other) == token_f1(other, one)
    assert token_f1(one, other) >= exact_match(one, other) * token_f1(one, one)


@given(TEXT, st.integers(-3, 80))
def test_a_shortened_text_keeps_both_ends_and_fits(text, tokens):
    short = shorten_middle(text, tokens)
    if len(text) <= max(0, 4 * tokens):
        assert short == text
    else:
        head, gap, tail = short.partition("\n[...]\n")
        assert gap
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(short) <= max(4 * tokens, len(gap))


@given(TEXT, TEXT)
def test_a_token_count_is_at_least_one_for_any_text(one, other):
    assert (rough_tokens(one) == 0) == (one == "")
    assert rough_tokens(one + other) <= rough_tokens(one) + rough_tokens(other)
