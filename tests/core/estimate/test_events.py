"""What answers that verdicts chose may teach."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from automix_core.estimate.events import fair

SHARE = st.floats(0, 1)
INSIDE = st.floats(0.01, 0.99)


@given(quality=SHARE, foretold=INSIDE, expected=SHARE)
def test_it_is_a_quality_again_and_rises_with_the_answers(quality, foretold, expected):
    low, made, high = (fair(np.array([[q]]), *arrays(foretold, expected)) for q in (0, quality, 1))
    assert -1e-12 <= low <= made + 1e-12 <= high + 2e-12 <= 1 + 3e-12


@given(foretold=INSIDE, expected=SHARE, spread=SHARE)
def test_what_verdicts_foretold_rightly_teaches_nothing_on_average(foretold, expected, spread):
    """Whether answers are right or wrong or anything between, as long as their mean is right."""
    far = spread * min(foretold, 1 - foretold)
    answers = np.array([[foretold - far], [foretold + far], [foretold]])
    np.testing.assert_allclose(fair(answers, *arrays(foretold, expected)).mean(), expected)


def arrays(*values):
    return (np.array([[value]]) for value in values)
