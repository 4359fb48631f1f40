"""What a server refuses is dropped, told apart from other errors, and remembered."""

import pytest

from automix_core.refusals import Refusals, refused


def answer(status, message):
    error = RuntimeError(message)
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("error", "dropped"),
    [
        (answer(400, "top_logprobs is not supported"), {"logprobs", "top_logprobs"}),
        (answer(400, "response_format: bad"), {"response_format"}),
        (answer(422, "no"), {"logprobs", "top_logprobs", "response_format", "n"}),
        (answer(400, "n > 1 is not supported"), set()),
        (answer(500, "logprobs broke me"), set()),
        (TypeError("chat() got an unexpected keyword argument 'logprobs'"), {"logprobs"}),
        (TypeError("'logprobs' is not subscriptable"), set()),
    ],
)
def test_what_an_error_refuses(error, dropped):
    added = {"logprobs": True, "top_logprobs": 1, "response_format": {}, "n": 2}
    expected = dropped | ({"top_logprobs"} if "logprobs" in dropped else set())
    assert refused(error, added) == expected


def test_what_was_refused_is_remembered_for_each_model():
    refusals = Refusals()
    refusals.note("small", frozenset({"logprobs"}))
    refusals.note("small", frozenset({"response_format"}))
    assert refusals.of("small") == {"logprobs", "response_format"}
    assert refusals.of("large") == frozenset()
