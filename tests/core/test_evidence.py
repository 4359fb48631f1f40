"""Looking ahead: one row's evidence, once for every signal that is still possible."""

import numpy as np

from automix_core.evidence import Actions, Evidence, Run, Signal, Stop


def evidence(**signals):
    return Evidence(
        able=np.array([[False, True, True]]),
        answered=np.array([[True, False, False]]),
        confidence=np.full((1, 3), np.nan),
        cost=np.array([[1.0, 2.0, 3.0]]),
        checking=np.array([[0.5, 0.5, 0.0]]),
        reference_cost=3.0,
        draw=np.array([0.25]),
        signals={name: np.array([row]) for name, row in signals.items()},
    )


def test_one_row_for_each_possible_signal_and_nothing_else_changes():
    before = evidence()
    rows = before.supposing(0, [Signal(0.3), Signal(None), Signal(1.0)])
    assert len(rows) == 3
    np.testing.assert_array_equal(rows.confidence[:, 0], [0.3, np.nan, 1.0])
    for name in ("able", "answered", "cost"):
        np.testing.assert_array_equal(getattr(rows, name), np.repeat(getattr(before, name), 3, 0))
    np.testing.assert_array_equal(rows.draw, [0.25] * 3)
    assert np.isnan(before.confidence).all()


def test_only_the_arm_in_question_is_supposed_about():
    rows = evidence().supposing(1, [Signal(0.3, values={"s": 0.3}), Signal(0.6)])
    for array in (rows.confidence, rows.signals["s"]):
        assert np.isnan(array[:, [0, 2]]).all()
    np.testing.assert_array_equal(rows.confidence[:, 1], [0.3, 0.6])


def test_signals_by_name_are_supposed_beside_those_already_known():
    before = evidence(known=[np.nan, 0.7, np.nan])
    rows = before.supposing(
        0, [Signal(0.3, values={"new": 0.3}), Signal(None, values={"known": 1})]
    )
    np.testing.assert_array_equal(rows.signals["new"][:, 0], [0.3, np.nan])
    np.testing.assert_array_equal(rows.signals["known"], [[np.nan, 0.7, np.nan], [1, 0.7, np.nan]])


def actions(arm, run, final):
    size = len(arm)
    return Actions(
        np.array(arm), np.array(run), np.array(final), np.ones(size), np.zeros(size), np.zeros(size)
    )


def test_an_action_is_to_run_to_stop_or_neither():
    assert actions([1], [True], [True]).first() == Run(1, final=True)
    assert actions([1], [False], [False]).first() == Stop(1)
    assert actions([-1], [False], [False]).first() is None


def test_rows_agree_only_if_they_do_the_same_in_every_respect():
    assert actions([1, 1], [True, True], [True, True]).unanimous()
    assert not actions([1, 2], [True, True], [True, True]).unanimous()
    assert not actions([1, 1], [True, False], [False, False]).unanimous()
    assert not actions([1, 1], [True, True], [True, False]).unanimous()


def test_a_signal_cut_short_is_censored():
    assert Signal(0.0, planned=8, asked=5).censored
    assert not Signal(0.0, planned=8, asked=8).censored
    assert not Signal(0.9).censored
