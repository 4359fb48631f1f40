"""One small tree of errors, that no framework swallows and every process can pass on."""

import pickle

import pytest

from automix_core import AllArmsFailed, AutomixError, UnknownNameError, errors
from automix_core.flow import Failure

TREE = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", TREE)
def test_all_errors_have_one_root_that_llama_index_does_not_swallow(error):
    assert issubclass(error, AutomixError)
    assert issubclass(error, RuntimeError)
    assert not issubclass(error, ValueError | TypeError)


def test_the_docstring_draws_the_whole_tree():
    assert all(error.__name__ in errors.__doc__ for error in TREE)


def test_an_unknown_name_lists_the_known_ones_in_order():
    error = UnknownNameError("preset", "x", ["b", "a"])
    assert str(error) == "There is no preset 'x'. What exists: 'a', 'b'."
    assert str(UnknownNameError("preset", "x", [])) == "There is no preset 'x'. What exists: none."


CAUSES = [
    Failure("small", "empty"),
    Failure("middle", "error", KeyError("k")),
    Failure("large", "timeout", TimeoutError("late")),
]


def test_all_arms_failed_names_every_cause_and_chains_the_first_exception():
    error = AllArmsFailed(CAUSES)
    assert str(error) == (
        "No model gave a usable answer. "
        "small: empty answer; middle: KeyError: 'k'; large: TimeoutError: late"
    )
    assert error.causes == tuple(CAUSES)
    assert error.__cause__ is CAUSES[1].error


@pytest.mark.parametrize(
    "error", [AllArmsFailed(CAUSES), UnknownNameError("preset", "x", ["a"]), AutomixError("m")]
)
def test_errors_survive_the_way_between_processes(error):
    """An error that cannot be unpickled hangs a process pool."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
