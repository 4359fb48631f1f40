"""Scores: what counts as right, and the numbers that users' own scores may give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.scoring import SCORES, chosen, contains, scorer
from automix_core.text import token_f1

COLOURS = {"A": "red", "B": "a dark blue", "C": "blue"}


def score(name, answer, *references, choices=None):
    return scorer(name)("?", answer, references, choices)


def test_token_f1_is_the_papers():
    assert score("f1", "The Eiffel-Tower, in Paris!", "eiffeltower in the paris") == 1
    assert score("f1", "in Paris", "Paris") == pytest.approx(2 / 3)
    assert score("f1", "Paris Paris Paris", "Paris Paris") == pytest.approx(0.8)  # a multiset
    assert score("f1", "Rome", "Paris") == 0
    assert score("f1", "the", "a") == 0  # nothing overlaps where nothing is left


def test_exact_match_and_contains():
    assert score("exact", "the Louvre.", "Louvre") == 1
    assert score("exact", "the Louvre museum", "Louvre") == 0
    assert score("contains", "It is the Louvre museum, I think", "louvre museum") == 1
    assert score("contains", "the museum Louvre", "Louvre museum") == 0
    assert score("contains", "a concatenation", "cat") == 0  # whole words only
    assert contains("anything", "the") == 0


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.text(max_size=20))
def test_the_best_reference_counts(references, answer):
    best = max(token_f1(answer, reference) for reference in references)
    assert score("f1", answer, *references) == best


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("B", "B"),
        ("b", "B"),
        (" (b) ", "B"),
        ("B.", "B"),
        ("B) a dark blue", "B"),
        ("**C**", "C"),
        ("The answer is B", "B"),
        ("First I thought the answer is A. No: the answer is C because of the sky", "C"),
        ("answer: c", "C"),
        ("I think (C) is right", "C"),
        ("Blue!", "C"),
        ("it is a dark blue", "B"),  # the longer of two texts that are there
        ("red or blue", None),
        ("It could be (A) or (B)", None),
        ("A dog", None),  # an article, no label
        ("The answer is A dog", None),
        ("none of them", None),
        ("", None),
        ("D", None),
    ],
)
def test_which_choice_an_answer_names(answer, label):
    assert chosen(answer, COLOURS) == label


def test_choices_that_differ_only_in_signs():
    assert chosen("-1", {"A": "+1", "B": "-1"}) == "B"
    assert chosen("1", {"A": "+1", "B": "-1"}) is None
    assert chosen("1.5", {"1": "1.5", "2": "15"}) == "1"


def test_a_choice_is_right_by_label_or_by_text():
    assert score("choice", "(B)", "B", choices=COLOURS) == 1
    assert score("choice", "B", "a dark blue", choices=COLOURS) == 1
    assert score("choice", "A", "B", choices=COLOURS) == 0
    assert score("choice", "C", "A", "C", choices=COLOURS) == 1


@pytest.mark.parametrize("answer", ["", "no idea", "D"])
@pytest.mark.parametrize("reference", ["none of these", "", "D"])
def test_nothing_recognised_never_equals_nothing_recognised(answer, reference):
    assert score("choice", answer, reference, choices=COLOURS) == 0


def test_a_score_needs_a_reference():
    with pytest.raises(ConfigurationError, match="needs a reference"):
        score("f1", "Paris")


def test_unknown_scores_list_the_known_ones():
    with pytest.raises(UnknownNameError, match="'choice', 'contains', 'exact', 'f1'"):
        scorer("bleu")
    assert set(SCORES) == {"choice", "contains", "exact", "f1"}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user's own in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_scores_of_this_test.py").write_text(
        "class Kind:\n"
        "    @staticmethod\n"
        "    def half(question, answer, reference):\n"
        "        return 0.5 if reference is None else float(answer == reference)\n"
        "def give(question, answer, reference):\n"
        "    return eval(answer)\n"
        "number = 3\n"
    )
    return "my_scores_of_this_test:{}".format


def test_the_users_own_score(mine):
    assert score(mine("Kind.half"), "x") == 0.5
    assert score(mine("Kind.half"), "x", "y", "x") == 1
    assert score(mine("give"), "True") == 1


@pytest.mark.parametrize("value", ["1.2", "-0.1", "float('nan')", "None", "'1'", "1/0"])
def test_what_is_no_number_from_0_to_1_is_refused(mine, value):
    with pytest.raises(ConfigurationError, match=r"my_scores_of_this_test:give (must give|failed)"):
        score(mine("give"), value)


@pytest.mark.parametrize("name", ["no_such_module:f", "json:no_such", "json:", ":f"])
def test_a_score_that_is_not_there(name):
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        scorer(name)


def test_a_score_that_is_no_function(mine):
    with pytest.raises(ConfigurationError, match="is no function"):
        scorer(mine("number"))
