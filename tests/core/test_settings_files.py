"""Settings that users write by hand."""

import pytest

from automix_core import ConfigurationError
from automix_core.settings_files import read_settings


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.toml", "[a]\nb = 1\n"), ("s.JSON", '{"a": {"b": 1}}'), ("s.yaml", "a:\n  b: 1\n")],
)
def test_the_ending_says_how_to_read_a_file(name, text, tmp_path):
    if name.endswith("yaml"):
        pytest.importorskip("yaml", reason="needs the extra `cli`")
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_settings(tmp_path / name) == {"a": {"b": 1}}


@pytest.mark.parametrize("name", ["s.toml", "s.json", "s.yaml"])
def test_what_cannot_be_read_is_named(name, tmp_path):
    file = tmp_path / name
    with pytest.raises(ConfigurationError, match=name):
        read_settings(file)
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=name):
        read_settings(file)
