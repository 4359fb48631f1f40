"""What an answer will cost and how long it will take, forecast from its expected length.

Cost follows from the price list and latency from the pace of each arm and the live queue, so that
neither prices nor load need a new fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from automix_core.arrays import filled, known_means, ratio
from automix_core.errors import ConfigurationError
from automix_core.estimate.amounts import Amounts, faded, over_arms, sane
from automix_core.estimate.nearest import NeighbourQuality
from automix_core.estimate.paces import Paces
from automix_core.evidence import Estimates, Evidence, Examples, Floats
from automix_core.numbers import is_number
from automix_core.parts import Estimator
from automix_core.request import Preference
from automix_core.workload import learned_rates

__all__ = ["Forecast"]

PERCENT = 100.0


@dataclass(frozen=True, eq=False)
class Forecast(Estimator):
    """Quality as another estimator sees it, with cost and latency of each arm forecast.

    The cost of an answer is prompt tokens times their rate plus expected answer tokens times
    theirs (MixLLM, arXiv 2502.18482, equation 5; CARROT, arXiv 2502.03261). Where rates or tokens
    of an arm are unknown, it is the listed cost, times what the request is expected to cost
    beside the mean one, where the costs of the fit tell. The listed cost of a check is added.
    Latency is the wait for a busy arm, plus its start-up time, plus its pace times the expected
    length.

    Tokenizers differ between arms: an arm's prompt is taken to be longer than the given number
    of tokens in the proportion that it was in the fit.

    Attributes:
        quality: Estimates quality, before an answer or after.
        amounts: How lengths are learned.
        forgetting: What an arm's rows keep of their weight with each new row of feedback about it:
            0.999 lets about the last 1,000 count.
        lengths_: Tokens of answers.
        relative_: Cost in percent of the arm's mean cost, for arms whose tokens do not tell it.
        listed_: (arms,) that mean cost, US dollars.
        paces_: Start-up and pace.
        prompts_: (arms, 2) weight of the rows, and sum of their prompt tokens.
        usual_: (arms,) their mean, taken where a prompt's length is unknown.
        scale_: (arms,) the arm's tokens of a prompt for each token on the mean of all arms.
    """

    name = "forecast"
    quality: Estimator = field(default_factory=NeighbourQuality)
    amounts: Amounts = field(default_factory=Amounts)
    forgetting: float = 0.999
    lengths_: Amounts | None = None
    relative_: Amounts | None = None
    listed_: Floats | None = None
    paces_: Paces | None = None
    prompts_: Floats | None = None
    usual_: Floats | None = None
    scale_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the forgetting."""
        if not (is_number(self.forgetting) and 0 < self.forgetting <= 1):
            msg = f"Forecast.forgetting must lie above 0 and at most at 1, not {self.forgetting!r}."
            raise ConfigurationError(msg)

    @property
    def label(self) -> str:
        """The name of what estimates quality, and its own."""
        return f"{self.quality.label} with {self.name}"

    @property
    def adopts(self) -> bool:
        """Whether the estimator of quality does."""
        return self.quality.adopts

    @property
    def forecasts(self) -> bool:
        """It reads the prompt's length, prices and the load."""
        return True

    def fit(self, examples: Examples) -> Self:
        """A copy that has learned from examples, and whose inner estimator has."""
        costs, latency, sent, got = _told(examples)
        features = examples.features
        priced = ~np.isnan(learned_rates(costs, sent, got)).any(axis=1)
        listed = np.where(priced, np.nan, known_means(costs))
        tells = not np.isnan(listed).all()
        prompt = np.where(np.isnan(sent), np.nan, known_means(sent, axis=1)[:, None])
        prompts = np.stack([(~np.isnan(sent)).sum(axis=0), np.nansum(sent, axis=0)], axis=1)
        return replace(
            self,
            quality=self.quality.fit(examples),
            lengths_=self.amounts.fit(got, features),
            relative_=self.amounts.fit(_percent(costs, listed), features) if tells else None,
            listed_=listed if tells else None,
            paces_=Paces.of(latency, got),
            prompts_=prompts.astype(float),
            usual_=_usual(prompts),
            scale_=ratio(np.nansum(sent, axis=0), np.nansum(prompt, axis=0), 1.0),
        )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Quality as the inner estimator says, with cost and latency forecast."""
        made = self.quality.estimate(evidence, preference)
        if self.lengths_ is None or self.paces_ is None:
            return made
        if self._listed_alone and evidence.waiting is None:  # every cost is as it was listed
            return made
        length = self.lengths_.expected(evidence.features, len(evidence))
        answer = self._answer_cost(evidence, length)
        cost = answer + evidence.checking
        unknown = np.isnan(cost)
        if np.count_nonzero(unknown):
            cost = np.where(unknown, evidence.cost, cost)
        latency = self.paces_.latency(length)
        if evidence.waiting is not None:
            latency += np.nan_to_num(evidence.waiting)
        if not evidence.untouched:
            cost = np.where(evidence.answered, 0.0, cost)
            latency = np.where(evidence.answered, 0.0, latency)
        seen = made.quality, made.sd
        return Estimates(*seen, cost, latency, made.reference_cost, made.ahead, made.novelty)

    def learn(self, examples: Examples) -> Self:
        """A copy that has taken feedback in, as has its inner estimator.

        Lengths, costs and prompts follow by a factor for each arm, start-up and pace as a whole;
        which requests have long answers stays as it was fitted.
        """
        learned: Any = self.lengths_, self.relative_, self.listed_, self.paces_, self.prompts_
        lengths, relative, listed, paces, prompts = learned
        quality = self.quality.learn(examples)
        if lengths is None or not _tells(examples):
            return self if quality is self.quality else self.having(quality=quality)
        costs, latency, sent, got = _told(examples)
        features, kept = examples.features, self.forgetting
        if relative is not None:
            relative = relative.learn(_percent(costs, listed), features, kept)
        prompts = faded(prompts, (np.ones_like(sent), sent), kept)
        return self.having(
            quality=quality,
            lengths_=lengths.learn(got, features, kept),
            relative_=relative,
            paces_=paces.learn(latency, got, kept),
            prompts_=prompts,
            usual_=_usual(prompts),
        )

    def over(self, places: Sequence[int | None]) -> Self:
        """The same for other arms; of a new one nothing is known but its listed cost."""
        return replace(
            self,
            quality=self.quality.over(places),
            lengths_=None if self.lengths_ is None else self.lengths_.over(places),
            relative_=None if self.relative_ is None else self.relative_.over(places),
            listed_=over_arms(self.listed_, places, np.nan),
            paces_=None if self.paces_ is None else self.paces_.over(places),
            prompts_=over_arms(self.prompts_, places, 0.0),
            usual_=over_arms(self.usual_, places, np.nan),
            scale_=over_arms(self.scale_, places, 1.0),
        )

    @cached_property
    def _listed_alone(self) -> bool:
        """Whether the listed costs are all that is known: no lengths, no latencies."""
        lengths: Any = self.lengths_
        paces: Any = self.paces_
        told = np.stack([lengths.factor_, paces.startup_])
        as_listed = self.relative_ is None or self.relative_.always(PERCENT)
        return as_listed and bool(np.isnan(told).all())

    def _answer_cost(self, evidence: Evidence, length: Floats) -> Floats:
        """US dollars of each answer, (n, arms); NaN where nothing but the listed cost is known."""
        rates = evidence.rates
        cost = None if rates is None else self._priced(evidence.prompt_tokens, length, rates)
        if self.relative_ is None:
            return filled(length.shape, np.nan) if cost is None else cost
        percent = self.relative_.expected(evidence.features, len(length))
        beside = (evidence.cost - evidence.checking) * percent
        beside /= PERCENT
        return beside if cost is None else np.where(np.isnan(cost), beside, cost)

    def _priced(self, prompt_tokens: Floats | None, length: Floats, rates: Floats) -> Floats:
        """The cost at these prices, (n, arms); NaN where a price or a length is unknown."""
        learned: Any = self.usual_, self.scale_
        prompt, scale = learned
        if prompt_tokens is not None:
            given = prompt_tokens[:, None] * scale
            prompt = np.where(np.isnan(given), prompt, given)
        cost: Floats = prompt * rates[:, 0] + length * rates[:, 1]
        return cost


def _usual(prompts: Floats) -> Floats:
    return ratio(prompts[:, 1], prompts[:, 0], np.nan)


def _percent(costs: Floats, listed: Floats) -> Floats:
    """Costs in percent of an arm's mean cost, NaN where that is unknown."""
    return PERCENT * ratio(costs, np.nan_to_num(listed), np.nan)


def _tells(examples: Examples) -> bool:
    """Whether anything is known of what answers took."""
    given = examples.cost, examples.latency, examples.input_tokens, examples.output_tokens
    return any(x is not None and not np.isnan(x).all() for x in given)


def _told(examples: Examples) -> tuple[Floats, Floats, Floats, Floats]:
    """Cost, latency, prompt tokens and answer tokens, each (n, arms), NaN where unknown."""
    unknown = np.full_like(examples.quality, np.nan)
    given = examples.cost, examples.latency, examples.input_tokens, examples.output_tokens
    cost, latency, sent, got = (unknown if x is None else x for x in given)
    return cost, latency, sane(sent), got
