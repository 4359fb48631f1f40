"""The look that all pictures share: colours by what they stand for, axes, legends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "ends", "legend", "new_axes", "styled"]

COLOURS = {
    "ink": "#1b1f24",
    "muted": "#59626e",
    "rule": "#d5dae0",
    "paper": "#ffffff",
    "router": "#0b62a8",
    "oracle": "#8a3ffc",
    "checks": "#c2540a",
}
"""Colours by what they stand for; the page swaps them in the dark. Told apart by shape as well."""


def new_axes(
    narrow: bool, wide_size: tuple[float, float], narrow_size: tuple[float, float]
) -> tuple[Figure, Axes]:
    """A figure in the house style."""
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=narrow_size if narrow else wide_size,
        layout="constrained",
        facecolor=COLOURS["paper"],
    )
    axes: Axes = figure.add_subplot()
    styled(axes)
    return figure, axes


def styled(axes: Axes) -> None:
    """Give axes the look of the house."""
    axes.set_facecolor(COLOURS["paper"])
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(COLOURS["muted"])
    axes.tick_params(colors=COLOURS["muted"], labelsize=8, length=3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(COLOURS["muted"])
        axis.label.set_fontsize(9)
    axes.set_axisbelow(True)


def legend(figure: Figure, columns: int) -> None:
    """A legend above the axes."""
    figure.legend(
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=8,
        labelcolor=COLOURS["muted"],
        handlelength=1.6,
        columnspacing=1.2,
    )


def ends(measures: Iterable[Measure]) -> tuple[Floats, Floats, Floats]:
    """Means, lower and upper ends of several intervals."""
    mean, low, high = np.array([(m.mean, m.low, m.high) for m in measures]).reshape(-1, 3).T
    return mean, low, high
