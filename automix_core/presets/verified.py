"""Presets that look at answers: one arm answers, and its answer tells whether to go on."""

from __future__ import annotations

from automix_core.decide import Value
from automix_core.estimate import FittedThreshold, Fused
from automix_core.parts import Verifier
from automix_core.presets.recipe_parts import Recipe, make_meta_verifier, make_verifier
from automix_core.verify import SelfVerification

__all__ = ["automix", "calibrated", "cascade", "frugalgpt"]


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
    return Recipe(make_verifier(verifier), make_meta_verifier(meta_verifier, threshold), Value())


def calibrated(verifier: Verifier | str = "auto", meta_verifier: str = "auto") -> Recipe:
    """Whatever does best on your own examples: signals and meta-verifier are chosen by a fit.

    Args:
        verifier: Where the signals come from; `auto` stands for every one that needs no set-up.
        meta_verifier: As for `automix`.
    """
    return Recipe(make_verifier(verifier), make_meta_verifier(meta_verifier, 0.5), Value())


def automix(samples: int = 8, meta_verifier: str = "threshold", threshold: float = 0.5) -> Recipe:
    """AutoMix (arXiv 2310.12963): few-shot self-verification and a meta-verifier.

    Args:
        samples: k, the self-verdicts drawn for each answer.
        meta_verifier: How far to trust the verdicts. `threshold` works as it is; the others
            learn from examples: `double_threshold`, `triple_threshold`, `pomdp`, `knn`,
            `isotonic`, `bayes`, or `auto` for the one that does best on held-out examples.
        threshold: Share of positive verdicts to accept, until the router is fitted.
    """
    return Recipe(SelfVerification(samples), make_meta_verifier(meta_verifier, threshold), Value())


def frugalgpt(verifier: Verifier | str = "auto") -> Recipe:
    """FrugalGPT (arXiv 2305.05176): a chain of models, a fitted scorer and thresholds on its score.

    The thresholds are searched on rows that the scorer was not fitted on. Theirs is a DistilBERT
    that reads question and answer; ours is a logistic regression that reads the answer's signals.

    Args:
        verifier: As for `calibrated`.
    """
    return Recipe(make_verifier(verifier), Fused(FittedThreshold()), Value())
