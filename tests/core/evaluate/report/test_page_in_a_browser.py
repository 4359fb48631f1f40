"""The page as a reader sees it: in Chromium, by day, by night, on a phone and on paper."""

from dataclasses import replace

import pytest

from automix_core.evaluate.report.page import page
from tests.browser import chromium, visit
from tests.core.evaluate.report.studies import NO_GAIN, STUDY, hostile

pytest.importorskip("matplotlib", reason="needs the extra `plot`")

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 800}
LONG = "a-provider-with-a-long-name/and-a-model-with-a-longer-one-2026-11-22-preview"
STUDIES = {
    "gain": STUDY,
    "no gain": NO_GAIN,
    "hostile": hostile(),
    "long names": replace(
        STUDY,
        points=tuple(replace(p, name=f"{LONG}-{i}") for i, p in enumerate(STUDY.points)),
        regrets=tuple(replace(r, question="Why? " * 90, best_arm=LONG) for r in STUDY.regrets),
        shares=tuple(replace(s, arm=f"{LONG}-{i}") for i, s in enumerate(STUDY.shares)),
    ),
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module", params=STUDIES)
def report(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(STUDIES[request.param]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(STUDY), encoding="utf-8")
    return path


PICTURES = """() => [...document.querySelectorAll('figure')].map(figure =>
    [...figure.querySelectorAll('svg')].map(svg => {
        const box = svg.getBoundingClientRect();
        return {width: box.width, height: box.height, texts: svg.querySelectorAll('text').length,
                paths: svg.querySelectorAll('path').length};
    }).filter(picture => picture.width > 0))"""

CLIPPED = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return frame.width && (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
    }).map(text => text.textContent);
})"""

SMALL_PRINT = """() => Math.min(...[...document.querySelectorAll('svg text')]
    .filter(text => text.getBoundingClientRect().width)
    .map(text => text.getBoundingClientRect().height))"""


def style(seen, selector, what):
    script = "([s, w]) => getComputedStyle(document.querySelector(s))[w]"
    return seen.page.evaluate(script, [selector, what])


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_it_complains_of_nothing_and_asks_for_nothing(browser, report, size):
    with visit(browser, report, **size) as seen:
        assert seen.complaints == []
        assert seen.requests == [report.as_uri()]


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_every_picture_is_there_once_and_whole(browser, report, size):
    with visit(browser, report, **size) as seen:
        pictures = seen.page.evaluate(PICTURES)
        assert len(pictures) == 4
        for shown in pictures:
            assert len(shown) == 1
            assert shown[0]["width"] >= 280
            assert shown[0]["height"] >= 100
            assert shown[0]["texts"] >= 5
            assert shown[0]["paths"] >= 5
        assert seen.page.evaluate(CLIPPED) == []
        assert seen.page.evaluate(SMALL_PRINT) >= 11


def test_the_page_does_not_scroll_sideways_on_a_phone(browser, report):
    with visit(browser, report, **PHONE) as seen:
        seen.page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        width, across = seen.page.evaluate(
            "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
        )
        assert width <= 360
        assert across <= 360


def test_nothing_hostile_is_run_and_all_of_it_is_shown(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page(hostile()), encoding="utf-8")
    with visit(browser, path) as seen:
        assert seen.page.locator("script, img").count() == 0
        assert "<script>alert('x')</script>" in seen.page.inner_text("h1")
        assert seen.complaints == []


def test_it_is_dark_at_night_and_light_by_day(browser, plain):
    paper, ink, drawn = {}, {}, {}
    for scheme in ("light", "dark"):
        with visit(browser, plain, scheme=scheme) as seen:
            paper[scheme] = style(seen, "body", "backgroundColor")
            ink[scheme] = style(seen, "body", "color")
            drawn[scheme] = style(seen, "svg path", "fill")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}
    assert ink["light"] == "rgb(27, 31, 36)"
    assert ink["dark"] == "rgb(232, 235, 239)"
    assert drawn == paper


def test_it_prints_dark_on_white_with_every_number_unfolded(browser, plain):
    with visit(browser, plain, width=720, scheme="dark") as seen:
        folded = seen.page.locator("details td").first
        assert not folded.is_visible()
        seen.page.emulate_media(media="print", color_scheme="dark")
        assert style(seen, "body", "backgroundColor") == "rgb(255, 255, 255)"
        assert folded.bounding_box()["height"] > 10


def test_nothing_is_cut_off_on_paper(browser, report):
    with visit(browser, report, width=680) as seen:
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= 680


def test_tables_become_cards_that_name_every_value_on_a_phone(browser, plain):
    with visit(browser, plain, **PHONE) as seen:
        assert style(seen, "table.stacked thead", "display") == "none"
        before = "getComputedStyle(document.querySelector('table.stacked td'), '::before').content"
        assert seen.page.evaluate(before) == '"quality"'
