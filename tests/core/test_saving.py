"""A saved router is data: readable, complete or refused, and never code."""

import json
import os
import pickle
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from automix_core import (
    AutomixError,
    ConfigurationError,
    Preference,
    Request,
    Router,
    SavedRouterError,
)
from automix_core.decide import Value
from automix_core.drive import finish
from automix_core.estimate import Threshold
from automix_core.verify import AnswerLikelihood, Check, Judge, SelfVerification
from tests.core.conftest import Model, ScriptedPort, bound, cascade, says


@dataclass(frozen=True, eq=False)
class Fitted(Threshold):
    """An estimator that learned something."""

    name = "fitted_in_tests"
    table: Any = field(default_factory=lambda: np.arange(3.0))
    by_arm: Any = field(default_factory=dict)
    rows: int = 0


def fitted(**learned):
    return Router(AnswerLikelihood(), Fitted(**learned), Value(), name="mine", seed=7)


@pytest.mark.parametrize("name", ["cascade", "automix"])
def test_a_preset_comes_back_as_it_was(tmp_path, name):
    made = Router.preset(name, threshold=0.7)
    made.save(tmp_path)
    again = Router.load(tmp_path)
    assert (again.verifier, again.estimator, again.policy) == (
        made.verifier,
        made.estimator,
        made.policy,
    )
    assert again.as_dict() == made.as_dict()


def test_a_bound_router_comes_back_and_decides_alike(tmp_path):
    made = cascade()
    made.save(tmp_path)
    again = bound(Router.load(tmp_path), logprobs=True)
    for confidence in (0.2, 0.5, 0.8):
        port = ScriptedPort(lambda ask, c=confidence: says("Berlin", confidence=c))
        arms = [finish(r.route(Request("q")), port).decision.arm for r in (made, again)]
        assert arms[0] == arms[1]


def test_the_file_can_be_read_by_people(tmp_path):
    cascade().save(tmp_path)
    text = (tmp_path / "router.json").read_text()
    assert '"arms": [\n    "small",\n    "large"\n  ]' in text
    assert '"threshold": 0.5' in text


def test_learned_arrays_and_numbers_come_back(tmp_path):
    table = np.array([[0.1, np.nan], [np.inf, 1.0]])
    by_arm = {"small": np.array([1, 2]), "large": np.array(["a", "b"])}
    fitted(table=table, by_arm=by_arm, rows=np.int64(356)).save(tmp_path)
    again = Router.load(tmp_path)
    np.testing.assert_array_equal(again.estimator.table, table)
    assert {arm: list(a) for arm, a in again.estimator.by_arm.items()} == {
        "small": [1, 2],
        "large": ["a", "b"],
    }
    assert (again.estimator.rows, again.name, again.seed) == (356, "mine", 7)


def test_saving_again_replaces_everything_and_leaves_nothing_behind(tmp_path):
    fitted(table=np.zeros(3)).save(tmp_path)
    fitted(table=np.ones(3)).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert list(Router.load(tmp_path).estimator.table) == [1, 1, 1]
    cascade().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["router.json"]


def test_a_save_that_fails_leaves_the_old_router_in_place(tmp_path, monkeypatch):
    cascade(threshold=0.7).save(tmp_path)
    monkeypatch.setattr(os, "replace", broken_disk)
    monkeypatch.setattr("pathlib.Path.replace", broken_disk)
    with pytest.raises(SavedRouterError, match="disk full"):
        cascade(threshold=0.1).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["router.json"]
    assert Router.load(tmp_path).estimator == Threshold(0.7)


def broken_disk(*_):
    raise OSError("disk full")


def test_a_router_saved_by_one_user_can_be_read_by_another(tmp_path):
    """As in an image that is built by root and served by somebody else."""
    before = os.umask(0o022)
    try:
        fitted().save(tmp_path / "router")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "router").iterdir()}
    assert modes == {0o644}


def test_live_objects_are_slots_that_loading_wants_back(tmp_path):
    judge, check = Model("gpt"), len
    verifier = Check(check) | Judge(judge, SelfVerification(samples=2))
    made = bound(Router.preset("cascade", verifier=verifier))
    made.save(tmp_path)
    assert "gpt" not in (tmp_path / "router.json").read_text()
    with pytest.raises(SavedRouterError, match=r"resources=\{'check': \.\.\.\}"):
        Router.load(tmp_path, resources={"judge": judge})
    again = Router.load(tmp_path, resources={"judge": judge, "check": check})
    assert again.verifier == verifier


def test_two_live_objects_never_share_a_slot():
    with pytest.raises(ConfigurationError, match="'check'"):
        Check(len) | Check(bool)


@dataclass(frozen=True)
class Nameless(Threshold):
    """Would come back as a plain threshold."""


