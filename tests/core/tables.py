"""Outcome tables for the tests: rows as they may come, and when two tables are the same."""

import numpy as np
from hypothesis import strategies as st

share = st.floats(0, 1)
amount = st.floats(0, 1e6)
tokens = st.integers(0, 10**6)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
measured = st.floats(-1e6, 1e6)


def optional(**fields):
    return st.fixed_dictionaries({}, optional={k: f | st.none() for k, f in fields.items()})


verifications = optional(
    cost=amount,
    latency=amount,
    costs=optional(true_probability=amount, judge=amount),
    latencies=optional(judge=amount),
)
signals = optional(
    p_true=share,
    judge=measured,
    answer_logprob_sum=st.floats(-500, 0),
    answer_logprob_mean=st.floats(-20, -0.01),
)
answers = st.fixed_dictionaries(
    {"quality": share | st.just(1), "cost": amount | st.just(0)},
    optional={
        "latency": amount | st.none(),
        "input_tokens": tokens,
        "output_tokens": tokens | st.none(),
        "confidence": share | st.none(),
        "signals": signals | st.none(),
        "verification": verifications | st.none(),
    },
)
ARMS = ("small", "large", "gpt-4.1|mini", "ä.cost")
heads = st.fixed_dictionaries(
    {"arms": st.dictionaries(st.sampled_from(ARMS), answers, min_size=1)},
    optional={
        "query": words | st.none(),
        "question": words,
        "context": st.sampled_from(["one paragraph", "another\u2028paragraph", None]),
        "tags": st.lists(words, max_size=2) | st.none(),
        "group": st.sampled_from(["document-1", "document-2", None]),
        "agreement": optional(**{"small|large": optional(exact=share, f1=share)}),
    },
)


@st.composite
def tables_of_rows(draw, min_size=0):
    """JSON rows with ids of their own."""
    found = draw(st.lists(heads, min_size=min_size, max_size=8))
    return [{"id": f"q{i}", **row} for i, row in enumerate(found)]


def row(row_id="q1", group=None, **arms):
    """A row; an answer is (quality, cost) or an object."""
    full = {
        name: a if not isinstance(a, tuple) else dict(zip(("quality", "cost"), a, strict=True))
        for name, a in arms.items()
    }
    return {"id": row_id, "arms": full} | ({} if group is None else {"group": group})


def assert_same(one, other):
    """Two tables hold the same, to the last bit."""
    for what in ("ids", "arms", "tags", "group_names"):
        assert getattr(one, what) == getattr(other, what), what
    assert dict(one.texts) == dict(other.texts)
    np.testing.assert_array_equal(one.groups, other.groups)
    for what in ("quality", "cost", "latency", "input_tokens", "output_tokens"):
        np.testing.assert_array_equal(getattr(one, what), getattr(other, what), strict=True)
    mappings = [
        (getattr(one, w), getattr(other, w)) for w in ("signals", "checks", "check_latency")
    ]
    assert set(one.agreement) == set(other.agreement)
    mappings += [(one.agreement[pair], other.agreement[pair]) for pair in one.agreement]
    for mine, its in mappings:
        assert set(mine) == set(its)
        for name in mine:
            np.testing.assert_array_equal(mine[name], its[name], strict=True)
