"""Everything of a router that is saved, and how it is told from anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from automix_core import saving
from automix_core.arms import CostBasis
from automix_core.calibration import Calibration
from automix_core.errors import SavedRouterError
from automix_core.parts import Embedder, Estimator, Policy, Verifier

__all__ = ["Manifest"]


@dataclass(frozen=True, eq=False)
class Manifest:
    """A router without its models.

    Attributes:
        name: How decisions name it.
        seed: Of the draws of policies that randomise.
        arms: The names of the models it is for, or `None` for any.
        reference_cost: Mean cost of one call to the dearest arm, once that is fixed.
        cost_basis: What that cost rests on.
        verifier: Answer in, signal out.
        estimator: Evidence in, estimates out.
        policy: Estimates in, action out.
        calibration: What was measured by a fit.
        embedder: Request in, features out; `None` where nothing reads them.
    """

    name: str
    seed: int
    arms: tuple[str, ...] | None
    reference_cost: float | None
    cost_basis: CostBasis | None
    verifier: Verifier
    estimator: Estimator
    policy: Policy
    calibration: Calibration | None = None
    embedder: Embedder | None = None

    def write(self, path: str | Path) -> None:
        """Write it to a directory, atomically.

        Raises:
            SavedRouterError: The directory cannot be written, or a part could not be found again.
        """
        saving.write_router(path, self._items())

    def as_json(self) -> dict[str, Any]:
        """JSON values that are equal for equal routers, and for no others."""
        return saving.as_json(self._items())

    @classmethod
    def read(cls, path: str | Path, resources: Mapping[str, Any]) -> Manifest:
        """Read what `write` wrote.

        Args:
            path: The directory.
            resources: Live objects for the named slots.

        Raises:
            SavedRouterError: Nothing readable there, a newer format, or a slot left empty.
        """
        match {"calibration": None, "embedder": None, **saving.read_router(path, resources)}:
            case {
                "verifier": Verifier() as verifier,
                "estimator": Estimator() as estimator,
                "policy": Policy() as policy,
                "name": str(name),
                "seed": int(seed),
                "arms": tuple() | None as arms,
                "reference_cost": float() | None as cost,
                "cost_basis": "prices" | "measured" | "declared" | "assumed" | None as basis,
                "calibration": Calibration() | None as calibration,
                "embedder": Embedder() | None as embedder,
            }:
                parts = verifier, estimator, policy, calibration, embedder
                return cls(name, seed, arms, cost, basis, *parts)
        msg = f"{path} does not hold everything that makes a router."
        raise SavedRouterError(msg)

    def _items(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
