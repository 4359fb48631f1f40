"""The pictures of a report, drawn from a study by matplotlib.

Every picture comes in two sizes, for a wide page and for a phone. Figures are made without pyplot
and on the Agg canvas, so no window, backend or setting of the caller's is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evaluate.report.canvas import COLOURS, ends, legend, new_axes
from automix_core.evaluate.report.cost_quality import cost_quality, cost_quality_alt
from automix_core.evaluate.report.study import Belief, Study
from automix_core.evaluate.report.wording import percent, quality, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "pictures"]

MOST_BELIEFS = 4
BAR = 0.32


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: For file names and anchors.
        title: What it shows.
        alt: What it says, for those who cannot see it.
        draw: Makes the figure, for a phone or for a wide page.
    """

    name: str
    title: str
    alt: str
    draw: Callable[[bool], Figure]


def pictures(study: Study) -> tuple[Picture, ...]:
    """Every picture of a study: cost and quality, then calibration, then shares.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401 - the earliest moment to say what to do
    except ImportError as error:
        msg = "Pictures need matplotlib: pip install 'automix-routing[plot]'."
        raise ConfigurationError(msg) from error
    reliability = [
        Picture(
            f"calibration-{number}",
            f"What was expected of {one.arm}, and what came",
            _calibration_alt(one),
            partial(_calibration, one),
        )
        for number, one in enumerate(study.beliefs[:MOST_BELIEFS], start=1)
    ]
    return (
        Picture(
            "cost-quality",
            "Cost and quality",
            cost_quality_alt(study),
            partial(cost_quality, study),
        ),
        *reliability,
        Picture(
            "shares",
            "Answers and spend by model",
            _shares_alt(study),
            partial(_shares, study),
        ),
    )


def _calibration(belief: Belief, narrow: bool) -> Figure:
    figure, axes = new_axes(narrow, wide_size=(3.4, 3.6), narrow_size=(3.2, 3.2))
    axes.plot([0, 1], [0, 1], "--", color=COLOURS["muted"], linewidth=1.0, zorder=1)
    believed = np.array([b.believed for b in belief.bins])
    mean, low, high = ends(b.quality for b in belief.bins)
    axes.errorbar(
        believed,
        mean,
        yerr=np.maximum([mean - low, high - mean], 0.0),
        fmt="-o",
        color=COLOURS["router"],
        markersize=5,
        linewidth=1.4,
        capsize=3,
        zorder=3,
    )
    counts = np.array([b.count for b in belief.bins])
    axes.bar(believed, 0.1 * counts / counts.max(), 0.025, bottom=-0.14, color=COLOURS["muted"])
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.14, 1.05), aspect="equal")
    ticks = np.linspace(0, 1, 5)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.grid(visible=True, color=COLOURS["rule"], linewidth=0.6)
    axes.set_xlabel(shortened(belief.what, 34), parse_math=False)
    axes.set_ylabel("mean quality found")
    return figure


def _calibration_alt(belief: Belief) -> str:
    said = "; ".join(
        f"believed {quality(b.believed)}, found {quality(b.quality.mean)}, {b.count} answers"
        for b in belief.bins
    )
    return f"Reliability of the {belief.what} of {belief.arm}: {said}."


def _shares(study: Study, narrow: bool) -> Figure:
    count = len(study.shares)
    height = 0.62 * count + 0.5
    figure, axes = new_axes(
        narrow, wide_size=(7.0, height), narrow_size=(3.2, height + 0.1 * count)
    )
    answers, spend, checks = np.array([(s.answers, s.spend, s.checks) for s in study.shares]).T
    at = np.arange(count, dtype=float)
    above, below = at - BAR / 2 - 0.02, at + BAR / 2 + 0.02
    axes.barh(above, answers, BAR, color=COLOURS["ink"], label="answers returned")
    axes.barh(below, spend, BAR, color=COLOURS["router"], label="spent on answers")
    if checks.any():
        some = checks > 0
        bars = axes.barh(below[some], checks[some], BAR, spend[some], label="spent on verifying")
        for bar in bars:
            bar.set(facecolor=COLOURS["paper"], edgecolor=COLOURS["checks"], hatch="/////")
    for y, width in [*zip(above, answers, strict=True), *zip(below, spend + checks, strict=True)]:
        said = percent(float(width))
        axes.text(width + 0.012, y, said, va="center", fontsize=8, color=COLOURS["ink"])
    names = [shortened(share.arm, 18 if narrow else 26) for share in study.shares]
    axes.set_yticks(at, names, parse_math=False, color=COLOURS["ink"])
    axes.invert_yaxis()
    axes.set_xlim(0, max(float(answers.max()), float((spend + checks).max())) * 1.16)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    legend(figure, 2 if narrow else 3)
    return figure


def _shares_alt(study: Study) -> str:
    said = "; ".join(
        f"{share.arm}: {percent(share.answers)} of the answers, {percent(share.spend)} of the "
        f"money for answers and {percent(share.checks)} for verifying them"
        for share in study.shares
    )
    return f"Share of answers and of spend by model. {said}."
