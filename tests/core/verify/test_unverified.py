"""Routers that commit have a verifier that costs nothing and says nothing."""

import numpy as np

from automix_core import Arm, Outcomes, Request
from automix_core.evidence import Answer
from automix_core.flow import Reply
from automix_core.verify import Unverified
from tests.core.conftest import Model, stepped


def test_it_asks_nobody_and_has_no_verdict():
    arm = Arm(Model("small"), name="small")
    answer = Answer("small", Reply("small", ("Berlin",)))
    flow = Unverified().verify(Request("Capital?"), answer, arm, lambda signals: False)
    signal, waves = stepped(flow, lambda ask: Reply("", ("yes",)))
    assert (signal.confidence, waves) == (None, [])
    assert signal.note
    assert Unverified().relative_cost(arm) == 0


def test_it_reads_any_table_and_finds_nothing_in_it():
    signals = {"self_verification": [[0.5, 0.5]]}
    table = Outcomes.from_arrays(["small", "large"], [[0, 1]], [[1, 2]], signals=signals)
    said = Unverified().recorded(table)
    assert np.isnan(said.confidence).all()
    assert (said.cost == 0).all()
    assert not said.signals
