"""Confidences sorted into cells, and rows sorted by what is known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automix_core.estimate.cells import cells_of, edges_of, latest_answered, situations


@given(st.lists(st.sampled_from([k / 8 for k in range(9)] + [np.nan]), min_size=1, max_size=40))
def test_shares_of_verdicts_have_a_cell_each_and_no_verdict_has_the_last(said):
    column = np.array(said)[:, None]
    cells = cells_of(column, edges_of(column, 9))[:, 0]
    values = np.unique(column[~np.isnan(column)])
    for share, cell in zip(said, cells, strict=True):
        assert cell == (9 if np.isnan(share) else values.searchsorted(share))


def test_real_values_are_cut_into_cells_of_about_as_many():
    column = np.random.default_rng(0).beta(8, 2, size=(5000, 1))
    counts = np.bincount(cells_of(column, edges_of(column, 9))[:, 0])
    assert len(counts) == 9
    assert counts.min() > 0.8 * counts.max()


@pytest.mark.parametrize("common", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rows", [300, 900])
def test_a_value_that_most_rows_share_has_a_cell_without_others(common, rows):
    others = np.linspace(0.01, 0.99, 100)
    column = np.append(np.full(rows, common), others)[:, None]
    edges = edges_of(column, 9)
    cells = cells_of(column, edges)[:, 0]
    assert len(set(cells[:rows].tolist())) == 1
    assert not (cells[rows:][others > common] == cells[0]).any()
    assert not (cells[rows:][others < common] == cells[0]).any()


def test_confidences_beyond_all_examples_fall_into_the_outer_cells():
    edges = edges_of(np.array([[0.2], [0.4], [0.6]]), 9)
    assert cells_of(np.array([[-1.0], [0.2], [0.6], [2.0]]), edges)[:, 0].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("columns", [1, 3, 62, 63, 64, 80])
def test_rows_that_are_alike_come_together_however_many_columns_there_are(columns):
    rng = np.random.default_rng(columns)
    kinds = rng.random((4, columns)) < 0.5
    kinds[:, -1] = [True, False, True, False]
    mask = kinds[rng.integers(0, 4, 50)]
    covered = np.zeros(50, dtype=int)
    for pattern, rows in situations(mask):
        assert (mask[rows] == pattern).all()
        covered[rows] += 1
    assert (covered == 1).all()
    assert len(list(situations(mask))) == len(np.unique(mask, axis=0))


def test_one_kind_of_row_needs_no_copy():
    ((pattern, rows),) = situations(np.ones((5, 3), dtype=bool))
    assert rows == slice(None)
    assert pattern.all()


def test_the_latest_answer_is_the_dearest_in_hand():
    answered = np.array([[False, False, False], [True, False, False], [True, True, False]])
    assert latest_answered(answered).tolist() == [-1, 0, 1]
