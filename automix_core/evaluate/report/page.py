"""A study as one HTML page that needs nothing beside itself: no network, no script, no other file.

The page comes in the order a busy reader needs: the verdict, the picture behind it, the numbers,
and then how far to trust them. Its content policy forbids scripts and requests altogether.
"""

from __future__ import annotations

from importlib.resources import files

from automix_core._version import __version__
from automix_core.evaluate.report.cost_quality import MOST_NAMES
from automix_core.evaluate.report.html import Html, Number, details, table, tag
from automix_core.evaluate.report.plots import Picture, pictures
from automix_core.evaluate.report.study import Belief, Study
from automix_core.evaluate.report.svg import as_svg
from automix_core.evaluate.report.wording import (
    dollars,
    dollars_with_interval,
    percent,
    quality,
    quality_with_interval,
    seconds_with_interval,
)
from automix_core.metrics.bootstrap import Measure

__all__ = ["page"]

LONGEST_QUESTION = 300

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(study: Study) -> str:
    """The whole page.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    drawn = {picture.name: picture for picture in pictures(study)}
    sections = [
        _verdict(study),
        _cost_quality(study, drawn["cost-quality"]),
        _beliefs(study, drawn),
        _shares(study, drawn["shares"]),
        _rule(study),
        _regrets(study),
        _method(study),
    ]
    style = files("automix_core.evaluate.report").joinpath("page.css").read_text(encoding="utf-8")
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
    )
    title = tag("title", f"{study.router}: automix report")
    footer = tag("footer", f"automix report {__version__}")
    body = tag("main", *sections)
    return (
        f"{head}{title}\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n{footer}\n</body>\n</html>\n"
    )


def _verdict(study: Study) -> Html:
    head = tag(
        "header",
        tag("p", f"{study.router}, {study.setting}", class_="kicker"),
        tag("h1", study.verdict),
        *(tag("p", reason) for reason in study.reasons),
        class_="gain" if study.gain else "no-gain",
    )
    return Html(head + "".join(tag("p", remark, class_="remark") for remark in study.remarks))


def _cost_quality(study: Study, picture: Picture) -> Html:
    caption = (
        "Up and to the left is better. The dashed line is what sending requests to single models "
        "at random reaches for the same money (the open circle: for the router's money); only "
        "what lies above it is a gain. The oracle knows the best answer beforehand. Cross and "
        "band: 95 % intervals."
    )
    points = table(
        "Quality, cost and latency",
        ("", "quality", "cost per 1,000", "latency"),
        (
            (
                name,
                _number(quality_with_interval(point.quality)),
                _number(dollars_with_interval(point.cost)),
                _number(seconds_with_interval(point.latency)),
            )
            for name, point in zip(_numbered(study), study.points, strict=True)
        ),
        marked=0,
        stacked=True,
    )
    curve = table(
        "The router at other cost weights",
        ("cost weight", "quality", "cost per 1,000"),
        (
            (
                Number(f"{point.cost_weight:.3g}"),
                _number(quality_with_interval(point.quality)),
                Number(dollars(point.cost)),
            )
            for point in study.curve
        ),
    )
    folded = details("The curve in numbers", curve)
    return _section(picture.title, _figure(picture, caption), points, folded)


def _numbered(study: Study) -> list[str]:
    """The names of the points, with the numbers that a picture of many models shows."""
    models = study.of("model")
    if len(models) <= min(MOST_NAMES.values()):
        return [point.name for point in study.points]
    numbers = {id(point): f"{number}. " for number, point in enumerate(models, start=1)}
    return [numbers.get(id(point), "") + point.name for point in study.points]


def _beliefs(study: Study, drawn: dict[str, Picture]) -> Html:
    if not study.beliefs:
        return Html("")
    blocks = []
    for number, one in enumerate(study.beliefs, start=1):
        picture = drawn.get(f"calibration-{number}")
        if picture is not None:
            head = tag("h3", one.arm)
            blocks.append(tag("div", head, _figure(picture, _marks(one)), _bins(one)))
    intro = (
        "Points on the dashed line: what was believed is what came. Points above it: the answers "
        "were better than believed. The bars below say how many answers each point stands for."
    )
    left_out = len(study.beliefs) - len(blocks)
    more = [tag("p", f"{left_out} more models are not pictured.")] if left_out else []
    grid = tag("div", *blocks, class_="pair")
    return _section(
        "Can its confidence be trusted?", tag("p", intro, class_="caption"), grid, *more
    )


def _marks(belief: Belief) -> str:
    """The three measures of a belief, for the caption."""
    measures: tuple[tuple[str, Measure | None], ...] = (
        ("AUC", belief.auc),
        ("Brier score", belief.brier),
        ("calibration error (ECE)", belief.ece),
    )
    said = [f"{name} {quality_with_interval(m)}" for name, m in measures if m is not None]
    return f"{'; '.join(said)}. An AUC of 0.5 is a coin toss." if said else ""


def _bins(belief: Belief) -> Html:
    rows = (
        (
            Number(quality(b.believed)),
            _number(quality_with_interval(b.quality)),
            Number(f"{b.count:,}"),
        )
        for b in belief.bins
    )
    what = f"Reliability of {belief.arm}"
    heads = (belief.what, "quality found", "answers")
    return details("The points in numbers", table(what, heads, rows))


def _shares(study: Study, picture: Picture) -> Html:
    rows = (
        (
            share.arm,
            Number(percent(share.answers)),
            Number(percent(share.spend)),
            Number(percent(share.checks)),
        )
        for share in study.shares
    )
    heads = ("", "answers returned", "spent on answers", "spent on verifying")
    folded = details("The bars in numbers", table("Answers and spend by model", heads, rows))
    caption = "Drafts that were not returned are paid for too, so the two shares differ."
    return _section(picture.title, _figure(picture, caption), folded)


def _rule(study: Study) -> Html:
    told = "In the router's own words, from the rows that it was fitted on:"
    lines = tag("ul", *(tag("li", line) for line in study.rule))
    return _section("What the router does", tag("p", told, class_="caption"), lines)


def _regrets(study: Study) -> Html:
    title = "Where routing hurt most"
    if not study.regrets:
        return _section(title, tag("p", "No answer was worse than the best of the models'."))
    rows = (
        (
            _which(regret.id, regret.question),
            regret.arm,
            Number(quality(regret.quality)),
            Number("none" if regret.confidence is None else f"{regret.confidence:.2f}"),
            regret.best_arm,
            Number(quality(regret.best_quality)),
        )
        for regret in study.regrets
    )
    heads = ("question", "answered by", "quality", "confidence", "best was", "quality")
    return _section(title, table(title, heads, rows, stacked=True))


def _method(study: Study) -> Html:
    pairs = (part for head, text in study.method for part in (tag("dt", head), tag("dd", text)))
    return _section("How this was measured", tag("dl", *pairs))


def _section(title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title), *content)


def _figure(picture: Picture, caption: str) -> Html:
    """A picture in both of its sizes; the style sheet shows the one that fits."""
    sizes = []
    for size, narrow in (("wide", False), ("narrow", True)):
        svg = as_svg(picture.draw(narrow), f"{picture.name}-{size}", picture.alt)
        sizes.append(Html(svg.replace("<svg ", f'<svg class="{size}" ', 1)))
    return tag("figure", *sizes, tag("figcaption", caption, class_="caption"), id=picture.name)


def _number(text: str) -> Number:
    """Splits "0.716 [0.682, 0.750]" into the number and its interval; a unit goes to the number."""
    mean, _, rest = text.partition(" [")
    interval, _, unit = rest.partition("]")
    return Number(mean + unit, f"[{interval}]" if interval else "")


def _which(name: str, question: str | None) -> Html:
    """A row by its question, if it is known, and by its id."""
    if not question:
        return tag("span", name, class_="id")
    cut = question if len(question) <= LONGEST_QUESTION else f"{question[:LONGEST_QUESTION]}…"
    return tag("span", tag("span", cut, class_="question"), tag("span", name, class_="id"))
