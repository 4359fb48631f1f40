"""The pictures of a report, drawn from a study by matplotlib.

Every picture comes in two sizes, for a wide page and for a phone. Figures are made without pyplot
and on the Agg canvas, so no window, backend or setting of the caller's is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from automix_core.errors import ConfigurationError
from automix_core.evaluate.labels import Label, place
from automix_core.evaluate.study import Belief, Point, Study
from automix_core.evaluate.wording import dollars, percent, quality, shortened
from automix_core.evidence import Floats
from automix_core.metrics.bootstrap import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "Picture", "pictures"]

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

LOG_RATIO = 20
"""Above this ratio of the dearest to the cheapest arm, the cost axis is logarithmic."""

MOST_BELIEFS = 4

LONGEST_SETTING = 24
SAME = 1e-9

MOST_NAMES = {True: 4, False: 8}
"""With more models than this, on a phone and on a wide page, their labels are numbers."""


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
            _cost_quality_alt(study),
            partial(_cost_quality, study),
        ),
        *reliability,
        Picture(
            "shares",
            "Answers and spend by model",
            _shares_alt(study),
            partial(_shares, study),
        ),
    )


# ------------------------------------------------------------------ cost and quality


def _cost_quality(study: Study, narrow: bool) -> Figure:
    figure, axes = _new(narrow, wide_size=(7.0, 4.5), narrow_size=(3.2, 3.5))
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
    figure.legend(
        loc="outside upper left",
        ncols=1 if narrow else 2,
        frameon=False,
        fontsize=8,
        labelcolor=COLOURS["muted"],
        handlelength=1.8,
        columnspacing=1.2,
    )
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
    mean, low, high = _columns(point.quality for point in study.curve)
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


def _columns(measures: Iterable[Measure]) -> tuple[Floats, Floats, Floats]:
    """Means, lower and upper ends of several intervals."""
    mean, low, high = np.array([(m.mean, m.low, m.high) for m in measures]).reshape(-1, 3).T
    return mean, low, high


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


def _cost_quality_alt(study: Study) -> str:
    said = "; ".join(
        f"{point.name}: {dollars(point.cost.mean)}, {quality(point.quality.mean)}"
        for point in study.points
    )
    return (
        "Mean quality against US dollars for 1,000 requests, for the router, each model alone, "
        f"random mixing and the oracle. {said}."
    )


# ------------------------------------------------------------------ calibration


def _calibration(belief: Belief, narrow: bool) -> Figure:
    figure, axes = _new(narrow, wide_size=(3.4, 3.6), narrow_size=(3.2, 3.2))
    axes.plot([0, 1], [0, 1], "--", color=COLOURS["muted"], linewidth=1.0, zorder=1)
    believed = np.array([b.believed for b in belief.bins])
    mean, low, high = _columns(b.quality for b in belief.bins)
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


# ------------------------------------------------------------------ shares


def _shares(study: Study, narrow: bool) -> Figure:
    count = len(study.shares)
    height = 0.62 * count + 0.5
    figure, axes = _new(narrow, wide_size=(7.0, height), narrow_size=(3.2, height + 0.1 * count))
    answers, spend, checks = np.array([(s.answers, s.spend, s.checks) for s in study.shares]).T
    at = np.arange(count, dtype=float)
    colours = COLOURS
    thick = 0.32
    above, below = at - thick / 2 - 0.02, at + thick / 2 + 0.02
    axes.barh(above, answers, thick, color=colours["ink"], label="answers returned")
    axes.barh(below, spend, thick, color=colours["router"], label="spent on answers")
    if checks.any():
        axes.barh(
            below[checks > 0],
            checks[checks > 0],
            thick,
            left=spend[checks > 0],
            color=colours["paper"],
            edgecolor=colours["checks"],
            hatch="/////",
            linewidth=0.8,
            label="spent on verifying",
        )
    for y, width in [*zip(above, answers, strict=True), *zip(below, spend + checks, strict=True)]:
        axes.text(
            width + 0.012, y, percent(float(width)), va="center", fontsize=8, color=colours["ink"]
        )
    names = [shortened(share.arm, 18 if narrow else 26) for share in study.shares]
    axes.set_yticks(at, names, parse_math=False, color=colours["ink"])
    axes.invert_yaxis()
    axes.set_xlim(0, max(float(answers.max()), float((spend + checks).max())) * 1.16)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    figure.legend(
        loc="outside upper left",
        ncols=2 if narrow else 3,
        frameon=False,
        fontsize=8,
        labelcolor=colours["muted"],
        handlelength=1.3,
        columnspacing=1.2,
    )
    return figure


def _shares_alt(study: Study) -> str:
    said = "; ".join(
        f"{share.arm}: {percent(share.answers)} of the answers, {percent(share.spend)} of the "
        f"money for answers and {percent(share.checks)} for verifying them"
        for share in study.shares
    )
    return f"Share of answers and of spend by model. {said}."


def _new(
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
    axes.set_facecolor(COLOURS["paper"])
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(COLOURS["muted"])
    axes.tick_params(colors=COLOURS["muted"], labelsize=8, length=3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(COLOURS["muted"])
        axis.label.set_fontsize(9)
    axes.set_axisbelow(True)
    return figure, axes
