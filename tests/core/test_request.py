"""Preferences refuse what makes no sense when they are made, not when they are used."""

import copy
import json
import pickle
from dataclasses import replace

import pytest

from automix_core import ConfigurationError, Preference, UnknownNameError


def test_an_unknown_preference_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match=r"'cost_wieght'.*'cost_weight', 'force'"):
        Preference(cost_wieght=0.3)


@pytest.mark.parametrize("name", ["cost_weight", "latency_weight", "max_cost", "max_latency"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True])
def test_a_number_must_be_a_number_of_at_least_zero(name, value):
    with pytest.raises(ConfigurationError, match=rf"Preference\.{name}"):
        Preference(**{name: value})


@pytest.mark.parametrize("name", ["cost_weight", "latency_weight"])
def test_only_limits_may_be_left_open(name):
    with pytest.raises(ConfigurationError, match=name):
        Preference(**{name: None})
    assert Preference(max_cost=None, max_latency=None) == Preference()


def test_force_takes_a_name():
    with pytest.raises(ConfigurationError, match=r"Preference\.force"):
        Preference(force=object())


def test_a_preference_survives_copying_and_changing():
    preference = Preference(cost_weight=0.3, force="large")
    assert copy.deepcopy(preference) == preference
    assert pickle.loads(pickle.dumps(preference)) == preference
    assert replace(preference, force=None) == Preference(cost_weight=0.3)


def test_a_preference_is_json_and_a_key():
    preference = Preference(cost_weight=0.3)
    assert Preference(**json.loads(json.dumps(preference.as_dict()))) == preference
    assert hash(preference) == hash(Preference(cost_weight=0.3))
