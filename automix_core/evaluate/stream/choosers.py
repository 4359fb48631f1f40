"""What decides in a stream: a fitted router that learns on the way, or hindsight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from automix_core.branches import Branch
from automix_core.evaluate.stream.course import Log, Moment, Step
from automix_core.evaluate.stream.queues import Queues
from automix_core.evaluate.stream.scene import Scene
from automix_core.evidence import Actions, Bools, Evidence, Examples, Floats
from automix_core.parts import Estimator, Policy
from automix_core.replay import Recorded
from automix_core.request import Preference

__all__ = ["Mind", "Oracle", "places_of"]

Places = NDArray[np.int64]

_Scripted = tuple[Step, Floats | None]
"""What a request will do next, and with what chances each arm might have been asked."""

_Known = TypeVar("_Known", Evidence, Examples)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What decides, and the places of the arms that it knows."""

    estimator: Estimator
    policy: Policy
    places: Places


class Mind:
    """A fitted router at work: its estimator and policy decide just as in a replay and live.

    Args:
        scene: The stream.
        recorded: Its n requests over all m arms, as the router's verifier sees them.
        estimator: Fitted for the arms that are there at first, if `flexible`; else for all.
        policy: Likewise.
        branches: The preferences to follow, each with its probability.
        reference_cost: Mean US dollars of one answer of the dearest arm that it was fitted for.
        flexible: Estimator and policy are told of other arms when models come and go. If not,
            they know all arms from the start, and those that are not there cannot be asked.
    """

    def __init__(
        self,
        scene: Scene,
        recorded: Recorded,
        estimator: Estimator,
        policy: Policy,
        branches: Sequence[Branch],
        *,
        reference_cost: float,
        flexible: bool,
    ) -> None:
        self.flexible = flexible
        self.check_seconds = _check_seconds(recorded)
        self._scene = scene
        self._recorded = recorded
        self._reference_cost = reference_cost
        self._preferences = [preference for _, preference in branches]
        ends = np.cumsum([share for share, _ in branches])[:-1]
        self._branch = np.searchsorted(ends, scene.branch_draws, "right")
        everyone = np.ones(len(scene.arms), dtype=bool)
        known = np.flatnonzero(scene.present(0.0) if flexible else everyone)
        # A request that has begun keeps the arms it began with: its answer in hand may be of one
        # that is gone.
        self._eras = [_Parts(estimator, policy, known)]
        self._began = np.zeros(len(scene.arrived), dtype=np.int64)
        self._script: dict[int, list[_Scripted]] = {}
        self._waiting = np.zeros(len(scene.arms))

    def change(self, present: Bools) -> None:
        """Tell estimator and policy of the arms that there are now."""
        if self.flexible:
            now, last = np.flatnonzero(present), self._eras[-1]
            names = [self._scene.arms[place] for place in now]
            told = last.estimator.over(places_of(last.places, now)), last.policy.over(names)
            self._eras.append(_Parts(*told, now))

    def prepare(self, rows: Places, moment: Moment, log: Log) -> None:
        """Decide what each request would do if its turn came now, up to the end of its way."""
        fresh = rows[~log.asked[rows].any(axis=1)]
        self._began[fresh] = len(self._eras) - 1
        self._script = {int(row): [] for row in rows}
        self._waiting = moment.waiting
        kinds = np.stack([self._began[rows], self._branch[rows]], axis=1)
        for era, branch in np.unique(kinds, axis=0).tolist():
            alike = rows[(kinds == (era, branch)).all(axis=1)]
            self._foresee(alike, self._eras[era], self._preferences[branch], moment, log)

    def act(self, row: int, now: float, queues: Queues, log: Log) -> Step:
        """The next step, as it was decided; no further arm once `max_latency` is over."""
        step, chances = self._script[row].pop(0)
        preference = self._preferences[self._branch[row]]
        limit = preference.max_latency
        late = limit is not None and now - self._scene.arrived[row] > limit
        if step.run and late and log.asked[row].any():  # so an answer is in hand
            step, chances = self._halted(row, preference, log)
        if step.run and chances is not None:
            log.chances[row] = chances
        return step

    def learn(self, rows: Places, log: Log) -> None:
        """Go on from feedback on some requests: one row each, with the answering arm known."""
        last = self._eras[-1]
        told = _narrowed(_feedback(self._scene, self._recorded, rows, log), last.places)
        told = told.take((log.arm[rows][:, None] == last.places).any(axis=1))
        if len(told):
            self._eras[-1] = replace(last, estimator=last.estimator.learn(told))

    def _halted(self, row: int, preference: Preference, log: Log) -> _Scripted:
        """What a request does when nobody can be asked any more."""
        nobody = np.zeros(len(self._scene.arms), dtype=bool)
        self._script[row] = []
        moment = Moment(nobody, self._waiting)
        self._foresee(np.array([row]), self._eras[self._began[row]], preference, moment, log)
        return self._script[row].pop(0)

    def _foresee(
        self, rows: Places, parts: _Parts, preference: Preference, moment: Moment, log: Log
    ) -> None:
        """Decide step by step, all requests together, as a replay does."""
        asked = log.asked[rows].copy()
        active = np.arange(len(rows))
        while len(active):
            evidence = self._evidence(
                rows[active], asked[active], moment, hindsight=parts.estimator.hindsight
            )
            evidence = _narrowed(evidence, parts.places)
            estimates = parts.estimator.estimate(evidence, preference)
            actions = parts.policy.decide(estimates, evidence, preference)
            arm = np.append(parts.places, -1)[actions.arm]
            self._note(rows[active], arm, actions, parts.places)
            onward = actions.run & ~actions.final & (arm >= 0)
            asked[active[onward], arm[onward]] = True
            active = active[onward]

    def _evidence(self, rows: Places, asked: Bools, moment: Moment, *, hindsight: bool) -> Evidence:
        """What is known of some requests, over all arms."""
        draw = self._scene.draws[rows, asked.sum(axis=1)]
        some, every = self._recorded.take(rows), np.arange(len(rows))
        known = some.evidence(every, asked, draw, hindsight=hindsight)
        return replace(
            known,
            able=known.able & moment.present,
            waiting=np.broadcast_to(moment.waiting, asked.shape),
            reference_cost=self._reference_cost,
        )

    def _note(self, rows: Places, arm: Places, actions: Actions, places: Places) -> None:
        """Keep the next step of each request, and the chances of all arms where they are told."""
        chances: list[Floats | None] = [None] * len(rows)
        if actions.chances is not None:
            wide = np.zeros((len(rows), len(self._scene.arms)))
            wide[:, places] = actions.chances
            chances = list(wide)
        steps = zip(arm.tolist(), actions.run.tolist(), actions.final.tolist(), strict=True)
        for row, step, said in zip(rows.tolist(), steps, chances, strict=True):
            self._script[row].append((Step(*step), said))


