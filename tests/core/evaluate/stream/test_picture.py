"""The picture of a simulation."""

from dataclasses import replace

import numpy as np
import pytest

from automix_core import ConfigurationError, Router
from automix_core.embed import Hashing
from automix_core.evaluate.stream import Change, Stream, picture, simulate
from tests.core.evaluate.stream.tables import table

pytest.importorskip("matplotlib", reason="needs the extra `plot`")


@pytest.fixture(scope="module")
def found():
    routers = [
        ("ridge", Router.preset("ridge", embedder=Hashing(16))),
        (r"any $\frac{1}{", Router.preset("random")),
    ]
    changes = (Change("middle", 50.0, comes=False), Change("large", 30.0, comes=True))
    stream = Stream(requests=10, period=10, train_share=0.3, changes=changes)
    return simulate(table(120), routers, stream=replace(stream, length=85))


def test_every_router_has_a_line_in_every_panel_and_every_change_is_marked(found):
    figure = picture.drawn(found)
    assert len(figure.axes) == 5
    for axes in figure.axes:
        curves = [line for line in axes.lines if len(line.get_xdata()) == 9]
        assert len(curves) == 5  # two routers, the best model alone, random choice, the oracle
        marks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert marks == [30.0, 50.0]
    top = figure.axes[0]
    assert [text.get_text() for text in top.texts] == ["large comes", "middle goes"]
    assert np.allclose(top.lines[0].get_ydata(), found["ridge"].curves.moving("quality"))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["ridge", r"any $\frac{1}{", "always:small", "random", "oracle"]


def test_it_is_written_as_png(found, tmp_path):
    file = picture.write(found, tmp_path / "stream.png")
    assert file.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_said_beforehand(tmp_path, monkeypatch):
    with pytest.raises(ConfigurationError, match="no folder"):
        picture.require(tmp_path / "nowhere" / "stream.png")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'automix-routing\[plot\]'"):
        picture.require(tmp_path / "stream.png")
