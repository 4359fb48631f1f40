"""The picture of a run: cost against quality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo_lib.figures import Figures, Run

__all__ = ["draw"]

_STYLES = (
    {"marker": "D", "markersize": 13, "color": "#c2410c", "mfc": "none", "mew": 2, "capsize": 9},
    {"marker": "o", "markersize": 6, "color": "#1d4ed8", "capsize": 4},
)


def draw(path: Path, routed: Sequence[Figures], small: Run, large: Run) -> bool:
    """Write the picture as a PNG file; `False` where no cost is known and nothing can be drawn."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    if small.cost is None and large.cost is None and all(f.run.cost is None for f in routed):
        return False
    figure, axes = plt.subplots(figsize=(8, 5.2), layout="constrained")
    _baselines(axes, small, large)
    _curve(axes, routed[0])
    for found, style in zip(routed, _STYLES, strict=False):
        _routed(axes, found, style)
    count = len(small.answers)
    axes.set_title(f"Cost against quality, {count} questions over documents")
    axes.set_xlabel("nominal US dollars for 1,000 questions")
    axes.set_ylabel("mean token F1")
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=130, format="png")
    plt.close(figure)
    return True


def _baselines(axes: Any, small: Run, large: Run) -> None:
    known = [r for r in (small, large) if r.cost is not None and not r.failed]
    points = [(1000 * (r.cost or 0), float(r.scores.mean())) for r in known]
    if len(points) == 2:
        label = "random mixing of the two models"
        axes.plot(*zip(*points, strict=True), "--", color="#6b7280", zorder=1, label=label)
    for run, (x, y) in zip(known, points, strict=True):
        marker = "v" if run is small else "^"
        label = f"always {run.name}: {y:.2f}"
        axes.plot(x, y, marker, color="#111827", markersize=9, zorder=2, label=label)


def _curve(axes: Any, found: Figures) -> None:
    if found.curve is None:
        return
    cost, quality = found.curve
    label = "the same drafts at other cost weights"
    axes.plot(1000 * cost, quality, "-", color="#f59e0b", alpha=0.7, zorder=1, label=label)


def _routed(axes: Any, found: Figures, style: dict[str, Any]) -> None:
    if found.run.cost is None:
        return
    quality = found.quality
    axes.errorbar(
        1000 * found.run.cost,
        quality.mean,
        yerr=[[quality.mean - quality.low], [quality.high - quality.mean]],
        linestyle="none",
        zorder=3,
        label=f"routed, {found.run.name}: {quality} (95 % interval)",
        **style,
    )
