"""The methods of the literature, each a few lines that put parts together.

A preset is a function that returns a `Recipe`. Adding a method means adding one function here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from automix_core.decide import Always, Best, Explore, Matching, Random, Value
from automix_core.errors import ConfigurationError, UnknownNameError
from automix_core.estimate import (
    Automaton,
    Averages,
    Clusters,
    FittedThreshold,
    Forecast,
    Forest,
    Fused,
    Hindsight,
    Joint,
    LinearBandit,
    NeighbourQuality,
    Prior,
    RidgeQuality,
    Satisfaction,
    Threshold,
)
from automix_core.parts import Embedder, Estimator, Policy, Verifier, find_part
from automix_core.verify import SelfVerification, Unverified

if TYPE_CHECKING:
    from automix_core.outcomes import Outcomes

__all__ = ["Recipe", "names", "parse", "recipe", "suited"]

DIMENSIONS = 128
"""To how many numbers hashed words are reduced."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parts of a router."""

    verifier: Verifier
    estimator: Estimator
    policy: Policy
    embedder: Embedder | None = None


def cascade(
    verifier: Verifier | str = "auto", threshold: float = 0.5, meta_verifier: str = "threshold"
) -> Recipe:
    """Ask the cheapest arm, check its answer, and go on while the confidence is too low.

    Args:
        verifier: A verifier or its name; `auto` takes the best signal that is free, and a fit
            narrows it down to the signals that prove informative.
        threshold: Confidence that an answer must reach, until the router is fitted.
        meta_verifier: As for `automix`.
    """
    return Recipe(_verifier(verifier), _meta_verifier(meta_verifier, threshold), Value())


def calibrated(verifier: Verifier | str = "auto", meta_verifier: str = "auto") -> Recipe:
    """Whatever does best on your own examples: signals and meta-verifier are chosen by a fit.

    Args:
        verifier: Where the signals come from; `auto` stands for every one that needs no set-up.
        meta_verifier: As for `automix`.
    """
    return Recipe(_verifier(verifier), _meta_verifier(meta_verifier, 0.5), Value())


def automix(samples: int = 8, meta_verifier: str = "threshold", threshold: float = 0.5) -> Recipe:
    """AutoMix (arXiv 2310.12963): few-shot self-verification and a meta-verifier.

    Args:
        samples: k, the self-verdicts drawn for each answer.
        meta_verifier: How far to trust the verdicts. `threshold` works as it is; the others
            learn from examples: `double_threshold`, `triple_threshold`, `pomdp`, `knn`,
            `isotonic`, `bayes`, or `auto` for the one that does best on held-out examples.
        threshold: Share of positive verdicts to accept, until the router is fitted.
    """
    return Recipe(SelfVerification(samples), _meta_verifier(meta_verifier, threshold), Value())


def frugalgpt(verifier: Verifier | str = "auto") -> Recipe:
    """FrugalGPT (arXiv 2305.05176): a chain of models, a fitted scorer and thresholds on its score.

    The thresholds are searched on rows that the scorer was not fitted on. Theirs is a DistilBERT
    that reads question and answer; ours is a logistic regression that reads the answer's signals.

    Args:
        verifier: As for `calibrated`.
    """
    return Recipe(_verifier(verifier), Fused(FittedThreshold()), Value())


def knn(k: int = 50, embedder: Embedder | None = None) -> Recipe:
    """The arm that did best on the most alike requests (arXiv 2505.12601); nothing is verified.

    Args:
        k: How many alike requests.
        embedder: What requests are told apart by. Left out: hashed words and structure, drawn
            together by tags where the examples have them, else reduced to what differs most.
    """
    return _one_step(NeighbourQuality(k=k), embedder)


def clusters(clusters: int = 32, embedder: Embedder | None = None) -> Recipe:
    """The arm that did best on this sort of request (Avengers-Pro, arXiv 2508.12631).

    Args:
        clusters: How many sorts of request are told apart.
        embedder: As for `knn`.
    """
    return _one_step(Clusters(clusters=clusters), embedder)


def ridge(penalty: float = 10.0, embedder: Embedder | None = None) -> Recipe:
    """Quality as a linear function of the request.

    Args:
        penalty: Ridge penalty, in examples.
        embedder: As for `knn`.
    """
    return _one_step(RidgeQuality(penalty=penalty), embedder)


def carrot(k: int = 50, embedder: Embedder | None = None) -> Recipe:
    """CARROT (arXiv 2502.03261): as `knn`, with the cost of each answer forecast as well.

    Args:
        k: How many alike requests.
        embedder: As for `knn`.
    """
    return _one_step(Forecast(NeighbourQuality(k=k)), embedder)


def forest(trees: int = 50, embedder: Embedder | None = None) -> Recipe:
    """Quality by a random forest for each arm, as in MixLLM (arXiv 2502.18482).

    Args:
        trees: How many trees.
        embedder: As for `knn`.
    """
    return _one_step(Forest(trees=trees), embedder)


