"""The picture of cost and quality: the router, its trade-off, single models, mixing, oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.evaluate.report.canvas import COLOURS, ends, legend, new_axes
from automix_core.evaluate.report.labels import Label, place
from automix_core.evaluate.report.study import Point, Study
from automix_core.evaluate.report.wording import dollars, quality, shortened
from automix_core.metrics.bootstrap import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MOST_NAMES", "cost_quality", "cost_quality_alt"]

LOG_RATIO = 20
"""Above this ratio of the dearest to the cheapest arm, the cost axis is logarithmic."""

LONGEST_SETTING = 24
SAME = 1e-9

MOST_NAMES = {True: 4, False: 8}
"""With more models than this, on a phone and on a wide page, their labels are numbers."""


def cost_quality(study: Study, narrow: bool) -> Figure:
    """The picture, for a phone or for a wide page."""
    figure, axes = new_axes(narrow, wide_size=(7.0, 4.5), narrow_size=(3.2, 3.5))
    axes.set_xlabel("US dollars for 1,000 requests")
    axes.set_ylabel("mean quality")
    axes.grid(visible=True, color=COLOURS["rule"], linewidth=0.6)
    _set_cost_scale(axes, study)
    mixing = _mixing_line(study)
    axes.plot(
        *mixing,
        "--",
        color=COLOURS["muted"],
        linewidth=1.3,
        label="random mixing of single models",
        zorder=2,
    )
    curve = [] if len(study.curve) < 2 else [_draw_curve(axes, study)]
    points = _shown(study)
    for point in points:
        _draw_point(axes, point)
    legend(figure, 1 if narrow else 2)
    axes.margins(x=0.09, y=0.09)
    axes.autoscale_view()
    names = zip(study.points, _names(study, narrow), strict=True)
    labels = [_label(point, name, narrow) for point, name in names if name and point in points]
    place(axes, labels, [np.column_stack(mixing), *curve, *_cross(study.points[0])])
    return figure


def _set_cost_scale(axes: Axes, study: Study) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    costs = [point.cost.mean for point in study.of("model")]
    if min(costs) > 0 and max(costs) > LOG_RATIO * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=9))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,.12g}"))


def _draw_curve(axes: Axes, study: Study) -> Any:
    """The router's trade-off with its band; gives its corners, for the labels to avoid."""
    cost = 1000 * np.array([point.cost for point in study.curve])
    mean, low, high = ends(point.quality for point in study.curve)
    axes.fill_between(cost, low, high, color=COLOURS["router"], alpha=0.13, linewidth=0)
    label = "router at other cost weights, with 95 % band"
    axes.plot(cost, mean, "-", color=COLOURS["router"], linewidth=1.8, label=label, zorder=3)
    return np.column_stack([cost, mean])


def _mixing_line(study: Study) -> tuple[Any, Any]:
    """The hull, drawn finely, for a straight line is bent by a logarithmic axis."""
    corners = np.array(study.hull)
    fine = np.linspace(corners[0, 0], corners[-1, 0], 200)
    return 1000 * fine, np.interp(fine, corners[:, 0], corners[:, 1])


def _draw_point(axes: Axes, point: Point) -> None:
    styles: dict[str, dict[str, Any]] = {
        "router": {"marker": "D", "markersize": 8, "color": COLOURS["router"]},
        "model": {"marker": "o", "markersize": 6, "color": COLOURS["ink"]},
        "mixing": {
            "marker": "o",
            "markersize": 5,
            "color": COLOURS["muted"],
            "mfc": COLOURS["paper"],
        },
        "oracle": {"marker": "*", "markersize": 11, "color": COLOURS["oracle"]},
    }
    style = styles[point.kind]
    x, y = 1000 * point.cost.mean, point.quality.mean
    if point.kind == "router":
        axes.errorbar(
            x,
            y,
            xerr=_arms(point.cost, 1000),
            yerr=_arms(point.quality, 1),
            color=COLOURS["router"],
            linewidth=1.4,
            capsize=4,
            zorder=4,
        )
    axes.plot(x, y, linestyle="none", zorder=5, **style)


def _cross(point: Point) -> list[Any]:
    """The two lines of a point's intervals, for the labels to avoid."""
    cost, quality_ = point.cost, point.quality
    across = [[1000 * cost.low, quality_.mean], [1000 * cost.high, quality_.mean]]
    up = [[1000 * cost.mean, quality_.low], [1000 * cost.mean, quality_.high]]
    return [np.array(across), np.array(up)]


def _arms(metric: Measure, scale: float) -> Any:
    """The two arms of an interval's cross, as matplotlib wants them."""
    below, above = metric.mean - metric.low, metric.high - metric.mean
    return scale * np.maximum([[below], [above]], 0.0)


def _shown(study: Study) -> list[Point]:
    """The points to draw: not mixing where it is no different from the router."""
    router = study.points[0]
    return [p for p in study.points if p.kind != "mixing" or not _same(p, router)]


def _same(one: Point, other: Point) -> bool:
    return (
        abs(one.quality.mean - other.quality.mean) < SAME
        and abs(one.cost.mean - other.cost.mean) <= SAME * other.cost.mean
    )


def _names(study: Study, narrow: bool) -> list[str]:
    """What each point is called in the picture: models are numbered if there are many.

    A router that asks one model only shares the label of that model, which then has none.
    """
    router, models = study.points[0], study.of("model")
    many = len(models) > MOST_NAMES[narrow]
    names = {m.name: str(n) if many else m.name for n, m in enumerate(models, start=1)}
    alike = next((m.name for m in models if _same(m, router)), None)
    short = len(study.setting) <= LONGEST_SETTING and not narrow
    own = {"router": f"router, {study.setting}" if short else "router", "mixing": "mixing"}
    if alike is not None:
        own["router"] = f"router: always {names[alike]}"
        names[alike] = ""
    return [
        own.get(p.kind) or (names[p.name] if p.kind == "model" else p.name) for p in study.points
    ]


def _label(point: Point, name: str, narrow: bool) -> Label:
    colours = {"router": "router", "model": "ink", "mixing": "muted", "oracle": "oracle"}
    style = {
        "fontsize": 8 if narrow else 9,
        "color": COLOURS[colours[point.kind]],
        "fontweight": "bold" if point.kind == "router" else "normal",
        "arrow": {"color": COLOURS["muted"]},
    }
    text = shortened(name, 24 if narrow else 44)
    return Label(text, 1000 * point.cost.mean, point.quality.mean, style)


def cost_quality_alt(study: Study) -> str:
    """What the picture says, in words."""
    said = "; ".join(
        f"{point.name}: {dollars(point.cost.mean)}, {quality(point.quality.mean)}"
        for point in study.points
    )
    return (
        "Mean quality against US dollars for 1,000 requests, for the router, each model alone, "
        f"random mixing and the oracle. {said}."
    )
