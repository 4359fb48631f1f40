"""Quality as a linear function of the features: ridge regression in closed form.

Beside the weights it keeps inv(A) of each arm, of which the uncertainty bonus of linear bandits
is made (LinUCB; MixLLM, arXiv 2502.18482, equation 9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.estimate.before import WORST_VARIANCE, Before, by_arm, moved
from automix_core.evidence import Floats
from automix_core.numbers import is_number

__all__ = ["RidgeQuality"]

BLOCK = 512
"""Requests that are looked at together."""


@dataclass(frozen=True, eq=False)
class RidgeQuality(Before):
    """One ridge regression for each arm.

    With e = (1, features - centre) and A = penalty * I + sum of e e', the weights are inv(A) times
    the sum of e (quality - prior). The standard deviation is sqrt(e' inv(A) e) * noise: it is
    small where many examples lay in the direction of e.

    Attributes:
        penalty: Ridge penalty, in examples of a feature vector of length 1.
        centre_: (arms, d) mean features of the examples that hold the arm.
        weights_: (arms, d + 1), that of the constant first.
        inverse_: (arms, d + 1, d + 1) inv(A).
        noise_: (arms,) standard deviation of quality around the line.
    """

    name = "ridge"
    penalty: float = 10.0
    centre_: Floats | None = None
    weights_: Floats | None = None
    inverse_: Floats | None = None
    noise_: Floats | None = None

    def __post_init__(self) -> None:
        """Check the penalty."""
        if not (is_number(self.penalty) and self.penalty > 0):
            msg = f"RidgeQuality.penalty must be a number above 0, not {self.penalty!r}."
            raise ConfigurationError(msg)

    def _learned(self, features: Floats, quality: Floats, *, prior_: Floats, **shared: Any) -> Self:
        lines = [
            self._line(features[known], column[known] - prior)
            for (known, column), prior in zip(by_arm(quality), prior_, strict=True)
        ]
        centre, weights, inverse, noise = (np.stack(part) for part in zip(*lines, strict=True))
        return replace(
            self,
            prior_=prior_,
            centre_=centre,
            weights_=weights,
            inverse_=inverse,
            noise_=noise,
            **shared,
        )

    def _over(self, places: Sequence[int | None], prior: Floats) -> dict[str, Any]:
        new = self._line(np.zeros((0, self.width_ or 0)), np.zeros(0))
        names = "centre_", "weights_", "inverse_", "noise_"
        return {
            name: moved(getattr(self, name), places, unknown)
            for name, unknown in zip(names, new, strict=True)
        }

    def _line(self, features: Floats, above: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Centre, weights, inv(A) and noise of one arm, from its quality above its mean."""
        count, width = features.shape
        centre = features.mean(axis=0) if count else np.zeros(width)
        design = _design(features, centre)
        penalties = self.penalty * np.eye(width + 1)
        inverse = np.linalg.inv(design.T @ design + penalties)
        inverse = (inverse + inverse.T) / 2
        weights = inverse @ (design.T @ above)
        missed = above - design @ weights
        used = width + 1 - self.penalty * float(np.trace(inverse))
        # One made-up example of the worst kind, for a line through one point misses nothing.
        variance = (missed @ missed + WORST_VARIANCE) / (max(0.0, count - used) + 1)
        return centre, weights, inverse, np.sqrt(variance)

    def _predicted(self, features: Floats) -> tuple[Floats, Floats]:
        if len(features) <= BLOCK:
            return self._block(features)
        begins = range(0, len(features), BLOCK)
        blocks = [self._block(features[begin : begin + BLOCK]) for begin in begins]
        quality, sd = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return quality, sd

    def _block(self, features: Floats) -> tuple[Floats, Floats]:
        """The same for a few requests: one product of matrices for each arm, all in one call."""
        prior, centre, stacked, noise = self._upright
        design = np.empty((len(centre), len(features), features.shape[1] + 1))
        design[:, :, 0].fill(1.0)
        np.subtract(features, centre, out=design[:, :, 1:])
        product = design @ stacked
        quality = prior + product[:, :, -1]
        doubt = np.matmul(product[:, :, None, :-1], design[:, :, :, None])[:, :, 0, 0]
        sd = noise * np.sqrt(np.maximum(doubt, 0.0, out=doubt), out=doubt)
        return np.ascontiguousarray(quality.T), np.ascontiguousarray(sd.T)

    @cached_property
    def _upright(self) -> tuple[Floats, ...]:
        """What was learned, the arms along the first axis and requests along the second.

        inv(A) and the weights of an arm stand side by side, (arms, d + 1, d + 2), for one product.
        """
        learned: Any = (self.prior_, self.centre_, self.weights_, self.inverse_, self.noise_)
        prior, centre, weights, inverse, noise = learned
        stacked = np.concatenate([inverse, weights[:, :, None]], axis=2)
        return prior[:, None], centre[:, None], stacked, noise[:, None]


def _design(features: Floats, centre: Floats) -> Floats:
    """The constant 1 and the centred features, (n, d + 1)."""
    return np.hstack([np.ones((len(features), 1)), features - centre])
