"""Presets to compare with: one model for everything, chance, and hindsight."""

from __future__ import annotations

from automix_core.decide import Always, Best, Random
from automix_core.estimate import Hindsight, Prior
from automix_core.presets.recipe_parts import Recipe
from automix_core.verify import Unverified

__all__ = ["always", "oracle", "random"]


def always(arm: str = "dearest") -> Recipe:
    """One model for everything.

    Args:
        arm: Its name, or `cheapest` or `dearest`.
    """
    return Recipe(Unverified(), Prior(), Always(str(arm)))


def oracle() -> Recipe:
    """With hindsight, the model whose answer was worth most: a yardstick for replays alone."""
    return Recipe(Unverified(), Hindsight(), Best())


def random() -> Recipe:
    """Any model, by chance."""
    return Recipe(Unverified(), Prior(), Random())
