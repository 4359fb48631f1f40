"""The loop: estimate, decide, ask or stop, verify, and again, until it is good enough.

It never calls a model: it yields what it wants done and receives what came back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cache

from automix_core.branches import Branch
from automix_core.case import Case, validity
from automix_core.decision import Decision, DecisionCallback
from automix_core.errors import AllArmsFailed
from automix_core.evidence import Actions, Answer, Evidence, Floats, Run, Signal, Stop
from automix_core.flow import Ask, Failure, Flow, Reply, SampleOptions, Wave
from automix_core.ledger import Ledger
from automix_core.parts import Embedder, Estimator, Policy, Verifier
from automix_core.reasons import why_first, why_run, why_stop
from automix_core.request import Preference

__all__ = ["Loop", "Outcome"]

MOST_ALIKE = 256
"""First decisions that are remembered for each router."""

_without_choice = cache(Actions.without_choice)  # the same arrays every time; nobody writes to them


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow returns: the reply to hand to the caller, and the record."""

    reply: Reply
    decision: Decision


@dataclass(slots=True, eq=False)  # not frozen, which takes longer to make at each request
class Loop:
    """The parts at work on a request; nobody writes to it.

    Attributes:
        verifier: Answer in, signal out.
        estimator: Evidence in, estimates out.
        policy: Estimates in, action out.
        draw: Gives a uniform number in [0, 1), one for each step, for policies that draw.
        first: What was decided for requests alike, before anything was asked.
        branches: The preferences that one was drawn from to meet a budget, with probabilities.
        embedder: Request in, features out, for estimators that read them.
        forecasts: Whether the estimator reads the prompt's length, so that requests differ.
        remember: Keeps each decision for feedback that may come; `None` where none is learned
            from.
    """

    verifier: Verifier
    estimator: Estimator
    policy: Policy
    draw: Callable[[], float]
    branches: Sequence[Branch] = ()
    first: dict[Hashable, Actions] = field(default_factory=dict)
    embedder: Embedder | None = None
    forecasts: bool = False
    remember: Callable[[Decision, Case], None] | None = None

    def answer(self, ledger: Ledger, case: Case) -> Flow[Outcome]:
        """The loop, with its decision published however it ends."""
        try:
            return (yield from ledger.keep(self._loop(ledger, case)))
        except Exception as error:
            ledger.end("failed", None, f"{type(error).__name__} was raised.")
            raise
        finally:
            ledger.publish(self._remembering(case))

    def _remembering(self, case: Case) -> tuple[DecisionCallback, ...]:
        """What keeps the decision, before any listener can give feedback on it."""
        remember = self.remember
        return () if remember is None else (lambda decision: remember(decision, case),)

    def advise(self, ledger: Ledger, case: Case) -> Decision:
        """Decide whom to ask first, and ask nobody; the decision is published.

        Raises:
            AllArmsFailed: Nobody can be asked.
        """
        actions = self._next(ledger, case, self._drawn(), list(self.branches))
        action = actions.first()
        if action is None:
            raise AllArmsFailed(case.causes)
        why = why_first(case, action.arm, actions)
        case.chosen(action.arm, actions.chances)
        decision = ledger.end("advised", case.arms[action.arm].name, why)
        ledger.publish(self._remembering(case))
        return decision

    def _loop(self, ledger: Ledger, case: Case) -> Flow[Outcome]:
        draw = self._drawn()
        alike = list(self.branches)
        case.features = yield from self.features(case)
        while True:
            actions = self._next(ledger, case, draw, alike)
            action = actions.first()
            if action is None:
                raise AllArmsFailed(case.causes)
            if not isinstance(action, Run):
                return self._stopped(ledger, case, action.arm, actions)
            why = why_run(case, action.arm, actions)
            case.chosen(action.arm, actions.chances)
            reply = yield from self._run(case, action)
            draw = self._drawn()  # of the next step, to which the verifier looks ahead
            if reply is None:
                continue
            arm = case.arms[action.arm]
            if action.final or case.request.unverified:
                return Outcome(reply, ledger.end("final", arm.name, why))
            answer = case.answers[action.arm]
            signal = yield from self._verified(case, action.arm, answer, draw)
            ledger.judge(arm.name, signal)
            case.answered(action.arm, Answer(arm.name, reply, signal))

    def _drawn(self) -> float:
        return self.draw() if self.policy.draws else 0.0

    def _next(self, ledger: Ledger, case: Case, draw: float, alike: list[Branch]) -> Actions:
        """What to do now; its probability goes on record.

        Args:
            ledger: The record.
            case: The request as it stands.
            draw: Of this step.
            alike: The branches that have acted alike so far; those that part here are left out.
        """
        able = case.able
        only = case.only_choice(able)
        if only is not None:
            actions = _without_choice(only)
        elif len(alike) > 1:
            evidence = case.evidence(draw, able)
            actions = self._decide(evidence, case.preference)
            ledger.propensity *= self._narrowed(alike, evidence, actions.first())
        else:
            actions = self._chosen(case, draw, able)
        ledger.propensity *= float(actions.propensity[0])
        return actions

    def _run(self, case: Case, action: Run) -> Flow[Reply | None]:
        """Ask an arm; `None` where it failed, which the case then knows."""
        arm = case.arms[action.arm]
        final = action.final or case.request.unverified
        ask = Ask(
            arm.name,
            "answer" if final else "draft",
            options=SampleOptions() if final else self.verifier.wants(arm),
            final=final,
        )
        (result,) = yield Wave((ask,))
        if isinstance(result, Reply):
            case.answered(action.arm, Answer(arm.name, result))
            return result
        failure = result if isinstance(result, Failure) else Failure(arm.name, "error")
        case.failed(action.arm, failure)
        return None

    def _verified(self, case: Case, index: int, answer: Answer, draw: float) -> Flow[Signal]:
        """Have an answer judged: text by the verifier, anything else by its form."""
        if answer.reply.kind != "text":
            return validity(answer)
        if case.request.kind not in ("answer", "tools"):
            return Signal(None, note="plain text where something else was asked for")
        seen = cache(lambda: case.evidence(draw))  # most verifiers never look

        def settles(signals: Sequence[Signal]) -> bool:
            # Where the loop goes on, later steps will look at this signal too: it is needed whole.
            actions = self._decide(seen().supposing(index, signals), case.preference)
            return actions.unanimous() and actions.closing()

        return (yield from self.verifier.verify(case.request, answer, case.arms[index], settles))

    def _stopped(self, ledger: Ledger, case: Case, index: int, actions: Actions) -> Outcome:
        answer = case.answers[index]
        status, why = why_stop(case, index, actions)
        return Outcome(answer.reply, ledger.end(status, answer.arm, why))

    def _chosen(self, case: Case, draw: float, able: tuple[bool, ...]) -> Actions:
        """The next action. With nothing known but the request, it is that of the last one alike."""
        known = case.in_hand is not None or case.failures or case.features is not None
        differs = self.forecasts or case.load is not None
        if known or differs or self.policy.draws:
            return self._decide(case.evidence(draw, able), case.preference)
        alike = (case.preference, case.request.kind, able)
        found = self.first.get(alike)
        if found is None:  # others may fill or clear it meanwhile
            found = self._decide(case.evidence(draw, able), case.preference)
            if len(self.first) >= MOST_ALIKE:
                self.first.clear()
            self.first[alike] = found
        return found

    def _decide(self, evidence: Evidence, preference: Preference) -> Actions:
        estimates = self.estimator.estimate(evidence, preference)
        return self.policy.decide(estimates, evidence, preference)

    def features(self, case: Case) -> Flow[Floats | None]:
        """The features of a request, (1, d); one that cannot be embedded is answered without."""
        if self.embedder is None or case.only_choice(case.able) is not None:
            return None
        from automix_core.embed import query_text  # only routers with an embedder need it

        made = yield from self.embedder.flow([query_text(case.request)])
        return None if isinstance(made, Failure) else made

    def _narrowed(
        self, alike: list[Branch], evidence: Evidence, action: Run | Stop | None
    ) -> float:
        """Leave the branches that act alike here; gives the probability of acting so."""
        before = sum(share for share, _ in alike)
        alike[:] = [b for b in alike if self._decide(evidence, b[1]).first() == action]
        return sum(share for share, _ in alike) / before
