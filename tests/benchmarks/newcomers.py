"""How soon a model that comes mid-stream is used as if it had been there all along.

    python tests/benchmarks/newcomers.py [--seeds 5] [--picture FILE]

Two streams of the same requests over the table of tests/benchmarks/both_halves.py: in one the model
`numbers` goes after 120 s and `words`, of which nothing is known, comes after 240 s; in the other
the router was fitted with the models that are there in the end, and nothing changes. What is shown
is how much more regret the first has, in points of quality, as time goes on. The last row is that
of `joint` where it was fitted with `words` but on no verdict about it: a model that came later is
never verified, so this is where `joint` can come back to.
"""

import argparse
import sys

import numpy as np

from automix_core import Preference, Router
from automix_core.evaluate.stream import Change, Feedback, Speed, Stream, simulate
from tests.benchmarks.both_halves import ARMS, table

SPECS = ("mixllm", "metallm", "joint")
MUTE = "joint, no verdicts on words"
GOES, COMES = 120.0, 240.0
SPEEDS = {arm: Speed(parallel=64) for arm in ARMS}
WEIGHT = 0.3
WINDOW = 6
CHANGES = (Change("numbers", GOES, comes=False), Change("words", COMES, comes=True))


def regret(outcomes, specs, seed, changes=()):
    """Regret by period, (routers, periods)."""
    stream = Stream(train_share=0.2, seed=seed, feedback=Feedback("refined"), changes=changes)
    routers = [(spec, Router.from_spec(spec)) for spec in specs]
    speeds = {arm: SPEEDS[arm] for arm in outcomes.arms}
    found = simulate(outcomes, routers, stream=stream, speeds=speeds, preference=Preference(WEIGHT))
    return np.array([found[spec].curves.regret for spec in specs])


def missed(specs, seeds):
    """Regret above that of a router that had the right models from the start, by period.

    The specs end with `joint`; a last row, NaN until `words` comes, is that of `MUTE`.
    """
    total, end = 0.0, ("small", "words", "large")
    for seed in range(seeds):
        outcomes = table(6000, seed)
        changing = regret(outcomes, specs, seed, CHANGES)
        mute = regret(table(6000, seed, mute=("words",)).only(end), ("joint",), seed)
        first, then, last = (
            regret(outcomes.only(arms), specs, seed)
            for arms in (
                ("small", "numbers", "large"),
                ("small", "large"),
                end,
            )
        )
        period = np.arange(changing.shape[1]) * 10.0
        known = np.where(period < GOES, first, np.where(period < COMES, then, last))
        mute = np.where(period < COMES, np.nan, mute - last[-1:])
        total = total + np.vstack([changing - known, mute])
    return period, total / seeds


def smooth(values):
    """Means over the last periods."""
    return np.array([values[max(0, i + 1 - WINDOW) : i + 1].mean() for i in range(len(values))])


def draw(path, period, found, specs):
    """A picture of it, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for spec, values in zip(specs, found, strict=True):
        style = {"color": "#94a3b8", "linestyle": "--"} if spec == MUTE else {"linewidth": 2}
        axes.plot(period, smooth(values), label=spec, **style)
    for when, what in ((GOES, "numbers goes"), (COMES, "words comes, unknown")):
        axes.axvline(when, color="#475569", linestyle=":")
        axes.annotate(what, (when + 4, axes.get_ylim()[1]), va="top", fontsize=9)
    axes.axhline(0, color="#94a3b8", linewidth=1)
    axes.set_xlabel(f"seconds from the start; means of the last {WINDOW} periods")
    axes.set_ylabel("regret above a router that knew the models")
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--picture")
    given = parser.parse_args()
    period, found = missed(SPECS, given.seeds)
    spans = ((0, GOES), (GOES, COMES), (COMES, 280), (280, 340), (340, 400), (400, 480))
    head = [f"{start:g} to {end:g} s" for start, end in spans]
    lines = [f"| router | {' | '.join(head)} |", "|---" * (len(spans) + 1) + "|"]
    for spec, values in zip((*SPECS, MUTE), found, strict=True):
        means = [values[(period >= start) & (period < end)].mean() for start, end in spans]
        cells = ["-" if np.isnan(mean) else f"{mean:+.3f}" for mean in means]
        lines.append(f"| {spec} | {' | '.join(cells)} |")
    sys.stdout.write("\n".join(lines) + "\n")
    if given.picture:
        draw(given.picture, period, found, (*SPECS, MUTE))


if __name__ == "__main__":
    main()
