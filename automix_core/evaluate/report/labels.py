"""Where the labels of a picture go, so that none covers a point, a line or another label.

Each label tries a few places around its point, nearest first, and takes the one that covers least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from automix_core.evidence import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Label", "place"]

NEAR, FAR, FARTHER = 7.0, 17.0, 32.0
STEP, EDGE = 3.0, 4.0
DIRECTIONS = (
    (1, 0, "left", "center"),
    (1, -1, "left", "top"),
    (-1, 1, "right", "bottom"),
    (0, -1, "center", "top"),
    (0, 1, "center", "bottom"),
    (1, 1, "left", "bottom"),
    (-1, -1, "right", "top"),
    (-1, 0, "right", "center"),
)
OVERLAP, OUTSIDE, FAR_OFF = 60.0, 200.0, 0.1
"""What covering a label or a point, leaving the axes, and each pixel from the point count for; a
covered line counts for twice its length in pixels."""


class Label(NamedTuple):
    """A text at a point, in data coordinates."""

    text: str
    x: float
    y: float
    style: dict[str, Any]


def place(axes: Axes, labels: Sequence[Label], lines: Sequence[Floats]) -> None:
    """Write the labels into the axes.

    Args:
        axes: The axes; their limits and layout must be final.
        labels: The labels, the most important first.
        lines: Lines that should stay visible, each (k, 2) corners in data coordinates.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure: Any = axes.get_figure(root=True)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    points = [axes.transData.transform((label.x, label.y)) for label in labels]
    taken = [np.concatenate([point - 8, point + 8]) for point in points]
    busy = np.vstack([np.empty((0, 2)), *(_along(axes.transData.transform(x)) for x in lines)])
    for label, point in zip(labels, points, strict=True):
        tried = [_annotate(axes, label, *way) for way in _ways()]
        boxes = [_inside(axes, text) for text in tried]
        prices = [_price(axes, box, point, taken, busy) for box in boxes]
        least = int(np.argmin(prices))
        taken.append(boxes[least])
        for number, text in enumerate(tried):
            if number != least:
                text.remove()


def _along(corners: Floats) -> Floats:
    """Points a few pixels apart along a line."""
    steps = np.hypot(*np.diff(corners, axis=0).T)
    far = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, far[-1], STEP)
    return np.column_stack([np.interp(at, far, corners[:, i]) for i in (0, 1)])


def _ways() -> list[tuple[float, float, str, str]]:
    return [
        (dx * far, dy * far, h, v) for far in (NEAR, FAR, FARTHER) for dx, dy, h, v in DIRECTIONS
    ]


def _annotate(axes: Axes, label: Label, dx: float, dy: float, across: str, up: str) -> Any:
    far = max(abs(dx), abs(dy)) > NEAR
    line = {"arrowstyle": "-", "linewidth": 0.6, "shrinkB": 4, **label.style.get("arrow", {})}
    style = {key: value for key, value in label.style.items() if key != "arrow"}
    return axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(dx, dy),
        textcoords="offset points",
        ha=across,
        va=up,
        parse_math=False,
        annotation_clip=False,
        arrowprops=line if far else None,
        zorder=6,
        **style,
    )


def _inside(axes: Axes, text: Any) -> Floats:
    """Shift a text along the axes' edge until it lies inside; gives its box, in pixels."""
    box = np.asarray(text.get_window_extent().extents)
    frame = np.asarray(axes.get_window_extent().extents)
    shift = min(frame[2] - EDGE - box[2], 0.0) + max(frame[0] + EDGE - box[0], 0.0)
    across, up = text.xyann
    if shift and text.get_va() != "center":
        text.xyann = (across + shift * 72 / text.get_figure(root=True).dpi, up)
        box = np.asarray(text.get_window_extent().extents)
    return box


def _price(axes: Axes, box: Floats, point: Floats, taken: Sequence[Floats], busy: Floats) -> float:
    """How bad a place is: what it covers, whether it leaves the axes, how far off it is."""
    left, low, right, high = box
    inside = (busy[:, 0] > left) & (busy[:, 0] < right) & (busy[:, 1] > low) & (busy[:, 1] < high)
    overlaps = sum(
        left < other[2] and other[0] < right and low < other[3] and other[1] < high
        for other in taken
    )
    frame = np.asarray(axes.get_window_extent().extents)
    outside = left < frame[0] or low < frame[1] or right > frame[2] or high > frame[3]
    away = np.hypot((left + right) / 2 - point[0], (low + high) / 2 - point[1])
    return float(2 * STEP * inside.sum() + OVERLAP * overlaps + OUTSIDE * outside + FAR_OFF * away)
