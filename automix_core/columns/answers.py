"""The fields of the arms' answers: their names, their limits, and what follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import numpy as np

from automix_core.columns.source import AMOUNT, COUNT, NUMBER, SHARE, Fail, Limits
from automix_core.columns.table import PLAIN, Key
from automix_core.errors import OutcomesError
from automix_core.evidence import Floats

__all__ = ["EXTRAS", "Found", "bounds", "fields_of"]

EXTRAS = {"checks": ("cost", "costs"), "check_latency": ("latency", "latencies")}
"""Where the verification holds what a signal cost: of self-verification, and of the others."""

_ALIASES = {"p_true": "true_probability"}
_SHARES = {"self_verification", "true_probability", "answer_likelihood"}
_NEEDED = {
    "quality": "is missing: every answer needs a score in [0, 1].",
    "cost": "is missing: every answer needs what it cost, in US dollars.",
}
_LIKELIHOOD_TOKENS = 32

Problem = Callable[[int, str, str], OutcomesError]
"""Makes the error of the answer with this index, from the field and what is wrong with it."""


class Found(ABC):
    """k objects with the same fields, however the file holds them."""

    @abstractmethod
    def numbers(self, name: str, limits: Limits, fail: Fail) -> Floats:
        """(k,) a field as checked numbers, NaN where it is missing."""

    @abstractmethod
    def objects(self, name: str, fail: Fail) -> Found | None:
        """A field that holds k objects itself, or `None` where all are missing."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """The names of all fields that some object has."""


def bounds(key: Key) -> Limits:
    """What the numbers of a field must be."""
    what, name = key
    if what == "signals":
        return SHARE if name in _SHARES else NUMBER
    return SHARE if what == "quality" else AMOUNT


def fields_of(answers: Found, problem: Problem) -> dict[Key, Floats]:
    """Every field of k answers as an array (k,); those that no answer fills are left out.

    Raises:
        OutcomesError: A field that is missing, breaks its limits or contradicts another.
    """
    reader = _Reader(problem)
    fields: dict[Key, Floats] = {}
    for name in PLAIN:
        fields[name, ""] = reader.numbers(answers, name, bounds((name, "")))
    for name, missing in _NEEDED.items():
        reader.refuse(np.isnan(fields[name, ""]), name, lambda _, missing=missing: missing)  # type: ignore[misc]
    confidence = reader.numbers(answers, "confidence", SHARE)
    verification = reader.objects(answers, "verification")
    if verification is not None:
        confidence = _confidence(confidence, verification, reader)
        for key, (one, many) in EXTRAS.items():
            where = "verification."
            fields[key, "self_verification"] = reader.numbers(verification, one, AMOUNT, where)
            others = reader.objects(verification, many, where)
            reader.add_named(fields, key, others, f"{where}{many}.")
    fields["signals", "self_verification"] = confidence
    reader.add_named(fields, "signals", reader.objects(answers, "signals"), "signals.")
    _add_likelihood(fields)
    return {k: f for k, f in fields.items() if k[0] in _NEEDED or not np.isnan(f).all()}


class _Reader:
    """Reads fields of objects, and says of a bad one where it is."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def numbers(self, found: Found, name: str, limits: Limits, where: str = "") -> Floats:
        return found.numbers(name, limits, self._fail(f"{where}{name}"))

    def objects(self, found: Found, name: str, where: str = "") -> Found | None:
        return found.objects(name, self._fail(f"{where}{name}"))

    def refuse(self, bad: np.ndarray, where: str, says: Callable[[int], str]) -> None:
        """Raise the error of the first bad answer, if there is one."""
        if bad.any():
            first = int(bad.argmax())
            raise self._problem(first, where, says(first))

    def add_named(
        self,
        fields: dict[Key, Floats],
        key: str,
        found: Found | None,
        where: str,
    ) -> None:
        """Add one field for each name in the objects; a name goes before its alias."""
        if found is None:
            return
        for given in sorted(dict.fromkeys(found.names()), key=lambda name: name in _ALIASES):
            name = _ALIASES.get(given, given)
            values = self.numbers(found, given, bounds((key, name)), where)
            fields[key, name] = _either(fields.get((key, name)), values)

    def _fail(self, where: str) -> Fail:
        return lambda i, problem: self._problem(i, where, problem)


def _confidence(given: Floats, verification: Found, reader: _Reader) -> Floats:
    """The share of correct verdicts: as it was given, else from the counts."""
    counts = {
        name: reader.numbers(verification, name, COUNT, "verification.")
        for name in ("planned", "samples", "valid", "correct")
    }
    for few, many in (("correct", "valid"), ("correct", "samples"), ("valid", "samples")):
        less, more = counts[few], counts[many]
        reader.refuse(
            less > more,
            f"verification.{few}",
            lambda i, less=less, more=more, many=many: (  # type: ignore[misc]
                f"{less[i]:g} cannot be more than verification.{many}, which is {more[i]:g}."
            ),
        )
    valid, correct = counts["valid"], counts["correct"]
    reader.refuse(
        (valid == 0) & ~np.isnan(given),
        "confidence",
        lambda _: "must be null, for verification.valid is 0: without a verdict there is none.",
    )
    counted = np.divide(correct, valid, out=np.full_like(valid, np.nan), where=valid > 0)
    # A verifier that stopped early says only on which side of a line the rest lies.
    censored = counts["samples"] < counts["planned"]
    return np.where(censored, np.nan, _either(given, counted))


def _add_likelihood(fields: dict[Key, Floats]) -> None:
    """Add the likelihood of the answers, where their log-probabilities are known.

    As the verifier of that name has it: `exp(sum)` up to 32 tokens, and above that as if the
    answer were 32 tokens of the same average. The number of tokens is sum / mean, else the
    answer's output tokens.
    """
    total = fields.get(("signals", "answer_logprob_sum"))
    if total is None:
        return
    unknown = np.full_like(total, np.nan)
    mean = fields.get(("signals", "answer_logprob_mean"), unknown)
    counted = np.round(np.divide(total, mean, out=unknown.copy(), where=mean != 0))
    tokens = np.where(counted >= 1, counted, fields["output_tokens", ""])
    tokens = np.where(tokens >= 1, tokens, np.nan)
    likelihood = np.exp(np.minimum(0.0, total * np.minimum(1.0, _LIKELIHOOD_TOKENS / tokens)))
    key = ("signals", "answer_likelihood")
    fields[key] = _either(fields.get(key), likelihood)


def _either(first: Floats | None, second: Floats) -> Floats:
    """The first array, and the second where the first is missing."""
    return second if first is None else np.where(np.isnan(first), second, first)