@pytest.mark.parametrize("estimator", [Nameless(), Nameless(0.7)])
def test_a_part_that_could_not_be_found_again_is_refused_when_saving(tmp_path, estimator):
    router = Router(AnswerLikelihood(), estimator, Value())
    with pytest.raises(SavedRouterError, match="Nameless"):
        router.save(tmp_path)
    assert router.as_dict() != Router(AnswerLikelihood(), Threshold(0.5), Value()).as_dict()


def test_objects_in_arrays_cannot_be_saved(tmp_path):
    with pytest.raises(SavedRouterError, match=r"estimator\.table"):
        fitted(table=np.array([object()])).save(tmp_path)


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SavedRouterError, match="Cannot write"):
        cascade().save(tmp_path / "file")


# What can be wrong with a saved router. Each is one error, that names the place.


def manifest(tmp_path, **changes):
    fitted().save(tmp_path)
    raw = json.loads((tmp_path / "router.json").read_text())
    raw.update(changes)
    (tmp_path / "router.json").write_text(json.dumps(raw))


@pytest.mark.parametrize("content", [None, "", "{", "[]", "3", "{}", b"\xff\xfe\x00"])
def test_what_is_no_router_is_refused(tmp_path, content):
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "router.json").write_bytes(data)
    with pytest.raises(SavedRouterError, match="no readable router"):
        Router.load(tmp_path)


@pytest.mark.parametrize("form", [0, 2, "1", None])
def test_a_newer_format_is_refused(tmp_path, form):
    manifest(tmp_path, format=form)
    with pytest.raises(SavedRouterError, match="format"):
        Router.load(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"verifier": None},
        {"policy": {"part": ["estimator", "threshold"], "parameters": {}}},
        {"estimator": {"part": ["estimator", "crystal"], "parameters": {}}},
        {"estimator": {"part": ["estimator", "threshold"], "parameters": {"colour": 1}}},
        {"estimator": {"part": ["estimator", "threshold"], "parameters": {"threshold": 7}}},
        {"estimator": {"part": ["os", "system"], "parameters": {"command": "true"}}},
        {"estimator": {"part": "estimator"}},
        {"estimator": {"array": "nowhere"}},
        {"estimator": {}},
        {"arms": 3},
        {"name": None},
        {"reference_cost": "much"},
        {"seed": "x"},
    ],
    ids=str,
)
def test_a_router_that_was_tampered_with_is_refused(tmp_path, changes):
    manifest(tmp_path, **changes)
    with pytest.raises(SavedRouterError):
        Router.load(tmp_path)


@pytest.mark.parametrize("key", ["arms", "name", "seed", "reference_cost", "arrays", "policy"])
def test_a_router_of_which_something_is_missing_is_refused(tmp_path, key):
    fitted().save(tmp_path)
    raw = json.loads((tmp_path / "router.json").read_text())
    del raw[key]
    (tmp_path / "router.json").write_text(json.dumps(raw))
    with pytest.raises(SavedRouterError):
        Router.load(tmp_path)


class Trap:
    """Runs code when it is unpickled."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 torn", b"no zip", pickle.dumps(Trap())], ids=repr
)
def test_arrays_that_are_torn_or_hold_code_are_refused(tmp_path, content):
    fitted().save(tmp_path)
    (arrays,) = tmp_path.glob("*.npz")
    arrays.write_bytes(content)
    with pytest.raises(SavedRouterError):
        Router.load(tmp_path)
    assert not Trap.sprung


def test_pickles_inside_arrays_are_refused(tmp_path):
    fitted().save(tmp_path)
    (arrays,) = tmp_path.glob("*.npz")
    np.savez(arrays, **{"estimator.table": np.array([Trap()], dtype=object)})
    with pytest.raises(SavedRouterError):
        Router.load(tmp_path)
    assert not Trap.sprung


def test_arrays_elsewhere_are_not_followed(tmp_path):
    np.savez(tmp_path / "elsewhere.npz", **{"estimator.table": np.zeros(1)})
    manifest(tmp_path / "router", arrays="../elsewhere.npz")
    with pytest.raises(SavedRouterError):
        Router.load(tmp_path / "router")


def test_loading_never_raises_anything_else(tmp_path):
    """Whatever single value is replaced by another."""
    fitted(by_arm={"a": 1}).save(tmp_path)
    path = tmp_path / "router.json"
    whole = path.read_text()
    for old in ('"threshold"', '"estimator"', "0.5", '"mine"', "null", "7", "{", "["):
        for new in ('"x"', "null", "3", "[]", "{}"):
            path.write_text(whole.replace(old, new, 1))
            with suppress(AutomixError):
                bound(Router.load(tmp_path)).route(Request("q"), Preference())
