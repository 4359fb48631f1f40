"""What a call costs, in US dollars, and where the price comes from.

A price is anything with `cost(usage)`. Users give theirs as `Price`; the package genai-prices
(extra `prices`) knows the lists of the large providers and is asked offline. An unknown price is
`None` all the way to the bill, never 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from automix_core.errors import ConfigurationError
from automix_core.flow import Usage
from automix_core.numbers import not_negative

__all__ = ["NOMINAL", "ListPrice", "Price", "Priced", "listed_price", "rates_of"]

NOMINAL = Usage(input_tokens=1000, output_tokens=100)
"""The call on which arms are compared before anything was measured: a typical RAG request."""


@runtime_checkable
class Priced(Protocol):
    """Anything that can say what a call cost."""

    def cost(self, usage: Usage) -> float | None:
        """US dollars for one call, or `None` where that cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """A price a million tokens, in US dollars.

    Attributes:
        input: For tokens of the prompt.
        output: For tokens of the reply.
        cached_input: For prompt tokens served from the provider's cache; `input` where `None`.
    """

    input: float
    output: float
    cached_input: float | None = None

    def __post_init__(self) -> None:
        """Refuse what would make every later sum wrong."""
        for name in ("input", "output", "cached_input"):
            value = getattr(self, name)
            if value is not None or name != "cached_input":
                not_negative(value, f"Price.{name}", "US dollars a million tokens")

    def cost(self, usage: Usage) -> float:
        """US dollars for one call."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - cached
        total = fresh * self.input + cached * cached_price + usage.output_tokens * self.output
        return total / 1_000_000


@dataclass(frozen=True, slots=True)
class ListPrice:
    """The list price of a known model, from the package genai-prices.

    Attributes:
        model: The model's name, as the provider spells it.
        provider: The provider's id, or `None` to search all of them.
    """

    model: str
    provider: str | None = None

    def cost(self, usage: Usage) -> float | None:
        """US dollars for one call, or `None` where the list does not know the model."""
        import genai_prices

        counts = genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_tokens or None,
        )
        try:
            price = genai_prices.calc_price(counts, self.model, provider_id=self.provider)
        except (LookupError, ValueError):
            return None
        return float(price.total_price)


def listed_price(model: str, provider: str | None = None) -> Priced | None:
    """The list price of a model, if the extra `prices` is installed and knows it.

    Args:
        model: The model's name, as the provider spells it.
        provider: The provider's id, or `None` to search all of them.
    """
    try:
        import genai_prices  # noqa: F401 - an extra
    except ImportError:
        return None
    price = ListPrice(model, provider)
    return price if price.cost(NOMINAL) is not None else None


def rates_of(price: Priced | None) -> tuple[float, float]:
    """US dollars of one more token of the prompt and of one more of the answer; NaN if unknown.

    Prices that are no straight line, such as those of long prompts, are read off at a typical call.
    """
    if isinstance(price, Price):
        return price.input / 1_000_000, price.output / 1_000_000
    sent, got = NOMINAL.input_tokens, NOMINAL.output_tokens
    calls = NOMINAL, Usage(2 * sent, got), Usage(sent, 2 * got)
    costs = [None if price is None else price.cost(usage) for usage in calls]
    plain, longer, wordier = (math.nan if cost is None else float(cost) for cost in costs)
    return (longer - plain) / sent, (wordier - plain) / got


def as_price(given: Any) -> Priced:
    """A price from what a user wrote: a `Price`, `(input, output)`, or anything with `cost`."""
    if isinstance(given, Priced):
        return given
    if isinstance(given, tuple | list) and len(given) in (2, 3):
        return Price(*given)
    msg = (
        f"{given!r} is not a price. Give Price(input=..., output=...) or (input, output), "
        "in US dollars a million tokens."
    )
    raise ConfigurationError(msg)
