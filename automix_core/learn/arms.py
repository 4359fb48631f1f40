"""Models come and go: what of a router changes with its arms, and what stays to the last bit.

The arms that stay keep their order, their costs and the reference cost. A new arm takes its place
by its cost. The trade-off that a fit measured stays what it was: the one with the former arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.arms import ASSUMED_RATIO, Arm, Arms, CostBasis
from automix_core.arrays import known_means
from automix_core.errors import ConfigurationError
from automix_core.evidence import Examples, Floats
from automix_core.flow import Usage
from automix_core.prices import NOMINAL, rates_of

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes
    from automix_core.parts import Embedder, Estimator, Verifier
    from automix_core.prices import Priced
    from automix_core.workload import Workload

__all__ = ["Changed", "adopted", "profile", "taught", "with_arm", "without_arm"]


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """Other arms than before.

    Attributes:
        arms: The arms as they are to be.
        workload: What they cost on average, where a fit has measured it.
        places: For each of them its place so far, `None` for the new one.
    """

    arms: Arms
    workload: Workload | None
    places: tuple[int | None, ...]


def with_arm(
    arms: Arms,
    arm: Arm,
    workload: Workload | None,
    verifier: Verifier,
    outcomes: Outcomes | None = None,
) -> Changed:
    """The arms with one more.

    Args:
        arms: The arms so far.
        arm: The new one, complete.
        workload: What the arms so far cost on average.
        verifier: What would look at answers; it adds to what asking an arm costs.
        outcomes: Answers of the new arm, if there are any.

    Raises:
        ConfigurationError: The name or the model is there already, or the cost is unknown.
    """
    _require_new(arms, arm)
    tokens = _tokens(workload, arm, outcomes)
    cost = _cost(arms, arm, tokens, outcomes)
    dearer = np.flatnonzero(arms.costs > cost)
    place = int(dearer[0]) if len(dearer) else len(arms)
    places = _inserted(range(len(arms)), place, None)
    ordered = _inserted(list(arms), place, arm)
    costs = np.insert(arms.costs, place, cost)
    checking = None
    if arms.checking is not None:
        checking = _checking(arms.checking, place, ordered, costs, verifier)
    unpriced = arms.basis == "prices" and arm.price is None
    basis: CostBasis = "measured" if unpriced else arms.basis
    rates = _rates(arms.learned_rates, places, arm.price)
    made = arms.rearranged(ordered, costs, checking, rates, basis)
    return Changed(made, _workload(workload, made, places, tokens, arm.price), tuple(places))


def without_arm(arms: Arms, name: str, workload: Workload | None) -> Changed:
    """The arms without one of them.

    Raises:
        ConfigurationError: There is none of that name, or a single one would be left.
    """
    gone = arms.position(name)
    if len(arms) <= 2:
        msg = f"{name!r} cannot be removed: a router needs at least two models."
        raise ConfigurationError(msg)
    places = [place for place in range(len(arms)) if place != gone]
    checking = None
    if arms.checking is not None:
        checking = arms.checking[places]
        checking[-1] = 0.0  # an answer of the dearest arm is never verified
    rates = _rates(arms.learned_rates, places)
    made = arms.rearranged([arms[i] for i in places], arms.costs[places], checking, rates)
    return Changed(made, _workload(workload, made, places), tuple(places))


def profile(
    outcomes: Outcomes, name: str, arms: Sequence[str], embedder: Embedder | None
) -> Examples:
    """What one arm answered to known questions, as examples in which no other arm is known.

    Args:
        outcomes: n rows; what they hold of other arms is not looked at.
        name: The arm.
        arms: The names of all arms, cheapest first.
        embedder: Makes the features.

    Raises:
        UnknownNameError: The table does not hold the arm.
        ConfigurationError: A row has no text to embed.
    """
    own = outcomes.only([name])
    own = own.take(own.has[:, 0])
    place = list(arms).index(name)

    def column(values: Floats) -> Floats:
        known = np.full((len(own), len(arms)), np.nan)
        known[:, place] = values[:, 0]
        return known

    features = None
    if embedder is not None:
        from automix_core.embed import query_texts

        features = embedder.embed(query_texts(own))
    return Examples(
        quality=column(own.quality),
        confidence=np.full((len(own), len(arms)), np.nan),
        features=features,
        cost=column(own.cost),
        latency=column(own.latency),
        input_tokens=column(own.input_tokens),
        output_tokens=column(own.output_tokens),
    )


def adopted(estimator: Estimator, places: Sequence[int | None]) -> Estimator:
    """An estimator that is told of a new arm.

    Raises:
        ConfigurationError: It would never learn how good that one is.
    """
    if not estimator.adopts:
        msg = (
            f"The estimator {estimator.label!r} learns only from a fit, and would never know how "
            "good the new model is: fit the router again on a table with all its models, or take "
            "a preset that goes on learning, such as 'mixllm'."
        )
        raise ConfigurationError(msg)
    return estimator.over(places)


def taught(estimator: Estimator, examples: Examples) -> Estimator:
    """An estimator that has learned from examples of a new arm.

    Raises:
        ConfigurationError: It learns nothing after its fit, so that they would be lost.
    """
    learned = estimator.learn(examples)
    if learned is estimator and len(examples):
        msg = (
            f"The estimator {estimator.label!r} learns only from a fit: leave outcomes= out, or "
            "fit the router again on a table with all its models."
        )
        raise ConfigurationError(msg)
    return learned


def _require_new(arms: Arms, arm: Arm) -> None:
    if not arm.name or arm.name in arms.names:
        msg = f"There is a model named {arm.name!r} already. Give the new one a name of its own."
        raise ConfigurationError(msg)
    if any(arm.model is other.model for other in arms):
        msg = "This model object is there already, under another name."
        raise ConfigurationError(msg)


def _inserted(items: Sequence[Any], place: int, new: Any) -> list[Any]:
    return [*items[:place], new, *items[place:]]


def _tokens(
    workload: Workload | None, arm: Arm, outcomes: Outcomes | None
) -> tuple[float, float] | None:
    """Mean tokens of prompt and answer: the arm's own, else the mean of the other arms."""
    if workload is None:
        return None
    if outcomes is not None and arm.name in outcomes.arms:
        own = outcomes.only([arm.name])
        sent, got = (float(known_means(t)[0]) for t in (own.input_tokens, own.output_tokens))
        if np.isfinite(sent + got):
            return sent, got
    sent, got = (float(known_means(t)) for t in (workload.input_tokens, workload.output_tokens))
    return sent, got


