"""What presets are put together from: the recipe, and parts by the names that users write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from automix_core.decide import Best
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.estimate import (
    Clusters,
    Forest,
    NeighbourQuality,
    Prior,
    RidgeQuality,
    Threshold,
)
from automix_core.parts import Embedder, Estimator, Policy, Verifier, find_part
from automix_core.verify import Unverified

__all__ = [
    "Recipe",
    "make_meta_verifier",
    "make_verifier",
    "one_step",
    "quality_estimator",
    "request_embedder",
]


DIMENSIONS = 128
"""To how many numbers hashed words are reduced."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of a router."""

    verifier: Verifier
    estimator: Estimator
    policy: Policy
    embedder: Embedder | None = None


def one_step(estimator: Estimator, embedder: Embedder | None) -> Recipe:
    """Choose by the request, and return the answer of the chosen arm unseen."""
    return Recipe(Unverified(), estimator, Best(), request_embedder(embedder))


def make_verifier(given: Verifier | str) -> Verifier:
    """A verifier as it is given, or made by its name.

    Raises:
        ConfigurationError: No such verifier, or one that cannot be made by its name alone.
    """
    if isinstance(given, Verifier):
        return given
    part: Any = find_part("verifier", given)
    try:
        made: Verifier = part()
    except TypeError as error:
        msg = f"{given!r} needs an argument. Give verifier={part.__name__}(...)."
        raise ConfigurationError(msg) from error
    return made


def make_meta_verifier(given: str, threshold: float) -> Estimator:
    """The estimator of that name; `threshold` is for the one that is called so.

    Raises:
        UnknownNameError: No such estimator.
    """
    if given == Threshold.name:
        return Threshold(threshold)
    part: Any = find_part("estimator", given)
    made: Estimator = part()
    return made


_QUALITIES: dict[str, Callable[[], Estimator]] = {
    "clusters": Clusters,
    "forest": Forest,
    "knn": NeighbourQuality,
    "prior": Prior,
    "ridge": RidgeQuality,
}


def quality_estimator(name: str) -> Estimator:
    """The estimator that predicts quality by the request, by the name of its preset."""
    if name not in _QUALITIES:
        what = "estimator of quality"
        raise UnknownNameError(what, name, _QUALITIES)
    return _QUALITIES[name]()


def request_embedder(given: Any) -> Embedder:
    """What is given, else hashed words and structure, drawn together by tags where there are any.

    Raises:
        ConfigurationError: It is no embedder.
    """
    if isinstance(given, Embedder):
        return given
    if given is not None:
        msg = (
            f"embedder must be an Embedder, not {type(given).__name__}. Wrap the embeddings of a "
            "framework, or a function from texts to vectors, in automix_core.embed.External."
        )
        raise ConfigurationError(msg)
    from automix_core.embed import AutoEmbedder, Cached  # presets that verify need none

    return Cached(AutoEmbedder(dimensions=DIMENSIONS))
