"""Presets that choose by the request alone, and the one that chooses again after the answer."""

from __future__ import annotations

from dataclasses import replace

from automix_core.decide import Value
from automix_core.estimate import (
    Clusters,
    Forecast,
    Forest,
    Joint,
    NeighbourQuality,
    RidgeQuality,
)
from automix_core.parts import Embedder, Estimator, Verifier
from automix_core.presets.recipe_parts import (
    Recipe,
    make_verifier,
    one_step,
    quality_estimator,
)

__all__ = ["carrot", "clusters", "forest", "joint", "knn", "ridge"]


def knn(k: int = 50, embedder: Embedder | None = None) -> Recipe:
    """The arm that did best on the most alike requests (arXiv 2505.12601); nothing is verified.

    Args:
        k: How many alike requests.
        embedder: What requests are told apart by. Left out: hashed words and structure, drawn
            together by tags where the examples have them, else reduced to what differs most.
    """
    return one_step(NeighbourQuality(k=k), embedder)


def clusters(clusters: int = 32, embedder: Embedder | None = None) -> Recipe:
    """The arm that did best on this sort of request (Avengers-Pro, arXiv 2508.12631).

    Args:
        clusters: How many sorts of request are told apart.
        embedder: As for `knn`.
    """
    return one_step(Clusters(clusters=clusters), embedder)


def ridge(penalty: float = 10.0, embedder: Embedder | None = None) -> Recipe:
    """Quality as a linear function of the request.

    Args:
        penalty: Ridge penalty, in examples.
        embedder: As for `knn`.
    """
    return one_step(RidgeQuality(penalty=penalty), embedder)


def carrot(k: int = 50, embedder: Embedder | None = None) -> Recipe:
    """CARROT (arXiv 2502.03261): as `knn`, with the cost of each answer forecast as well.

    Args:
        k: How many alike requests.
        embedder: As for `knn`.
    """
    return one_step(Forecast(NeighbourQuality(k=k)), embedder)


def forest(trees: int = 50, embedder: Embedder | None = None) -> Recipe:
    """Quality by a random forest for each arm, as in MixLLM (arXiv 2502.18482).

    Args:
        trees: How many trees.
        embedder: As for `knn`.
    """
    return one_step(Forest(trees=trees), embedder)


def joint(
    before: Estimator | str = "clusters",
    verifier: Verifier | str = "auto",
    embedder: Embedder | None = None,
) -> Recipe:
    """Start where the request says, look at the answer, and choose again (arXiv 2410.10347).

    The fit keeps what does best on held-out rows: the request alone, the answers alone, or both.
    What the table lacks falls away: without texts the request, without signals the answers.

    Args:
        before: An estimator that reads the request, or its name, as for `quality` in `mixllm`.
        verifier: As for `calibrated`.
        embedder: As for `knn`.
    """
    reader = before if isinstance(before, Estimator) else quality_estimator(before)
    return replace(
        one_step(Joint(reader), embedder), verifier=make_verifier(verifier), policy=Value()
    )
