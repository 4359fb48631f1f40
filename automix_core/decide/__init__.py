"""Policies: estimates go in, actions come out. One policy a file."""

from automix_core.decide.value import Value

__all__ = ["Value"]
