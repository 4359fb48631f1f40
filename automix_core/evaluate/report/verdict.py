"""Whether routing pays, in one sentence, and what that rests on.

A gain is only what lies above random mixing of the single models at the same cost, by an interval
that excludes 0. Without one the advice is to use a single model, and the sentence says which.
"""

from __future__ import annotations

from dataclasses import dataclass

from automix_core.evaluate.report.wording import (
    dollars,
    percent,
    percent_with_interval,
    quality,
    signed_with_interval,
)
from automix_core.metrics.bootstrap import Measure

__all__ = ["Evidence", "judge"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict rests on, all on held-out rows.

    Attributes:
        dearest: Name of the dearest arm.
        best_alone: Name of the single arm to use if routing does not pay.
        saved: Share of the cost of always asking the dearest arm that the router saves; negative
            where it costs more, `None` where that arm costs nothing.
        difference: Quality of the router less that of the dearest arm.
        gain: Quality of the router less that of random mixing at the same cost.
        quality: Mean quality of the router.
        cost: Mean US dollars a request of the router.
        mixing: Mean quality of random mixing at that cost.
        only: Name of the one arm that was ever asked; `None` where there were several.
    """

    dearest: str
    best_alone: str
    saved: Measure | None
    difference: Measure
    gain: Measure
    quality: float
    cost: float
    mixing: float
    only: str | None = None

    @property
    def pays(self) -> bool:
        """Whether the whole interval of the gain lies above 0."""
        return self.gain.low > 0


def judge(found: Evidence) -> tuple[str, tuple[str, ...]]:
    """The verdict, and its reasons, a sentence each."""
    trade = _trade(found)
    if found.pays:
        return _capital(trade), (_gained(found), *_precisely(found))
    verdict = f"NO SIGNIFICANT GAIN: use {found.best_alone}."
    if found.only is not None:
        return verdict, (_alone(found.only),)
    return verdict, (_nothing_gained(found), f"It {trade}" if found.saved else _capital(trade))


def _trade(found: Evidence) -> str:
    """What routing saves, and what that costs in quality, against the dearest arm alone."""
    apart = f"a quality difference of {signed_with_interval(found.difference)}"
    always = f"always asking {found.dearest}"
    if found.saved is None:
        return f"{always} costs nothing; routing comes to {apart}."
    if found.saved.mean < 0:
        return f"costs {percent(-found.saved.mean)} more than {always}, at {apart}."
    return f"saves {percent(found.saved.mean)} of the cost of {always}, at {apart}."


def _alone(name: str) -> str:
    return (
        f"The router sends every question to {name}: nothing it was fitted on told it well enough "
        "when another model would serve better."
    )


def _gained(found: Evidence) -> str:
    return (
        f"Random mixing of the single models reaches {quality(found.mixing)} for the same money; "
        f"the router reaches {quality(found.quality)}: a gain of "
        f"{signed_with_interval(found.gain)}."
    )


def _nothing_gained(found: Evidence) -> str:
    harm = "all of it below 0: routing does harm" if found.gain.high < 0 else "which includes 0"
    return (
        f"For {dollars(found.cost)} per 1,000 requests, random mixing of the single models "
        f"reaches {quality(found.mixing)} and the router {quality(found.quality)}: a difference of "
        f"{signed_with_interval(found.gain)}, {harm}."
    )


def _precisely(found: Evidence) -> tuple[str, ...]:
    if found.saved is None:
        return ()
    return (f"Share of cost saved: {percent_with_interval(found.saved)}.",)


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
