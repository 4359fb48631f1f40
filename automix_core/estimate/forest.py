"""Quality by a random forest for each arm, as MixLLM has it (arXiv 2502.18482).

scikit-learn grows the trees. They are kept as plain arrays, so that a saved router needs no
pickle and a running one no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from automix_core.errors import ConfigurationError
from automix_core.estimate.before import Before, by_arm
from automix_core.evidence import Floats
from automix_core.parts import Part, at_least_one

__all__ = ["Forest", "Trees"]

BLOCK = 512
"""Requests that go down all trees together."""


@dataclass(frozen=True, eq=False)
class Trees(Part):
    """Regression trees, one after another in the same arrays.

    Attributes:
        feature: (nodes,) which feature a node looks at; 0 in a leaf.
        limit: (nodes,) up to which value it goes left.
        left: (nodes,) where it goes then; a leaf leads to itself.
        right: (nodes,) where it goes otherwise.
        value: (nodes,) mean quality.
        roots: (trees,) where each tree begins.
        depth: Most steps from a root to a leaf.
    """

    kind = "trees"
    name = "trees"
    feature: NDArray[np.int32]
    limit: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    roots: NDArray[np.int32]
    depth: int

    @classmethod
    def of(cls, grown: Any) -> Trees:
        """The trees of a forest of scikit-learn.

        Args:
            grown: Its `tree_` objects.
        """
        sizes = [tree.node_count for tree in grown]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
        own = np.arange(sum(sizes), dtype=np.int32)
        base = np.repeat(roots, sizes)
        left = np.concatenate([tree.children_left for tree in grown])
        right = np.concatenate([tree.children_right for tree in grown])
        leaf = left < 0
        return cls(
            feature=np.where(leaf, 0, np.concatenate([t.feature for t in grown])).astype(np.int32),
            limit=np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in grown])),
            left=np.where(leaf, own, left + base).astype(np.int32),
            right=np.where(leaf, own, right + base).astype(np.int32),
            value=np.concatenate([tree.value[:, 0, 0] for tree in grown]),
            roots=roots,
            depth=max(tree.max_depth for tree in grown),
        )

    @classmethod
    def constant(cls, value: float) -> Trees:
        """A single leaf."""
        none = np.zeros(1, dtype=np.int32)
        return cls(none, np.zeros(1), none, none, np.array([value]), none, 0)

    def predict(self, features: Floats) -> Floats:
        """What each tree says of each request, (n, trees)."""
        told = features.astype(np.float32)  # as scikit-learn compares
        said = np.empty((len(told), len(self.roots)))
        for begin in range(0, len(told), BLOCK):
            block = told[begin : begin + BLOCK]
            rows = np.arange(len(block))[:, None]
            node = np.tile(self.roots, (len(block), 1))
            for _ in range(self.depth):
                goes_left = block[rows, self.feature[node]] <= self.limit[node]
                node = np.where(goes_left, self.left[node], self.right[node])
            said[begin : begin + BLOCK] = self.value[node]
        return said


@dataclass(frozen=True, eq=False)
class Forest(Before):
    """A random forest for each arm; the spread over its trees is the standard deviation.

    Attributes:
        trees: How many trees.
        leaf: Fewest examples in a leaf.
        seed: Of the samples and features that each tree is grown with.
        forests_: The trees of each arm.
    """

    name = "forest"
    trees: int = 50
    leaf: int = 10
    seed: int = 0
    forests_: tuple[Trees, ...] | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "trees", "leaf")

    def _learned(self, features: Floats, quality: Floats, **shared: Any) -> Self:
        grown = [self._grown(features[known], column[known]) for known, column in by_arm(quality)]
        return replace(self, forests_=tuple(grown), **shared)

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        forests = self.forests_ or ()
        kept = [
            Trees.constant(float(expected)) if place is None else forests[place]
            for place, expected in zip(places, prior, strict=True)
        ]
        return {"forests_": tuple(kept)}

    def _grown(self, features: Floats, quality: Floats) -> Trees:
        try:
            from sklearn.ensemble import RandomForestRegressor
        except ImportError as error:
            msg = "Forest needs scikit-learn: pip install 'automix-routing[learn]'."
            raise ConfigurationError(msg) from error
        if not len(quality):
            return Trees.constant(0.0)
        forest = RandomForestRegressor(
            self.trees, min_samples_leaf=self.leaf, max_features="sqrt", random_state=self.seed
        )
        forest.fit(features, quality)
        return Trees.of([tree.tree_ for tree in forest.estimators_])

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        said = [trees.predict(features) for trees in self.forests_ or ()]
        quality = [by_tree.mean(axis=1) for by_tree in said]
        return np.stack(quality, axis=1), np.stack(
            [by_tree.std(axis=1) for by_tree in said], axis=1
        )
