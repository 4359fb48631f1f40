"""Another model as the verifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from automix_core.evidence import Answer, Signal
from automix_core.flow import Flow
from automix_core.parts import Settles, Verifier
from automix_core.request import Request
from automix_core.verify.self_verification import SelfVerification

if TYPE_CHECKING:
    from automix_core.arms import Arm

__all__ = ["Judge"]


@dataclass(frozen=True)
class Judge(Verifier):
    """Any other model checks the answer, with the prompts of `SelfVerification`.

    Attributes:
        model: The judge: a model of the framework in use, or an `Arm` with a price. It is a live
            object: `Router.load` wants it back under `resources={"judge": model}`.
        how: How it checks; one check at temperature 0 unless told otherwise.
    """

    name = "judge"
    model: Any
    how: SelfVerification = field(
        default_factory=lambda: SelfVerification(samples=1, temperature=0.0)
    )

    def helpers(self) -> Mapping[str, Any]:
        """The judge."""
        return {self.name: self.model}

    def with_helpers(self, helpers: Mapping[str, Arm]) -> Judge:
        """The same judge, knowing what its model can do."""
        return replace(self, model=helpers[self.name])

    def verify(
        self,
        request: Request,
        answer: Answer,
        arm: Arm,
        settles: Settles,
    ) -> Flow[Signal]:
        """Have the judge check the answer."""
        return self.how.check(request, answer, self.model, settles, self.name)
