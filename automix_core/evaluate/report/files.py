"""The report of one router: a page for people, and its pictures as files.

`write_report` measures a router on a table of outcomes and writes one self-contained HTML file;
`write_pictures` writes the same pictures as PNG. Both need the extra `plot`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from automix_core.errors import ConfigurationError
from automix_core.evaluate.report.measuring import study_of
from automix_core.evaluate.report.page import page
from automix_core.evaluate.report.plots import pictures
from automix_core.evaluate.report.study import Study
from automix_core.evaluate.report.svg import write_png
from automix_core.outcomes import Outcomes
from automix_core.request import Preference
from automix_core.router import Router

__all__ = ["Report", "write_pictures", "write_report"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    Attributes:
        path: The page.
        study: Everything the page says, as numbers and words.
    """

    path: Path
    study: Study


def write_report(
    outcomes: Outcomes,
    path: str | Path,
    *,
    router: Router | str = "cascade",
    preference: Preference | None = None,
    train_share: float = 0.5,
    seed: int = 0,
) -> Report:
    """Measure a router and write the page about it.

    Args:
        outcomes: What every arm answered, and how good that was.
        path: The HTML file; its folder must exist.
        router: As for `study_of`: one that is not fitted is fitted on part of the rows and judged
            on the rest, one that is fitted is judged on all of them.
        preference: The trade-off it is judged at; the default one where left out.
        train_share: About which share of the rows is for fitting.
        seed: Of the split, the fit and the resamples.

    Raises:
        OutcomesError: Too few rows or arms, or no two groups of held-out rows hold every arm.
        ConfigurationError: The table lacks the verifier's signal, the preference cannot be met,
            the file cannot be written, or matplotlib is not installed.
    """
    target = Path(path)
    if not target.parent.is_dir():  # said before the work, not after it
        msg = f"Cannot write {target}: there is no folder {target.parent}."
        raise ConfigurationError(msg)
    made = study_of(outcomes, router, preference=preference, train_share=train_share, seed=seed)
    text = page(made)
    _written(target, lambda: target.write_text(text, encoding="utf-8"))
    return Report(target, made)


def write_pictures(made: Study, folder: str | Path) -> tuple[Path, ...]:
    """Write each picture of a study as a PNG file, named after what it shows.

    Args:
        made: The study, as in `Report.study`.
        folder: Where to; it is made if it does not exist.

    Returns:
        The files, such as `cost-quality.png`.

    Raises:
        ConfigurationError: A file cannot be written, or matplotlib is not installed.
    """
    target = Path(folder)
    shown = [(picture, target / f"{picture.name}.png") for picture in pictures(made)]
    _written(target, lambda: target.mkdir(parents=True, exist_ok=True))
    for picture, file in shown:
        _written(file, partial(write_png, picture.draw(False), file))
    return tuple(file for _, file in shown)


def _written(target: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        msg = f"Cannot write {target}: {error.strerror or error}."
        raise ConfigurationError(msg) from error
