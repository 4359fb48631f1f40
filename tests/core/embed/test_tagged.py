"""The tag-enhanced embedding."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automix_core import ConfigurationError
from automix_core.embed import Hashing, Reduced, Tagged
from automix_core.embed.query import shortened
from automix_core.errors import NotFittedError
from tests.core.embed.embedders import TAGS, TEXTS, TOPICS
from tests.core.embed.test_reduced import cloud, names, table
from tests.shared import shared


def labels(count, kinds):
    return [(f"tag {row % kinds}",) for row in range(count)]


def hidden(seed, rows=400, noise=20.0):
    """Three tags that differ in directions which much louder noise hides, and their rows."""
    draw = np.random.default_rng(seed)
    place = draw.integers(0, 3, rows)
    quiet = np.array([[0, 0], [3, 0], [0, 3.0]])[place] + 0.5 * draw.normal(size=(rows, 2))
    vectors = np.hstack([noise * draw.normal(size=(rows, 4)), quiet])
    return vectors, [(f"tag {p}",) for p in place]


def share_right(embedder, texts, tags, train):
    """How often the nearest centroid is that of the own tag, on rows that were not trained on."""
    vectors = embedder.embed(texts)
    own = np.array([tag for (tag,) in tags])
    kinds = np.unique(own)
    centroids = np.stack([vectors[train & (own == kind)].mean(axis=0) for kind in kinds])
    far = ((vectors[~train, None] - centroids) ** 2).sum(axis=2)
    return np.mean(kinds[far.argmin(axis=1)] == own[~train])


def test_tags_hidden_under_noise_are_told_apart_on_new_texts():
    vectors, tags = hidden(1)
    train = np.arange(len(vectors)) < 200
    tagged = Tagged(table(vectors), 2, shrinkage=0.001)
    tagged = tagged.fit(names(vectors)[:200], tags[:200])
    assert share_right(table(vectors), names(vectors), tags, train) < 0.6
    assert share_right(tagged, names(vectors), tags, train) > 0.95


def test_the_nearest_tag_is_named():
    tagged = Tagged(Hashing(256)).fit(TEXTS, TAGS)
    assert tagged.nearest(TEXTS) == tuple(tag for (tag,) in TAGS)
    assert tagged.nearest(["is the lease a void contract"]) == ("law",)
    assert tagged.tags_ == tuple(sorted(TOPICS))


def test_the_nearest_tag_is_the_one_at_the_smallest_distance():
    vectors, tags = hidden(2)
    far_off = vectors + np.where(np.array([tag for (tag,) in tags]) == "tag 1", 40, 0)[:, None]
    tagged = Tagged(table(far_off), 2).fit(names(far_off), tags)
    gap = tagged.mapped(far_off)[:, None] - tagged.centroids_
    nearest = np.linalg.norm(gap, axis=2).argmin(axis=1)
    assert tagged.nearest(names(far_off)) == tuple(tagged.tags_[place] for place in nearest)


def test_the_centroids_are_the_means_of_the_tagged_texts():
    tagged = Tagged(Hashing(64), 3).fit(TEXTS, TAGS)
    for tag, centroid in zip(tagged.tags_, tagged.centroids_, strict=True):
        mean = tagged.embed(TOPICS[tag]).mean(axis=0)
        np.testing.assert_allclose(centroid, mean, atol=1e-10)


SHAPES = {"seed": st.integers(0, 10**6), "rows": st.integers(4, 30), "width": st.integers(1, 6)}


@given(**SHAPES, kinds=st.integers(1, 4), shrinkage=st.sampled_from([0.0, 0.3, 10.0]))
def test_the_columns_solve_the_equation_they_are_said_to(seed, rows, width, kinds, shrinkage):
    """Within tags (and with the ridge) they are uncorrelated and of equal spread; over all texts
    they are uncorrelated, the greatest spread first."""
    vectors, tags = cloud(seed, rows, width), labels(rows, kinds)
    matrix = Tagged(table(vectors), width, shrinkage=shrinkage).fit(names(vectors), tags).matrix_
    total = np.cov(vectors.T, bias=True).reshape(width, width)
    own = np.array([int(tag.split()[1]) for (tag,) in tags])
    around = vectors - np.stack([vectors[own == k].mean(axis=0) for k in range(kinds)])[own]
    within = around.T @ around / rows
    ridge = max(shrinkage * np.trace(within), 1e-8 * np.trace(total)) / width
    inside = matrix.T @ (within + ridge * np.eye(width)) @ matrix
    outside = matrix.T @ total @ matrix
    size = np.trace(inside) / width
    assert np.trace(outside) == pytest.approx(1)
    np.testing.assert_allclose(inside, size * np.eye(width), atol=1e-4 * size)
    np.testing.assert_allclose(outside, np.diag(np.diag(outside)), atol=1e-4)
    assert (np.diff(np.diag(outside)) <= 1e-6).all()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_neither_the_order_of_rows_nor_the_names_of_tags_matter(seed):
    vectors, tags = hidden(seed, rows=60)
    texts = names(vectors)
    turn = np.random.default_rng(seed).permutation(60)
    one = Tagged(table(vectors), 2).fit(texts, tags)
    renamed = [(tags[row][0].replace("tag", "zone"),) for row in turn]
    other = Tagged(table(vectors), 2).fit([texts[row] for row in turn], renamed)
    np.testing.assert_allclose(one.mapped(vectors), other.mapped(vectors), atol=1e-6)


@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1e-3, 1.0, 1e4]))
@settings(max_examples=20)
def test_the_scale_and_the_origin_of_the_inner_vectors_do_not_matter(seed, factor):
    vectors, tags = hidden(seed, rows=60)
    moved = factor * vectors + factor * 50
    one = Tagged(table(vectors), 2).fit(names(vectors), tags)
    other = Tagged(table(moved), 2).fit(names(vectors), tags)
    np.testing.assert_allclose(one.mapped(vectors), other.mapped(moved), atol=1e-6)
    assert np.mean((one.mapped(vectors) ** 2).sum(axis=1)) == pytest.approx(1)


# Tags as people give them.


def test_texts_without_a_tag_take_no_part():
    extra = ["something else altogether"] * 5
    one = Tagged(Hashing(64), 3).fit(TEXTS, TAGS)
    other = Tagged(Hashing(64), 3).fit([*extra, *TEXTS], [()] * 5 + TAGS)
    np.testing.assert_allclose(one.embed(TEXTS), other.embed(TEXTS), atol=1e-8)


def test_a_text_of_two_tags_lies_between_them():
    texts = [*TEXTS, "is the contract for the egg void", "boil the lease"]
    tags = [*TAGS, ("law", "cooking"), ("cooking", "law", "law")]
    tagged = Tagged(Hashing(512), 2).fit(texts, tags)
    centroids = dict(zip(tagged.tags_, tagged.centroids_, strict=True))
    for vector in tagged.embed(texts[-2:]):
        far = {tag: np.linalg.norm(vector - centroid) for tag, centroid in centroids.items()}
        assert max(far, key=far.get) == "maths"
    twice = Tagged(Hashing(512), 2).fit(texts, [*tags[:-1], ("law", "cooking")])
    np.testing.assert_array_equal(twice.matrix_, tagged.matrix_)


def test_a_text_of_two_tags_counts_half_for_each():
    both = [("cooking", "law")] * 2
    one = Tagged(Hashing(64), 3).fit([*TEXTS, "x y", "x y"], [*TAGS, *both])
    other = Tagged(Hashing(64), 3).fit([*TEXTS, "x y", "x y"], [*TAGS, ("law",), ("cooking",)])
    np.testing.assert_allclose(one.embed(TEXTS), other.embed(TEXTS), atol=1e-9)
    np.testing.assert_allclose(one.centroids_, other.centroids_, atol=1e-9)


@pytest.mark.parametrize("tags", [(), [()] * len(TEXTS), [[]] * len(TEXTS)])
def test_an_empty_tag_set_is_an_error_that_says_what_to_do(tags):
    with pytest.raises(ConfigurationError, match=r"no text has one: give .*`tags`, or use Reduced"):
        Tagged(Hashing()).fit(TEXTS, tags)


@pytest.mark.parametrize("tags", [TAGS[:-1], [*TAGS, ("law",)]])
def test_as_many_tag_lists_as_texts_are_needed(tags):
    with pytest.raises(ConfigurationError, match="one list of tags for each text"):
        Tagged(Hashing()).fit(TEXTS, tags)


def test_with_one_tag_the_main_differences_between_texts_are_left():
    """The directions are those of the principal components, then."""
    vectors = cloud(3, 50, 5)
    fitted = [
        kind.fit(names(vectors), [("all",)] * 50)
        for kind in (Tagged(table(vectors), 3), Reduced(table(vectors), 3))
    ]
    tagged, reduced = (part.mapped(vectors) for part in fitted)
    for column in range(3):
        likeness = np.corrcoef(tagged[:, column], reduced[:, column])[0, 1]
        assert abs(likeness) == pytest.approx(1, abs=1e-6)
    assert fitted[0].nearest(["0", "1"]) == ("all", "all")


@pytest.mark.parametrize(
    ("texts", "tags"),
    [
        (["one text"], [("a",)]),
        (["one text", "another text"], [("a",), ("b",)]),
        (["alike"] * 4, labels(4, 2)),
        (["alike", "alike", "other", "other"], [("a",), ("a",), ("b",), ("b",)]),
    ],
    ids=["one text", "one text a tag", "all alike", "alike within tags"],
)
@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_too_little_to_learn_from_gives_finite_vectors(texts, tags, shrinkage):
    tagged = Tagged(Hashing(32), 4, shrinkage=shrinkage).fit(texts, tags)
    vectors = tagged.embed([*texts, "something new", ""])
    assert vectors.shape == (len(texts) + 2, 4)
    assert np.isfinite(vectors).all()
    if len({*texts}) == len({*tags}) > 1:
        assert tagged.nearest(texts) == tuple(tag for (tag,) in tags)


def test_it_wants_to_be_fitted_first():
    for use in (Tagged(Hashing()).embed, Tagged(Hashing()).nearest):
        with pytest.raises(NotFittedError, match="'tagged'"):
            use(["Why?"])


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf, "much", None])
def test_shrinkage_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"Tagged\.shrinkage"):
        Tagged(Hashing(), shrinkage=wrong)


# On real questions.


@pytest.fixture(scope="module")
def questions():
    text = shared("llmrouter_scores.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    return [shortened(row["query"]) for row in rows], [tuple(row["tags"]) for row in rows]


@pytest.mark.parametrize("inner", [Hashing(512), Reduced(Hashing(512), 128)], ids=["hashed", "pca"])
def test_on_real_questions_the_task_is_found_far_more_often(questions, inner):
    """14 tasks, half of the questions held out."""
    texts, tags = questions
    train = np.random.default_rng(0).random(len(texts)) < 0.5
    ours = [row for row in range(len(texts)) if train[row]]
    tagged = Tagged(inner).fit([texts[row] for row in ours], [tags[row] for row in ours])
    plain = share_right(tagged.inner, texts, tags, train)
    learned = share_right(tagged, texts, tags, train)
    assert learned > plain + 0.2
    assert learned > 0.7


def test_a_saved_map_needs_no_tags(tmp_path):
    tagged = Tagged(Hashing(64), 3).fit(TEXTS, TAGS)
    bare = replace(tagged, tags_=(), centroids_=None)
    np.testing.assert_array_equal(bare.embed(TEXTS), tagged.embed(TEXTS))