def joint(
    before: Estimator | str = "knn",
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
    reader = before if isinstance(before, Estimator) else _quality(before)
    return replace(_one_step(Joint(reader), embedder), verifier=_verifier(verifier), policy=Value())


def mixllm(
    quality: str = "clusters",
    alpha: float = 0.01,
    beta: float = 0.1,
    forgetting: float = 1.0,
    penalty: float = 60.0,
    step: float = 0.001,
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
    learner = LinearBandit(_quality(quality), penalty, forgetting)
    estimator = Forecast(Satisfaction(learner, step))
    policy = Explore(alpha=alpha * penalty, beta=beta, epsilon=epsilon)
    return Recipe(Unverified(), estimator, policy, embedder or _embedder())


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
    return Recipe(Unverified(), learner, policy, embedder or _embedder())


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


_PRESETS: dict[str, Callable[..., Recipe]] = {
    "always": always,
    "automix": automix,
    "calibrated": calibrated,
    "carrot": carrot,
    "cascade": cascade,
    "clusters": clusters,
    "forest": forest,
    "frugalgpt": frugalgpt,
    "joint": joint,
    "knn": knn,
    "metallm": metallm,
    "mixllm": mixllm,
    "oracle": oracle,
    "pickllm": pickllm,
    "random": random,
    "ridge": ridge,
}


def names() -> list[str]:
    """The names of all presets."""
    return sorted(_PRESETS)


def recipe(name: str, **parameters: Any) -> Recipe:
    """The parts of a preset.

    Raises:
        UnknownNameError: No such preset, or no such parameter; the message lists them.
    """
    if name not in _PRESETS:
        what = "preset"
        raise UnknownNameError(what, name, _PRESETS)
    preset = _PRESETS[name]
    known = inspect.signature(preset).parameters
    for given in parameters:
        if given not in known:
            what = f"parameter of the preset {name!r}:"
            raise UnknownNameError(what, given, known)
    return preset(**parameters)


def suited(outcomes: Outcomes) -> str:
    """The preset that makes the most of a table: `joint` where it holds texts and signals.

    Without texts that is `calibrated`, without signals `knn`.
    """
    from automix_core.embed import has_texts  # as in `_embedder`

    signals = any(leaf.name in outcomes.signals for leaf in _verifier("auto").leaves())
    if has_texts(outcomes):
        return "joint" if signals else "knn"
    return "calibrated"


def parse(spec: str) -> tuple[str, dict[str, Any]]:
    """Read a preset and its parameters from text such as "automix:meta_verifier=pomdp".

    Args:
        spec: The preset's name, and after a colon its parameters, separated by commas. Values
            are numbers where they can be, else text.

    Raises:
        ConfigurationError: Something after the colon is no `name=value`.
    """
    name, _, rest = spec.partition(":")
    parameters: dict[str, Any] = {}
    for given in filter(None, rest.split(",")):
        key, equals, value = given.partition("=")
        if not equals:
            msg = f"{given!r} in {spec!r} is no parameter. Write name=value, separated by commas."
            raise ConfigurationError(msg)
        parameters[key.strip()] = _number_or_text(value.strip())
    return name.strip(), parameters


def _one_step(estimator: Estimator, embedder: Embedder | None) -> Recipe:
    """Choose by the request, and return the answer of the chosen arm unseen."""
    return Recipe(Unverified(), estimator, Best(), embedder or _embedder())


_QUALITIES: dict[str, Callable[[], Estimator]] = {
    "clusters": Clusters,
    "forest": Forest,
    "knn": NeighbourQuality,
    "prior": Prior,
    "ridge": RidgeQuality,
}


def _quality(name: str) -> Estimator:
    """The estimator that predicts quality by the request, by the name of its preset."""
    if name not in _QUALITIES:
        what = "estimator of quality"
        raise UnknownNameError(what, name, _QUALITIES)
    return _QUALITIES[name]()


def _embedder() -> Embedder:
    """Hashed words and structure, drawn together by tags where the examples have them."""
    from automix_core.embed import AutoEmbedder, Cached  # presets that verify need none

    return Cached(AutoEmbedder(dimensions=DIMENSIONS))


def _number_or_text(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _meta_verifier(given: str, threshold: float) -> Estimator:
    if given == Threshold.name:
        return Threshold(threshold)
    part: Any = find_part("estimator", given)
    made: Estimator = part()
    return made


def _verifier(given: Verifier | str) -> Verifier:
    if isinstance(given, Verifier):
        return given
    part: Any = find_part("verifier", given)
    try:
        made: Verifier = part()
    except TypeError as error:
        msg = f"{given!r} needs an argument. Give verifier={part.__name__}(...)."
        raise ConfigurationError(msg) from error
    return made
