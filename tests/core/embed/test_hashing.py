"""Hashed words, and the features of the form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.embed import Hashing
from automix_core.embed.structure import STRUCTURE

PLAIN = Hashing(4096, structure=False)
WORD = st.text("abcdefghijklmnopqrstuvwxyzä0123456789", min_size=1, max_size=8)


def structure(text):
    return dict(zip(STRUCTURE, Hashing(1).embed([text])[0, 1:].tolist(), strict=True))


def likeness(one, other):
    first, second = PLAIN.embed([one, other])
    return first @ second


@given(st.text(max_size=200))
def test_the_buckets_have_length_one_or_nothing_and_the_features_lie_between_0_and_1(text):
    vector = Hashing(32).embed([text])[0]
    length = np.linalg.norm(vector[:32])
    assert length == 0 or length == pytest.approx(1)
    assert ((vector[32:] >= 0) & (vector[32:] <= 1)).all()


@given(st.lists(WORD, min_size=1, max_size=20))
def test_case_and_punctuation_do_not_matter_to_the_words(words):
    dressed = "  (" + ", ".join(word.title() for word in words) + ")!"
    np.testing.assert_array_equal(*PLAIN.embed([" ".join(words), dressed]))


def test_texts_are_alike_as_far_as_they_share_words():
    asked = "how do I boil an egg"
    assert likeness(asked, "how do I boil a large egg") > 0.5
    assert abs(likeness(asked, "the treaty was signed at Trent")) < 0.2


def test_the_order_of_words_matters_to_the_pairs_alone():
    assert 0.3 < likeness("dog bites man", "man bites dog") < 0.9


def test_a_word_said_nine_times_weighs_three_times_as_much():
    vector = PLAIN.embed(["a " + "b a " * 8 + "c"])[0]
    weights = np.unique(np.abs(vector[vector != 0]).round(9))
    # a nine times; b, a-b and b-a eight times; c and a-c once
    np.testing.assert_allclose(weights / weights[0], [1, np.sqrt(8), 3])


def test_letters_have_one_spelling():
    one, other = PLAIN.embed(["caf\u00e9 \ufb01n", "cafe\u0301 fin"])
    np.testing.assert_array_equal(one, other)
    assert one.any()


def test_chinese_is_read_sign_by_sign():
    assert likeness("法国的首都是哪里", "德国的首都是哪里") > 0.5


def test_these_vectors_never_change():
    """Saved routers were fitted on them."""
    vector = Hashing(8).embed(["What is 2 + 2?"])[0]
    np.testing.assert_allclose(vector, GOLDEN, atol=1e-9)


GOLDEN = [
    *(0.377964473009, 0, -0.377964473009, 0, -0.377964473009),
    *(0.534522483825, 0.377964473009, 0.377964473009),
    *(0.225670850092, 0, 0.125, 0.142857142857, 0, 0.071428571429, 0, 1, 1, 0, 0),
]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, None])
def test_buckets_are_counted_in_whole_numbers(wrong):
    with pytest.raises(ConfigurationError, match=r"Hashing\.buckets"):
        Hashing(wrong)


# The features, one by one, by their formulas.


@pytest.mark.parametrize(
    ("feature", "text", "value"),
    [
        ("length", "x" * 99, np.log(100) / 12),
        ("length", "x" * 10**6, 1),
        ("lines", "a\nb\nc", np.log(3) / 6),
        ("word_length", "four five", 0.2),
        ("digits", "12 + a", 2 / 6),
        ("code", "f(x) = y;", 4 / 9),
        ("maths", "f(x) = y + 1", 2 / 12),
        ("non_ascii", "größe", 2 / 5),
        ("non_ascii", "法国", 1),
        ("question_mark", "Really?", 1),
        ("question_mark", "Really.", 0),
        ("asks_what", "Tell me WHERE it is", 1),
        ("asks_what", "nowhere", 0),
        ("asks_how", "Why not", 1),
        ("asks_how", "show me", 0),
        ("choices", "Pick one:\nA) red\n(B) green\n  c. blue", 3 / 4),
        ("choices", "A good one. Berlin (Germany).", 0),
    ],
)
def test_a_feature_is_what_its_formula_says(feature, text, value):
    assert structure(text)[feature] == pytest.approx(value)


def test_nothing_has_no_features():
    assert set(structure("").values()) == {0}
