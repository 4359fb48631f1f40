"""The pictures: drawn for any study, the same every time, and nothing of the caller's changed."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from automix_core.errors import ConfigurationError
from automix_core.evaluate.report.plots import Picture, pictures
from automix_core.evaluate.report.study import Point, Share
from automix_core.evaluate.report.svg import as_svg, write_png
from automix_core.metrics.bootstrap import Measure
from tests.core.evaluate.report.studies import CURVE, STUDY, about, calibration, hostile

pytest.importorskip("matplotlib", reason="needs the extra `plot`")


def drawn(study, narrow=False):
    return {picture.name: picture.draw(narrow) for picture in pictures(study)}


def texts(figure):
    """Every visible text of a figure, with its box in pixels."""
    figure.draw_without_rendering()
    axes = figure.axes[0]
    found = [text for text in axes.texts if text.get_visible()]
    return {text.get_text(): np.asarray(text.get_window_extent().extents) for text in found}


def many_models(count, ratio, rng):
    """A router among several models at random places, the dearest `ratio` times the cheapest."""
    costs = np.geomspace(1e-5, ratio * 1e-5, count)
    quality = np.sort(rng.uniform(0.2, 0.9, count))
    models = tuple(
        Point(f"provider/model-{i}-instruct", "model", about(q, 0.03), about(c, c / 20))
        for i, (c, q) in enumerate(zip(costs, quality, strict=True))
    )
    others = tuple(p for p in STUDY.points if p.kind != "model")
    hull = tuple((p.cost.mean, p.quality.mean) for p in models)
    return replace(STUDY, points=(others[0], *models, *others[1:]), hull=hull)


def test_every_picture_has_a_name_a_title_and_words_for_those_who_cannot_see_it():
    found = pictures(STUDY)
    assert [p.name for p in found] == ["cost-quality", "calibration-1", "calibration-2", "shares"]
    for picture in found:
        assert isinstance(picture, Picture)
        assert picture.title
        assert picture.alt.count(";") >= 2


@pytest.mark.parametrize("narrow", [False, True])
def test_the_same_study_gives_the_same_characters(narrow):
    first, second = (
        {name: as_svg(figure, name, "alt") for name, figure in drawn(STUDY, narrow).items()}
        for _ in range(2)
    )
    assert first == second


def test_the_axes_hold_the_whole_story():
    figure = drawn(STUDY)["cost-quality"]
    axes = figure.axes[0]
    labels = {"router, cost weight 0.1", "mixing", "oracle"}
    labels |= {point.name for point in STUDY.of("model")}
    assert set(texts(figure)) == labels
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    curve = next(xy for label, xy in lines.items() if "other cost weights" in label)
    assert np.allclose(curve, [(1000 * p.cost, p.quality.mean) for p in CURVE])
    mixing = lines["random mixing of single models"]
    assert np.allclose(mixing[[0, -1], 0], [0.0039, 0.0445])
    low, high = axes.get_ylim()
    assert low < 0.23
    assert high > 0.86


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("count", [2, 3, 5, 8])
@pytest.mark.parametrize("ratio", [5, 200])
def test_labels_cover_neither_each_other_nor_the_edge(count, ratio, narrow):
    study = many_models(count, ratio, np.random.default_rng(count))
    figure = drawn(study, narrow)["cost-quality"]
    boxes = list(texts(figure).values())
    assert len(boxes) == count + 3  # the router, mixing and the oracle beside them
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (a, b)
    width, height = figure.get_size_inches() * figure.dpi
    for left, low, right, high in boxes:
        assert left >= 0
        assert low >= 0
        assert right <= width
        assert high <= height


def test_many_models_are_numbered_where_their_names_find_no_room():
    study = many_models(6, 10, np.random.default_rng(0))
    assert {"1", "6"} <= set(texts(drawn(study, narrow=True)["cost-quality"]))
    assert study.of("model")[0].name in texts(drawn(study)["cost-quality"])


def test_a_wide_range_of_prices_gets_a_logarithmic_axis_on_which_mixing_bends():
    study = many_models(3, 200, np.random.default_rng(0))
    axes = drawn(study)["cost-quality"].axes[0]
    assert axes.get_xscale() == "log"
    mixing = next(x for x in axes.lines if "mixing" in str(x.get_label())).get_xydata()
    costs, reached = np.array(study.hull).T
    assert np.allclose(mixing[:, 1], np.interp(mixing[:, 0] / 1000, costs, reached))
    assert len(mixing) > 50
    assert drawn(STUDY)["cost-quality"].axes[0].get_xscale() == "linear"


def test_calibration_shows_each_bin_where_it_lies():
    axes = drawn(STUDY)["calibration-1"].axes[0]
    bins = STUDY.beliefs[0].bins
    points = next(line.get_xydata() for line in axes.lines if len(line.get_xdata()) == len(bins))
    assert np.allclose(points, [(b.believed, b.quality.mean) for b in bins])
    heights = np.array([patch.get_height() for patch in axes.patches])
    assert np.allclose(heights / heights.max(), np.array([b.count for b in bins]) / 48)


def test_no_more_calibrations_are_pictured_than_a_reader_will_look_at():
    many = tuple(calibration(f"model-{i}", 0.6) for i in range(9))
    names = [picture.name for picture in pictures(replace(STUDY, beliefs=many))]
    assert names.count("calibration-4") == 1
    assert "calibration-5" not in names


def test_bars_are_as_long_as_the_shares():
    axes = drawn(STUDY)["shares"].axes[0]
    widths = sorted(patch.get_width() for patch in axes.patches)
    wanted = [s.answers for s in STUDY.shares] + [s.spend for s in STUDY.shares] + [0.06]
    assert np.allclose(widths, sorted(wanted))
    assert [label.get_text() for label in axes.get_yticklabels()] == [s.arm for s in STUDY.shares]
    assert axes.yaxis_inverted()


@pytest.mark.parametrize(
    "study",
    [
        replace(STUDY, curve=CURVE[:1]),
        replace(STUDY, curve=()),
        replace(STUDY, hull=STUDY.hull[-1:]),
        replace(STUDY, shares=(Share("free", 1.0, 0.0, 0.0), Share("dear", 0.0, 0.0, 0.0))),
        replace(
            STUDY,
            points=tuple(replace(p, cost=Measure(0.0, 0.0, 0.0)) for p in STUDY.points),
            hull=((0.0, 0.5),),
            curve=tuple(replace(p, cost=0.0) for p in CURVE),
        ),
        hostile(),
    ],
    ids=["one setting", "no settings", "one model on the hull", "no spend", "all free", "hostile"],
)
@pytest.mark.parametrize("narrow", [False, True])
def test_a_poor_study_is_drawn_as_well(study, narrow, tmp_path):
    for name, figure in drawn(study, narrow).items():
        write_png(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
        assert as_svg(figure, name, "alt").startswith("<svg ")


def test_dollar_signs_in_names_are_no_mathematics():
    study = replace(STUDY, points=tuple(replace(p, name=r"$\frac{1}{") for p in STUDY.points))
    assert r"$\frac{1}{" in as_svg(drawn(study)["cost-quality"], "x", "alt")


def test_the_callers_matplotlib_is_left_alone(tmp_path):
    code = """
import sys, matplotlib
from automix_core.evaluate.report.page import page
from tests.core.evaluate.report.studies import STUDY
before = matplotlib.rcParams.copy()
page(STUDY)
assert matplotlib.rcParams.copy() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'automix-routing\[plot\]'"):
        pictures(STUDY)
