"""Presets that go on learning from feedback."""

from __future__ import annotations

from automix_core.decide import Explore, Matching
from automix_core.errors import UnknownNameError
from automix_core.estimate import (
    Automaton,
    Averages,
    Forecast,
    LinearBandit,
    Prior,
    Satisfaction,
)
from automix_core.numbers import not_negative
from automix_core.parts import Embedder
from automix_core.presets.recipe_parts import Recipe, quality_estimator, request_embedder
from automix_core.verify import Unverified

__all__ = ["metallm", "mixllm", "pickllm"]


def mixllm(
    quality: str = "clusters",
    alpha: float = 0.01,
    beta: float = 0.1,
    forgetting: float = 1.0,
    penalty: float = 60.0,
    step: float = 0.002,
    epsilon: float = 0.0,
    embedder: Embedder | None = None,
) -> Recipe:
    """MixLLM (arXiv 2502.18482): quality, cost and latency by the request, and feedback.

    Args:
        quality: What predicts quality: `knn`, `clusters`, `ridge`, `forest` as in the paper
            (`pip install "automix-routing[learn]"` to fit), or `prior` for the mean of each arm.
            The default is not the forest: on nine public models and 5,608 questions with tags,
            clusters and neighbours gained most, and clusters take less time for a decision.
        alpha: Points of quality for an arm that was never tried: the bonus is alpha * penalty *
            novelty, so that what it comes to does not depend on the penalty.
        beta: Points of quality that an arm loses once requests wait as long as users bear.
        forgetting: What older feedback keeps of its weight with each new one of the same arm.
        penalty: Ridge penalty of what is learned online, in examples.
        step: Step size of learning from thumbs.
        epsilon: Probability of asking any arm by chance.
        embedder: As for `knn`.
    """
    not_negative(alpha, "alpha of the preset 'mixllm'", "a number of at least 0")
    learner = LinearBandit(quality_estimator(quality), penalty, forgetting)
    estimator = Forecast(Satisfaction(learner, step))
    policy = Explore(alpha=alpha * penalty, beta=beta, epsilon=epsilon)
    return Recipe(Unverified(), estimator, policy, request_embedder(embedder))


def metallm(
    alpha: float = 1.0,
    penalty: float = 10.0,
    forgetting: float = 1.0,
    embedder: Embedder | None = None,
) -> Recipe:
    """MetaLLM (arXiv 2407.10834): LinUCB, with quality and cost learned apart.

    Args:
        alpha: Points of quality for one unit of the root of novelty.
        penalty: Ridge penalty, in examples.
        forgetting: As for `mixllm`.
        embedder: As for `knn`.
    """
    learner = LinearBandit(Prior(), penalty, forgetting)
    policy = Explore(alpha=alpha, root=True, beta=0.0)
    return Recipe(Unverified(), learner, policy, request_embedder(embedder))


def pickllm(learner: str = "q", rate: float = 0.02, epsilon: float = 1.0) -> Recipe:
    """PickLLM (arXiv 2412.12170): which model has been best of late, whatever is asked.

    Args:
        learner: `q` for running means and a fading epsilon, or `automaton` for linear
            reward-inaction, whose weights of cost and latency are its own.
        rate: How far one example moves what was learned.
        epsilon: With `q`, the probability of asking by chance while nothing is known; it fades as
            one over the examples of each arm.
    """
    if learner == "automaton":
        return Recipe(Unverified(), Automaton(rate), Matching())
    if learner != "q":
        what = "learner of the preset 'pickllm':"
        raise UnknownNameError(what, learner, ("q", "automaton"))
    policy = Explore(alpha=0.0, beta=0.0, epsilon=epsilon, fading=True)
    return Recipe(Unverified(), Averages(rate), policy)
