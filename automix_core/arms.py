"""Arms: the configurations that can answer, what each costs, and in which order they stand.

Most users have one arm a model and never meet the word: they pass `models=`. An `Arm` is written
out where a model needs a price, a relative cost or capabilities that cannot be read off it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automix_core.capabilities import Capabilities
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.numbers import at_least
from automix_core.prices import NOMINAL, Priced, as_price, listed_price, rates_of

__all__ = ["Arm", "Arms", "CostBasis", "Described", "complete_arm"]

CostBasis = Literal["prices", "measured", "declared", "assumed"]
"""Where relative costs come from: the price lists, the examples that a router was fitted on,
`Arm(relative_cost=...)`, or the order alone."""

ASSUMED_RATIO = 10.0
"""Each arm is taken to cost this many times the one before it where nothing is known."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One configuration that can answer.

    Attributes:
        model: The framework's own model. Never shown in a repr: it may hold secrets.
        name: How decisions name it; empty for the model's own name.
        price: US dollars a million tokens; `None` to look the model up in the price list.
        relative_cost: Cost of one call in units of any other arm's `relative_cost`, for models
            without a price, such as your own.
        capabilities: What it can do; `None` to read it off the model.
        parallel: How many calls the model serves side by side; further ones wait, and routers
            with a latency forecast know it. `None` for no limit, as most providers have none
            that matters.
    """

    model: Any = field(repr=False, compare=False)
    name: str = ""
    price: Priced | None = None
    relative_cost: float | None = None
    capabilities: Capabilities | None = None
    parallel: int | None = None

    def __post_init__(self) -> None:
        """Accept a price as a plain pair, and refuse a cost that is no cost."""
        if self.price is not None:
            object.__setattr__(self, "price", as_price(self.price))
        cost = self.relative_cost
        if cost is not None and not (math.isfinite(cost) and cost > 0):
            msg = f"Arm.relative_cost must be a positive number, not {cost!r}."
            raise ConfigurationError(msg)
        if self.parallel is not None:
            at_least(1, self.parallel, "Arm.parallel")

    @property
    def can(self) -> Capabilities:
        """The capabilities, with nothing claimed where nothing is known."""
        return self.capabilities or Capabilities()


@dataclass(frozen=True, slots=True)
class Described:
    """What an adapter can read off a model: its name, provider and capabilities."""

    name: str
    provider: str | None
    capabilities: Capabilities


class Arms(Sequence[Arm]):
    """The arms of one router, cheapest first.

    They stand in order of their price for a typical call (1,000 tokens in, 100 out). Where any
    price is unknown, declared relative costs decide, else the declared order, and every arm is
    taken to cost ten times the one before it; `basis` says which it was.

    Args:
        arms: At least two arms with different names.
        reference_cost: What one call to the dearest arm costs, if that was fixed before (by a
            fit, or when the router was first made); else it is read off these arms.
        measured: What an answer and its verification cost on average, by arm, where a fit has
            measured it. The arms then stand in this order, for that is how everything was fitted.
        rates: (arms, 2) US dollars of one token of the prompt and of the answer, as a fit has
            learned them, in the order of `measured`. Known prices go before them.

    Raises:
        ConfigurationError: Fewer than two arms, or two of one name.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        reference_cost: float | None = None,
        *,
        measured: Mapping[str, tuple[float, float]] | None = None,
        rates: NDArray[np.float64] | None = None,
    ) -> None:
        if len(arms) < 2:
            msg = f"A router needs at least two models, and got {len(arms)}."
            raise ConfigurationError(msg)
        names = [arm.name for arm in arms]
        for name in names:
            if names.count(name) > 1:
                msg = (
                    f"Two models are both named {name!r}. Name them: "
                    'models={"small": ..., "large": ...}.'
                )
                raise ConfigurationError(msg)
        self.basis, costs = _relative_costs(arms)
        order = sorted(range(len(arms)), key=lambda i: costs[i])
        self.checking: NDArray[np.float64] | None = None
        if measured is not None:
            self.basis = "prices" if self.basis == "prices" else "measured"
            order = [names.index(name) for name in measured]
            costs = [measured[name][0] for name in names]
            self.checking = np.array([check for _, check in measured.values()])
        self._arms = tuple(arms[i] for i in order)
        self.costs: NDArray[np.float64] = np.array([costs[i] for i in order])
        self.names = tuple(arm.name for arm in self._arms)
        self.reference_cost = float(self.costs[-1]) if reference_cost is None else reference_cost
        self.learned_rates = rates

    def __len__(self) -> int:
        return len(self._arms)

    def __iter__(self) -> Iterator[Arm]:
        return iter(self._arms)

    def __getitem__(self, index: Any) -> Any:
        return self._arms[index]

    def __repr__(self) -> str:
        return f"Arms({', '.join(self.names)})"

    def rearranged(
        self,
        arms: Sequence[Arm],
        costs: NDArray[np.float64],
        checking: NDArray[np.float64] | None,
        rates: NDArray[np.float64] | None = None,
        basis: CostBasis | None = None,
    ) -> Arms:
        """Other arms at the same reference cost.

        Args:
            arms: Two or more arms of different names, in the order in which they are to stand.
            costs: (arms,) cost of an answer of each.
            checking: (arms,) cost of verifying it, where a fit has measured that.
            rates: (arms, 2) US dollars of a token of each, where a fit has learned them.
            basis: What the costs rest on, if not on what they rested on before.
        """
        made = copy(self)
        made._arms = tuple(arms)
        made.costs, made.checking = costs, checking
        made.names = tuple(arm.name for arm in arms)
        made.basis = basis or self.basis
        made.learned_rates = rates
        vars(made).pop("rates", None)  # those of the former arms
        return made

    @property
    def dearest(self) -> Arm:
        """The arm that "always-large" would ask."""
        return self._arms[-1]

    @property
    def priced(self) -> bool:
        """Whether every arm has a price in US dollars."""
        return self.basis == "prices"

    @cached_property
    def rates(self) -> NDArray[np.float64] | None:
        """US dollars of one token of the prompt and of the answer, (arms, 2), NaN where unknown.

        `None` where costs are not in US dollars.
        """
        if self.basis == "prices":
            return np.array([rates_of(arm.price) for arm in self._arms])
        learned = self.learned_rates if self.basis == "measured" else None
        return None if learned is None or np.isnan(learned).all() else learned

    def named(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            UnknownNameError: There is none.
        """
        return self._arms[self.position(name)]

    def position(self, name: str) -> int:
        """The place of an arm in the order of cost, 0 for the cheapest.

        Raises:
            UnknownNameError: There is none of that name.
        """
        if name not in self.names:
            what = "model"
            raise UnknownNameError(what, name, self.names)
        return self.names.index(name)

    @classmethod
    def of(
        cls,
        models: Sequence[Any] | Mapping[str, Any],
        *,
        describe: Callable[[Any], Described],
        prices: Mapping[str, Any] | None = None,
    ) -> Arms:
        """The arms behind what a user passed as `models=`.

        Args:
            models: Models or `Arm`s; a mapping names them, a list takes the models' own names.
            describe: Reads name and capabilities off a model; raises for a foreign one.
            prices: Prices by arm name; wins over an `Arm`'s own.

        Raises:
            ConfigurationError: Fewer than two models, the same object twice, two of one name,
                or a price for an arm that does not exist.
        """
        pairs = list(models.items()) if isinstance(models, Mapping) else [("", m) for m in models]
        arms = [complete_arm(given, describe, name=name) for name, given in pairs]
        handles = [id(arm.model) for arm in arms]
        if len(set(handles)) < len(handles):
            msg = "The same model object was given twice. Routing needs two different models."
            raise ConfigurationError(msg)
        given_prices = dict(prices or {})
        for name in given_prices:
            if name not in {arm.name for arm in arms}:
                what = "model"
                raise UnknownNameError(what, name, [arm.name for arm in arms])
        return cls(
            [
                replace(arm, price=as_price(given_prices[arm.name]))
                if arm.name in given_prices
                else arm
                for arm in arms
            ]
        )


def complete_arm(given: Any, describe: Callable[[Any], Described], *, name: str = "") -> Arm:
    """An arm with everything that the user left out read off the model.

    Args:
        given: A model or an `Arm`.
        describe: Reads name and capabilities off a model; raises for a foreign one.
        name: The arm's name; empty for the `Arm`'s own, else the model's.
    """
    arm = given if isinstance(given, Arm) else Arm(given)
    seen = describe(arm.model)
    return replace(
        arm,
        name=name or arm.name or seen.name,
        price=arm.price or listed_price(seen.name, seen.provider),
        capabilities=arm.capabilities or seen.capabilities,
    )


def _relative_costs(arms: Sequence[Arm]) -> tuple[CostBasis, list[float]]:
    prices = [arm.price.cost(NOMINAL) if arm.price else None for arm in arms]
    known = [p for p in prices if p is not None]
    if len(known) == len(arms) and max(known) > 0:
        return "prices", known
    declared = [arm.relative_cost for arm in arms]
    given = [d for d in declared if d is not None]
    if len(given) == len(arms):
        return "declared", given
    return "assumed", [ASSUMED_RATIO ** (i + 1 - len(arms)) for i in range(len(arms))]
