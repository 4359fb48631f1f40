"""A router that learns, as small as it can be, and the requests it learns from."""

from dataclasses import dataclass, fields

import numpy as np

from automix_core import Request, Router
from automix_core.decide import Best, Value
from automix_core.drive import finish
from automix_core.embed import Hashing
from automix_core.estimate import Threshold
from automix_core.evidence import Estimates
from automix_core.parts import Estimator
from automix_core.verify import AnswerLikelihood, Unverified
from tests.core.conftest import PRICES, Model, ScriptedPort, describe

NAMES = ("small", "middle", "large")


@dataclass(frozen=True, eq=False)
class Tiny(Estimator):
    """Adds up what it is told of each arm, and has no other idea than that.

    Attributes:
        weights_: (arms, d) sum of features times quality above one half.
        told_: (arms, 5) sums of thumbs, cost, latency, tokens and events.
    """

    name = "tiny"
    weights_: np.ndarray | None = None
    told_: np.ndarray | None = None

    def learn(self, examples):
        shape = examples.quality.shape
        features = np.ones((shape[0], 1)) if examples.features is None else examples.features
        blank = np.full(shape, np.nan)
        parts = (examples.satisfied, examples.cost, examples.latency, examples.output_tokens)
        columns = [blank if part is None else part for part in parts]
        told = ~np.isnan(examples.quality) | ~np.isnan(columns[0])
        sums = np.stack([*(np.nan_to_num(column) for column in columns), told], axis=2).sum(axis=0)
        above = np.nan_to_num(examples.quality - 0.5).T @ features
        if self.weights_ is None:
            return Tiny(above, sums)
        return Tiny(self.weights_ + above, self.told_ + sums)

    def over(self, places):
        def moved(values):
            rows = [np.zeros_like(values[0]) if at is None else values[at] for at in places]
            return np.stack(rows)

        return self if self.weights_ is None else Tiny(moved(self.weights_), moved(self.told_))

    def estimate(self, evidence, preference):
        quality = np.full(evidence.able.shape, 0.5)
        if self.weights_ is not None and evidence.features is not None:
            scores = [(evidence.features * weights).sum(axis=1) for weights in self.weights_]
            quality = np.clip(0.5 + np.stack(scores, axis=1), 0, 1)
        return Estimates.of(evidence, quality, np.zeros_like(quality))


def learning(estimator=None, policy=None, embedder=None):
    """A router that commits by what it has learned."""
    embedder = embedder or Hashing(buckets=8)
    return Router(Unverified(), estimator or Tiny(), policy or Best(), embedder=embedder)


def cascading():
    """A router that verifies, and learns nothing."""
    return Router(AnswerLikelihood(), Threshold(), Value())


def over(router, *names, store=None):
    """A router over models of these names."""
    names = names or NAMES
    models = {name: Model(name, {"logprobs": True}) for name in names}
    prices = {name: PRICES[name] for name in names}
    return router.bind(models, describe=describe, prices=prices, store=store)


def ask(router, question="What is the root of number 1?", script=lambda ask: "Four", **more):
    """The decision on one request."""
    return finish(router.route(Request(question), **more), ScriptedPort(script)).decision


def same(one, other):
    """Whether two estimators know the same, to the last bit."""
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]
    return all(a is b or np.array_equal(a, b) for a, b in pairs)
