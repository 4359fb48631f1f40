"""The report as files: one page, and a PNG of each picture."""

from html import unescape
from pathlib import Path

import pytest

from automix_core import Preference
from automix_core.errors import ConfigurationError
from automix_core.evaluate.report.files import write_pictures, write_report
from automix_core.outcomes import Outcomes
from tests.core.evaluate.report.studies import STUDY

pytest.importorskip("matplotlib", reason="needs the extra `plot`")

TABLE = Path(__file__).parents[3] / "data" / "xquad_local_models_numeric.jsonl"


def test_the_report_of_real_outcomes(tmp_path):
    target = tmp_path / "report.html"
    preference = Preference(0.2)
    found = write_report(Outcomes.read(TABLE), target, router="cascade", preference=preference)
    assert found.path == target
    text = unescape(target.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    assert found.study.verdict in text
    assert "cost weight 0.2" in text
    for name in ("smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"):
        assert text.count(name) > 3
    assert "<script" not in text


def test_the_same_outcomes_give_the_same_file(tmp_path):
    outcomes = Outcomes.read(TABLE)
    for name in ("a.html", "b.html"):
        write_report(outcomes, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_pictures_are_png_files_named_after_what_they_show(tmp_path):
    files = write_pictures(STUDY, tmp_path / "new" / "folder")
    assert [file.name for file in files] == [
        "cost-quality.png",
        "calibration-1.png",
        "calibration-2.png",
        "shares.png",
    ]
    for file in files:
        content = file.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) > 10_000


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"Cannot write .*file"):
        write_pictures(STUDY, tmp_path / "file" / "inside")
    with pytest.raises(ConfigurationError, match=r"Cannot write .*missing"):
        write_report(Outcomes.read(TABLE), tmp_path / "missing" / "report.html")
