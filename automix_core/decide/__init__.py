"""Policies: estimates go in, actions come out. One policy a file."""

from automix_core.decide.always import Always
from automix_core.decide.best import Best
from automix_core.decide.chance import Random
from automix_core.decide.explore import Explore
from automix_core.decide.matching import Matching
from automix_core.decide.value import Value

__all__ = ["Always", "Best", "Explore", "Matching", "Random", "Value"]
