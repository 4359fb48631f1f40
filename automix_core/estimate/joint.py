"""Both halves in one: what the request tells before an answer, and every verdict after it.

Cascade routing (arXiv 2410.10347): the same estimates, refreshed after each verified answer, say
which arm to ask next, whether to have its answer verified, and which answer to return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from automix_core.errors import NotFittedError
from automix_core.estimate.calibrated import VALIDITY, by_form
from automix_core.estimate.cells import situations
from automix_core.estimate.clusters import Clusters
from automix_core.estimate.logistic import signal_features
from automix_core.estimate.lookahead import Prospect
from automix_core.estimate.posterior import key, spread_sample, unkey
from automix_core.estimate.prior import Prior
from automix_core.estimate.updates import (
    Belief,
    Posterior,
    Updates,
    folds_of,
    moves_over,
    posterior_over,
    predicted,
    spoken,
    word,
    words_of,
)
from automix_core.evidence import Bools, Estimates, Evidence, Examples, Floats
from automix_core.numbers import at_least, not_negative
from automix_core.parts import Estimator, at_least_one
from automix_core.request import Preference

__all__ = ["Joint"]


@dataclass(frozen=True, eq=False)
class Joint(Estimator):
    """Quality of every arm by the request and by all verdicts so far, and what lies ahead.

    For each set of arms whose answers were verified, the empty one among them, each arm has a
    regularised logistic regression on the log-odds of their signals and on those of its own
    quality as the request tells it. A poor verdict thus lowers what is expected of arms that were
    not asked, and a request that tells nothing gets a weight near 0. The request's word is learned
    from as it is on requests that were not seen: out of fold.

    How far verdicts move estimates is measured on examples whose regressions did not see them.
    From that, and the prices, comes the value of asking each arm and going on (`lookahead`), so
    that the policy `Value` decides as cascade routing does. The dearest arm is never verified.
    Where the examples hold no features, `Prior` stands in for what the request tells; where they
    hold no signal, every ask is for good.

    Attributes:
        before: Reads the request.
        penalty: Ridge penalty on each slope, in examples, as in `Bayes`.
        depth: Most verdicts that are used at once; of more, those of the dearest arms are.
        most_examples: The regressions take an evenly spread sample of so many.
        names_: The signals, in order; none where there is only the confidence.
        speaks_: (arms,) whether enough verdicts on it were seen.
        silent_: (arms,) whether enough answers without any verdict were seen to learn what that
            says. Elsewhere such an answer stays as good as the request says.
        scales_: By belief, such as "0,1" and "": (2, features + arms) centre and spread.
        weights_: By belief: (arms, features + 2), the intercept first, the request's word last.
        moves_: By belief and what is asked, such as "0>1,2": (arms, points), as `lookahead` has it.
        new_: (arms,) the arm came after the fit; `None` where none did.
    """

    name = "joint"
    foresees: ClassVar[bool] = True
    before: Estimator = field(default_factory=Clusters)
    penalty: float = 3.0
    depth: int = 3
    most_examples: int = 5_000
    names_: tuple[str, ...] | None = None
    speaks_: Bools | None = None
    silent_: Bools | None = None
    scales_: dict[str, Floats] | None = None
    weights_: dict[str, Floats] | None = None
    moves_: dict[str, Floats] | None = None
    new_: Bools | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least_one(self, "depth")
        at_least(2, self.most_examples, "Joint.most_examples")
        not_negative(self.penalty, "Joint.penalty", "a number of at least 0")

    @property
    def label(self) -> str:
        """What it rests on."""
        mute = self.speaks_ is not None and not self.speaks_.any()
        return self.before.label if mute else f"{self.before.label} and verdicts"

    def fit(self, examples: Examples) -> Self:
        """Learn what the request tells, then what verdicts add to it."""
        before = Prior() if examples.features is None else self.before
        some = spread_sample(examples, self.most_examples)
        folds = folds_of(some)
        updates = Updates.of(some, words_of(before, some, folds), self.penalty, self.depth)
        whole = updates.fit(np.arange(len(some)))
        return replace(
            self,
            before=before.fit(examples),
            names_=updates.names,
            speaks_=updates.speaks,
            silent_=updates.silent,
            scales_={key(belief): scale for belief, (scale, _) in whole.items()},
            weights_={key(belief): weights for belief, (_, weights) in whole.items()},
            moves_=updates.moves(folds, self.depth),
            new_=None,
        )

    @property
    def learns(self) -> bool:
        """Its reading of requests does or does not."""
        return self.before.learns

    def learn(self, examples: Examples) -> Self:
        """A copy whose reading of requests has gone on learning; verdicts mean what they did.

        It learns of answers that were asked for good. Those that verdicts chose are no fair sample:
        a draft that was let pass is better than drafts are, and what another arm answers where
        a draft was refused is worse than its answers are. Of an arm that came after the fit it
        learns from these too, as nothing else is known of it.
        """
        before = self.before.learn(self._fair(examples))
        return self if before is self.before else replace(self, before=before)

    def _fair(self, examples: Examples) -> Examples:
        """The examples without what verdicts chose of the arms that the fit has seen."""
        if examples.judged is None or not np.count_nonzero(examples.judged):
            return examples
        if self.new_ is None:
            return examples.take(~examples.judged)
        hidden = examples.judged[:, None] & ~self.new_
        thumbs = examples.satisfied
        return replace(
            examples,
            quality=np.where(hidden, np.nan, examples.quality),
            satisfied=None if thumbs is None else np.where(hidden, np.nan, thumbs),
        )

    @property
    def adopts(self) -> bool:
        """Whether what reads the request does: a new arm has that one's word alone."""
        return self.before.adopts

    def over(self, places: Sequence[int | None]) -> Self:
        """This estimator for other arms: a new one is as good as the request says, unverified.

        Raises:
            ConfigurationError: What reads the request cannot be told of other arms.
        """
        before = self.before.over(places)
        if self.speaks_ is None or self.silent_ is None:
            return replace(self, before=before)
        speaks, silent = (
            np.array([was is not None and bool(flags[was]) for was in places])
            for flags in (self.speaks_, self.silent_)
        )
        new = np.array(
            [was is None or (self.new_ is not None and self.new_[was]) for was in places]
        )
        stays = [
            kept
            for belief, posterior in self._posteriors.items()
            if (kept := posterior_over(belief, posterior, places)) is not None
        ]
        now = {was: place for place, was in enumerate(places) if was is not None}
        return replace(
            self,
            before=before,
            speaks_=speaks,
            silent_=silent,
            new_=new if new.any() else None,
            scales_={key(belief): scale for belief, (scale, _) in stays},
            weights_={key(belief): weights for belief, (_, weights) in stays},
            moves_={
                f"{_at(belief, now)}>{_at(asked, now)}": moves_over(drawn, places)
                for belief, by_asked in self._moves.items()
                for asked, drawn in by_asked.items()
                if set(belief) | set(asked) <= set(now)
            },
        )

    def estimate(self, evidence: Evidence, preference: Preference) -> Estimates:
        """Quality by all that is known, and the value of asking each arm and going on."""
        made = self.before.estimate(evidence, preference)
        if self.names_ is None or self.speaks_ is None or self.silent_ is None:
            raise NotFittedError(self.name)
        words = word(made.quality)
        form = evidence.signals.get(VALIDITY)
        judged = evidence.answered & self.speaks_
        judged &= spoken(evidence, self.names_) | self.silent_
        if form is not None:
            judged &= np.isnan(form)
        judged[:, -1] = False  # where the dearest arm has gone, that is one which was verified
        asking, committing = _prices(made, evidence, preference)
        quality, ahead = np.empty_like(words), np.full_like(words, np.nan)
        for pattern, rows in situations(np.hstack([judged, evidence.able])):
            seen, able = np.split(pattern, 2)
            belief = tuple(np.flatnonzero(seen).tolist())[-self.depth :]
            told = signal_features(evidence, belief, self.names_)[rows]
            found = predicted(told, words[rows], self._posteriors[belief])
            quality[rows] = found if form is None else by_form(found, form[rows])
            able[-1] = False
            askable = np.flatnonzero(able & self.speaks_).tolist()
            prospect = Prospect(quality[rows], asking[rows], committing[rows])
            left = self.depth - len(belief)
            ahead[rows] = prospect.ahead(askable, self._moves.get(belief, {}), left)
        ahead[:, -1] = np.nan
        return replace(made, quality=quality, sd=np.where(judged, 0.0, made.sd), ahead=ahead)

    @cached_property
    def _posteriors(self) -> dict[Belief, Posterior]:
        scales, weights = self.scales_ or {}, self.weights_ or {}
        return {unkey(belief): (scales[belief], weights[belief]) for belief in scales}

    @cached_property
    def _moves(self) -> dict[Belief, dict[Belief, Floats]]:
        moves: dict[Belief, dict[Belief, Floats]] = {}
        for name, drawn in (self.moves_ or {}).items():
            belief, _, asked = name.partition(">")
            moves.setdefault(unkey(belief), {})[unkey(asked)] = drawn
        return moves


def _at(belief: Belief, now: Mapping[int, int]) -> str:
    """The name of a belief, its arms in their new places."""
    return key(tuple(sorted(now[arm] for arm in belief)))


def _prices(made: Estimates, evidence: Evidence, preference: Preference) -> tuple[Floats, Floats]:
    """What an answer with its check, and an answer alone, cost in points of quality, (n, arms).

    Waiting for the answer counts as the policy counts it; the time that a check takes does not.
    """
    weight = preference.cost_weight / evidence.reference_cost
    waiting = preference.latency_weight * np.nan_to_num(made.latency, nan=0.0)
    unchecked = np.where(evidence.answered, 0.0, made.cost - evidence.checking)
    possible = evidence.able | evidence.answered
    committing = np.where(possible, weight * unchecked + waiting, np.inf)
    return weight * made.cost + waiting, committing