def _cost(
    arms: Arms, arm: Arm, tokens: tuple[float, float] | None, outcomes: Outcomes | None
) -> float:
    """What an answer of the new arm costs, in the unit in which the others are known.

    Raises:
        ConfigurationError: That is unknown.
    """
    if arms.basis == "assumed":
        return float(arms.costs[-1]) * ASSUMED_RATIO
    if arms.basis == "declared":
        if arm.relative_cost is not None:
            return arm.relative_cost
        msg = (
            f"The other models have a declared cost: give Arm(model, relative_cost=...) "
            f"for {arm.name!r}."
        )
        raise ConfigurationError(msg)
    measured = arms.checking is not None
    if measured and outcomes is not None and arm.name in outcomes.arms:
        return float(known_means(outcomes.only([arm.name]).cost)[0])
    usage = NOMINAL
    if tokens is not None and np.isfinite(sum(tokens)):
        usage = Usage(round(tokens[0]), round(tokens[1]))
    cost = None if arm.price is None else arm.price.cost(usage)
    if cost is None or (measured and tokens is not None and not np.isfinite(sum(tokens))):
        how = " or outcomes= with its answers" if measured else ""
        msg = f"What {arm.name!r} costs is unknown: give price=(input, output){how}."
        raise ConfigurationError(msg)
    return cost


def _checking(
    known: Floats, place: int, arms: Sequence[Arm], costs: Floats, verifier: Verifier
) -> Floats:
    """What verifying an answer of each arm costs, (arms,), once there is a new one.

    Args:
        known: What it cost so far.
        place: Where the new arm stands.
        arms: All arms.
        costs: (arms,) cost of their answers.
        verifier: Says what is not known.
    """
    checks = np.insert(known, place, np.nan)
    # The arm that was the dearest was never verified, and the new one was never asked.
    for index in {place, len(arms) - 2}:
        if not checks[index] > 0:
            checks[index] = costs[index] * verifier.relative_cost(arms[index])
    checks[-1] = 0.0
    return checks


def _rates(
    rates: Floats | None, places: Sequence[int | None], price: Priced | None = None
) -> Floats | None:
    """US dollars of a token of each arm, (arms, 2); those of a new one by its price."""
    if rates is None:
        return None
    return np.array([rates_of(price) if place is None else rates[place] for place in places])


def _workload(
    workload: Workload | None,
    arms: Arms,
    places: Sequence[int | None],
    tokens: tuple[float, float] | None = None,
    price: Priced | None = None,
) -> Workload | None:
    """The same averages for other arms; the reference cost stays."""
    if workload is None:
        return None

    def column(values: Floats, unknown: Floats | float) -> Floats:
        held = np.array([np.nan if place is None else values[place] for place in places])
        new = np.array([place is None for place in places])
        return np.where(new, unknown, held)

    now = np.zeros(len(arms)) if arms.checking is None else arms.checking
    checking = column(workload.checking, now)
    sent, got = tokens or (np.nan, np.nan)
    return replace(
        workload,
        arms=arms.names,
        cost=column(workload.cost, arms.costs),
        checking=np.where((checking == 0) | (now == 0), now, checking),
        input_tokens=column(workload.input_tokens, sent),
        output_tokens=column(workload.output_tokens, got),
        rates=_rates(workload.rates, places, price),
        reference=workload.reference_cost,
    )
