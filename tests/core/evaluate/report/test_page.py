"""The page of a report: complete, escaped, the same every time, and in need of nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from automix_core.evaluate.report.canvas import COLOURS
from automix_core.evaluate.report.page import page
from tests.core.evaluate.report.studies import NO_GAIN, STUDY, hostile

pytest.importorskip("matplotlib", reason="needs the extra `plot`")

VOID = {"meta", "link"}


class Reader(HTMLParser):
    """Reads elements, attributes and text, and notices what is opened and never closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def shown():
    return page(STUDY)


def css():
    return files("automix_core.evaluate.report").joinpath("page.css").read_text(encoding="utf-8")


def test_the_page_is_the_same_every_time(shown):
    assert page(STUDY) == shown


def test_every_element_is_closed(shown):
    assert not Reader(shown).open


def test_it_is_complete_in_the_order_of_a_busy_reader(shown):
    text = Reader(shown).text
    parts = [
        STUDY.verdict,
        STUDY.reasons[0],
        "Cost and quality",
        "oracle",
        "Can its confidence be trusted?",
        "Answers and spend by model",
        "What the router does",
        STUDY.rule[1],
        "Where routing hurt most",
        "How this was measured",
        STUDY.method[0][1],
    ]
    places = [text.rindex(part) for part in parts]
    assert places == sorted(places)


def test_numbers_come_with_intervals_and_units_for_a_thousand_requests(shown):
    text = Reader(shown).text
    assert "0.716[0.682, 0.750]" in text
    assert "$0.0261[0.0247, 0.0275]" in text
    assert "9.2 s[8.4, 10.0]" in text


def test_every_picture_says_what_it_shows_and_has_its_numbers_in_a_table(shown):
    pictures = [given for name, given in Reader(shown).elements if name == "svg"]
    assert len(pictures) == 2 * (2 + len(STUDY.beliefs))
    assert all(len(given["aria-label"]) > 60 and given["role"] == "img" for given in pictures)
    text = Reader(shown).text
    assert text.count("in numbers") == len(pictures) // 2
    for point in STUDY.curve:
        assert f"{point.cost_weight:.3g}{point.quality.mean:.3f}" in text


def test_nothing_that_strangers_wrote_becomes_markup():
    wanted = hostile()
    reader = Reader(page(wanted))
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "img", "iframe", "object", "form", "base"}
    handlers = [key for _, given in reader.elements for key in given if key.startswith("on")]
    assert not handlers
    assert reader.text.count("<script>alert('x')</script>") > 10
    assert not reader.open


def test_it_refers_to_nothing_outside_itself(shown):
    for name, given in Reader(shown).elements:
        for key, value in given.items():
            if key in {"src", "href", "xlink:href", "action", "data"}:
                assert value.startswith(("#", "data:")), (name, key, value)
    assert "@import" not in shown
    assert not [url for url in re.findall(r"url\(([^)]*)", shown) if not url.startswith("#")]
    assert "default-src 'none'" in shown


def test_ids_are_unique_and_references_lead_somewhere(shown):
    ids = re.findall(r' id="([^"]*)"', shown)
    assert len(ids) == len(set(ids))
    wanted = re.findall(r"url\(#([^)]*)\)", shown) + re.findall(r'href="#([^"]*)"', shown)
    assert wanted
    assert set(wanted) <= set(ids)


def test_pictures_take_every_colour_from_the_style_sheet(shown):
    body = shown[shown.index("<body>") :]
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", body)
    used = set(re.findall(r"var\(--([a-z]+)\)", body))
    assert used == set(COLOURS)


def test_the_style_sheet_knows_every_colour_by_day_and_by_night():
    schemes = re.findall(r":root \{(.*?)\}", css(), re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", s)) for s in schemes)
    assert {role: light[role] for role in COLOURS} == COLOURS
    assert set(dark) == set(light)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_paper(scheme):
    found = re.findall(r":root \{(.*?)\}", css(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", found))
    for role in ("ink", "muted", "router", "oracle", "checks"):
        assert contrast(colours[role], colours["paper"]) >= 4.5, role
    assert contrast(colours["muted"], colours["quiet"]) >= 4.5


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    lights = sorted((light(one), light(other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def light(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_gain_and_warnings_are_said_first():
    reader = Reader(page(NO_GAIN))
    assert ("header", {"class": "no-gain"}) in reader.elements
    text = reader.text
    assert text.index("NO SIGNIFICANT GAIN: use") < text.index("Cost and quality")
    assert text.index(NO_GAIN.remarks[0]) < text.index("Cost and quality")


def test_a_router_that_erred_nowhere_and_believed_nothing_has_a_page():
    text = Reader(page(replace(STUDY, regrets=(), beliefs=(), curve=()))).text
    assert "No answer was worse than the best of the models" in text
    assert "Can its confidence be trusted?" not in text


def test_a_question_is_shown_beside_its_id_and_cut_if_it_is_long():
    long = replace(STUDY.regrets[0], question="Why? " * 200)
    text = Reader(page(replace(STUDY, regrets=(long,)))).text
    assert "Why? Why?" in text
    assert "…" + long.id in text
    assert text.count("Why?") < 70


def test_no_line_ends_between_a_number_and_its_percent_sign(shown):
    assert "41\N{NO-BREAK SPACE}%" in shown
    assert "95\N{NO-BREAK SPACE}% intervals" in shown


def test_unknown_latency_is_said_to_be_unknown():
    points = tuple(replace(point, latency=None) for point in STUDY.points)
    text = Reader(page(replace(STUDY, points=points))).text
    assert text.count("unknown") == len(points)
