"""The picture of a simulation: quality, satisfaction, regret, cost and waiting over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automix_core.errors import ConfigurationError
from automix_core.evaluate.report.canvas import COLOURS, legend, styled
from automix_core.evaluate.report.svg import write_png
from automix_core.evaluate.report.wording import shortened
from automix_core.evaluate.stream.results import WINDOW, Result
from automix_core.evaluate.stream.simulation import Simulation
from automix_core.evidence import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["drawn", "require", "write"]

ROUTERS = ("#0b62a8", "#c2540a", "#1a7f5a", "#a3267f", "#6b5b00", "#3a3f8f")
"""Colours of the routers in the order given; told apart by the stroke as well."""
STROKES = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1.2, 1.2)), (0, (7, 2, 1, 2)), (0, (2, 2)))
WIDTH, PANEL = 7.5, 1.75


@dataclass(frozen=True, slots=True)
class _Panel:
    """One of the panels: what it is called, and a result's line in it."""

    label: str
    line: Callable[[Result], Floats]


def require(path: str | Path) -> None:
    """Check that a picture can be drawn, and written there.

    Raises:
        ConfigurationError: matplotlib is not installed, or there is no such folder.
    """
    target = Path(path)
    if not target.parent.is_dir():
        msg = f"Cannot write {target}: there is no folder {target.parent}."
        raise ConfigurationError(msg)
    try:
        import matplotlib.figure  # noqa: F401 - the earliest moment to say what to do
    except ImportError as error:
        msg = "Pictures need matplotlib: pip install 'automix-routing[plot]'."
        raise ConfigurationError(msg) from error


def write(simulation: Simulation, path: str | Path) -> Path:
    """Draw a simulation and write it as a PNG file.

    Raises:
        ConfigurationError: As `require`, or the file cannot be written.
    """
    require(path)
    target = Path(path)
    try:
        write_png(drawn(simulation), target)
    except OSError as error:
        msg = f"Cannot write {target}: {error.strerror or error}."
        raise ConfigurationError(msg) from error
    return target


def drawn(simulation: Simulation) -> Figure:
    """The picture: a panel for each curve, over the same time, with every change marked."""
    from matplotlib.figure import Figure

    panels = _panels()
    figure = Figure(
        figsize=(WIDTH, PANEL * len(panels) + 0.9),
        layout="constrained",
        facecolor=COLOURS["paper"],
    )
    rows: Any = figure.subplots(len(panels), 1, sharex=True)
    shown = _shown(simulation)
    for axes, panel in zip(rows, panels, strict=True):
        styled(axes)
        axes.grid(visible=True, color=COLOURS["rule"], linewidth=0.6)
        axes.set_ylabel(panel.label)
        for result, style in shown:
            label = style["label"] if axes is rows[0] else None
            axes.plot(result.curves.time, panel.line(result), **{**style, "label": label})
        _scale(axes, [panel.line(result) for result, _ in shown if not _is_alone(result)])
        _mark(axes, simulation, named=axes is rows[0])
    rows[-1].set_xlabel(
        f"seconds from the start; means of the last {WINDOW} periods, waits as read off"
    )
    rows[0].set_xlim(0, simulation.duration)
    legend(figure, 3)
    return figure


def _panels() -> tuple[_Panel, ...]:
    return (
        _Panel("quality", lambda result: result.curves.moving("quality")),
        _Panel("satisfied users", lambda result: result.curves.moving("satisfied")),
        _Panel("regret", lambda result: result.curves.moving("regret")),
        _Panel("US $ / 1,000", lambda result: 1000 * result.curves.moving("cost")),
        _Panel("longest wait, s", lambda result: result.curves.waiting.max(axis=1)),
    )


def _shown(simulation: Simulation) -> list[tuple[Result, dict[str, Any]]]:
    """The routers, the model alone that does best, and hindsight, each with its style."""
    routers = [result for result in simulation.results if not result.baseline]
    found: list[tuple[Result, dict[str, Any]]] = [
        (
            result,
            {
                "color": ROUTERS[place % len(ROUTERS)],
                "linestyle": STROKES[place % len(STROKES)],
                "linewidth": 1.8,
                "label": shortened(result.router, 30),
                "zorder": 4,
            },
        )
        for place, result in enumerate(routers)
    ]
    alone = [result for result in simulation.results if _is_alone(result)]
    beside = [(max(alone, key=lambda r: r.quality), "muted", "--")] if alone else []
    beside += [(r, "muted", ":") for r in simulation.results if r.baseline and r.router == "random"]
    beside += [
        (r, "oracle", "-") for r in simulation.results if r.baseline and r.router == "oracle"
    ]
    for result, colour, stroke in beside:
        style = {"color": COLOURS[colour], "linestyle": stroke, "linewidth": 1.0}
        found.append((result, {**style, "label": shortened(result.router, 30), "zorder": 3}))
    return found


def _is_alone(result: Result) -> bool:
    """Whether it is a model alone, which under load may leave every scale behind."""
    return result.baseline and result.router.startswith("always:")


def _scale(axes: Axes, lines: list[Floats]) -> None:
    """Let the routers fill the panel; a model alone may leave it."""
    top = max(float(line.max()) for line in lines)
    bottom = min(0.0, *(float(line.min()) for line in lines))
    margin = 0.06 * (top - bottom) or 0.05
    axes.set_ylim(bottom - margin, top + margin)


def _mark(axes: Axes, simulation: Simulation, *, named: bool) -> None:
    """A line where a model comes or goes; above the topmost panel it says which."""
    for place, change in enumerate(sorted(simulation.stream.changes, key=lambda c: c.time)):
        axes.axvline(change.time, color=COLOURS["ink"], linewidth=0.9, linestyle=(0, (2, 2)))
        if named:
            axes.annotate(
                f"{shortened(change.arm, 30)} {'comes' if change.comes else 'goes'}",
                (change.time, 1.0),
                xytext=(0, 3 + 10 * (place % 3)),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="left" if change.time < 0.6 * simulation.duration else "right",
                fontsize=8,
                color=COLOURS["ink"],
                parse_math=False,
            )
