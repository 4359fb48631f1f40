"""Tokens of several samples are recounted where the server plainly reported one."""

import pytest

from automix_core.flow import Usage
from automix_core.usage import recounted

TEXT = "The context says so.\nVerdict: correct"  # 37 characters, about 11 tokens


@pytest.mark.parametrize("samples", [2, 8])
def test_the_tokens_of_one_choice_are_counted_for_all(samples):
    counted = recounted(Usage(900, 10), [TEXT] * samples)
    assert counted == Usage(900, 10 * samples, recounted=True)


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_an_honest_report_is_left_alone(samples):
    assert recounted(Usage(900, 10 * samples), [TEXT] * samples) == Usage(900, 10 * samples)


@pytest.mark.parametrize(("tokens", "texts"), [(0, [TEXT] * 8), (10, ["", ""]), (10, [])])
def test_nothing_is_made_up_from_nothing(tokens, texts):
    assert recounted(Usage(900, tokens), texts) == Usage(900, tokens)