class Oracle:
    """The cheapest of the best answers that will be there in time, with everything known.

    It looks at one request after the other and keeps no place free for a later one, so it is a
    strong yardstick, but not the optimum over all requests together.

    Args:
        scene: The stream.
    """

    def __init__(self, scene: Scene) -> None:
        self.check_seconds = np.zeros(scene.requests.cost.shape)
        self._requests = scene.requests
        self._limit = scene.stream.time_limit
        self._held = scene.requests.has
        self._present = np.flatnonzero(scene.present(0.0)).tolist()

    def change(self, present: Bools) -> None:
        """Look at the arms that there are now."""
        self._present = np.flatnonzero(present).tolist()

    def prepare(self, rows: Places, moment: Moment, log: Log) -> None:
        """There is nothing to get ready."""

    def act(self, row: int, now: float, queues: Queues, log: Log) -> Step:
        """Ask the best one."""
        best = (-np.inf, -np.inf, 0), -1
        for arm in self._present:
            if self._held[row, arm]:
                taken = queues.wait(arm, now) + float(self._requests.latency[row, arm])
                reached = float(self._requests.quality[row, arm]) if taken <= self._limit else 0.0
                worth = reached, -float(self._requests.cost[row, arm]), -arm
                best = max(best, (worth, arm))
        return Step(best[1], run=True, final=True)

    def learn(self, rows: Places, log: Log) -> None:
        """It knows already."""


def places_of(before: Places, now: Places) -> list[int | None]:
    """For each arm that there is now, its place among those before, or `None` for a new one."""
    known = {arm: place for place, arm in enumerate(before.tolist())}
    return [known.get(arm) for arm in now.tolist()]


def _check_seconds(recorded: Recorded) -> Floats:
    """Seconds of each check; where unknown, its share of the answer's cost as a share of time."""
    share = np.zeros_like(recorded.cost)
    np.divide(recorded.check_cost, recorded.cost, out=share, where=recorded.cost > 0)
    seconds = recorded.check_latency
    taken: Floats = np.where(np.isnan(seconds), share * recorded.latency, seconds)
    return np.nan_to_num(taken)


def _feedback(scene: Scene, recorded: Recorded, rows: Places, log: Log) -> Examples:
    """What became known of the answers of some requests, in all other columns NaN."""
    examples, stream = recorded.examples, scene.stream
    own = log.arm[rows][:, None] == np.arange(len(scene.arms))

    def only(column: Floats | None, where: Bools = own) -> Floats:
        return np.where(where, np.nan if column is None else column[rows], np.nan)

    checked = own & log.verified[rows]
    quality = only(examples.quality)
    late = log.finished[rows] - scene.arrived[rows]
    pleased = (quality > stream.wanted) & (late <= stream.time_limit)[:, None]
    pleased &= (late < stream.patience)[:, None]
    binary = stream.feedback.kind == "binary"
    judged: Bools = np.asarray(log.verified[rows].any(axis=1))
    return replace(
        examples.take(rows),
        quality=np.full_like(quality, np.nan) if binary else quality,
        satisfied=np.where(own, pleased.astype(float), np.nan) if binary else None,
        confidence=only(examples.confidence, checked),
        signals={name: only(column, checked) for name, column in examples.signals.items()},
        cost=only(examples.cost),
        latency=only(recorded.latency),
        input_tokens=only(examples.input_tokens),
        output_tokens=only(examples.output_tokens),
        judged=judged,
        chances=None if np.isnan(log.chances[rows]).all() else log.chances[rows],
    )


def _narrowed(known: _Known, places: Places) -> _Known:
    """Evidence or examples of some of the arms; what is one number a request stays."""
    kept: dict[str, Any] = {}
    for name in known.__dataclass_fields__:
        value = getattr(known, name)
        if name == "signals":
            kept[name] = {signal: values[:, places] for signal, values in value.items()}
        elif name == "rates" and value is not None:
            kept[name] = value[places]
        elif isinstance(value, Examples):
            kept[name] = _narrowed(value, places)
        elif name != "features" and isinstance(value, np.ndarray) and value.ndim > 1:
            kept[name] = value[:, places]
    return replace(known, **kept)
