"""Reading a models file: every shape that is accepted, and what is said of the others."""

import pytest

from automix_core.arms import Described
from automix_core.capabilities import Capabilities
from automix_core.collect import arm_of, read_models
from automix_core.errors import ConfigurationError
from automix_core.flow import Usage

TOML = """
[models.small]
model = "openai:gpt-4o-mini"
price = [0.15, 0.6]
options = {temperature = 0, max_tokens = 64}

[models.large]
model = "big"
base_url = "http://localhost:8000/v1"
api_key_env = "BIG_KEY"
price = {input = 1.0, output = 2.0, cached_input = 0.5}
capabilities = {samples = false, context_window = 4096}
requests_per_minute = 30
"""
YAML = """
models:
  - name: small
    model: "openai:gpt-4o-mini"
    price: [0.15, 0.6]
    options: {temperature: 0, max_tokens: 64}
  - name: large
    model: big
    base_url: http://localhost:8000/v1
    api_key_env: BIG_KEY
    price: {input: 1.0, output: 2.0, cached_input: 0.5}
    capabilities: {samples: false, context_window: 4096}
    requests_per_minute: 30
"""


def written(tmp_path, text, name="m.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_toml_and_yaml_say_the_same(tmp_path):
    specs = read_models(written(tmp_path, TOML))
    pytest.importorskip("yaml", reason="needs the extra `cli`")
    assert read_models(written(tmp_path, YAML, "m.yaml")) == specs
    small, large = specs
    assert small.price.cost(Usage(1_000_000, 0)) == 0.15
    assert large.price.cost(Usage(1_000_000, 0, cached_tokens=1_000_000)) == 0.5
    assert (small.base_url, small.options) == ("", {"temperature": 0, "max_tokens": 64})
    assert large.requests_per_minute == 30


def test_what_the_file_says_wins_over_what_is_read_off(tmp_path):
    _, large = read_models(written(tmp_path, TOML))
    can = Capabilities(logprobs=True, samples=True, context_window=99)
    arm = arm_of(large, "the model", Described("big", None, can))
    assert (arm.name, arm.model) == ("large", "the model")
    assert arm.can == Capabilities(logprobs=True, samples=False, context_window=4096)


def test_prices_are_no_part_of_what_a_model_is(tmp_path):
    small, _ = read_models(written(tmp_path, TOML))
    dearer, _ = read_models(written(tmp_path, TOML.replace("0.15", "0.3")))
    warmer, _ = read_models(written(tmp_path, TOML.replace("temperature = 0", "temperature = 1")))
    assert dearer.definition == small.definition != warmer.definition


def test_keys_are_read_from_the_environment_alone(tmp_path, monkeypatch):
    small, large = read_models(written(tmp_path, TOML))
    assert small.api_key is None
    monkeypatch.delenv("BIG_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="large: the environment variable BIG_KEY is not"):
        _ = large.api_key
    monkeypatch.setenv("BIG_KEY", "sk-1")
    assert large.api_key == "sk-1"
    assert "sk-1" not in repr(large)


@pytest.mark.parametrize(
    "secret",
    [
        'api_key = "sk-1"',
        'options = {api_key = "sk-1"}',
        'options = {openai_api_key = "sk-1"}',
        'options = {default_headers = {Authorization = "Bearer sk-1"}}',
        'options = {token = "sk-1"}',
        'options = {password = "sk-1"}',
    ],
)
def test_secrets_in_the_file_are_refused_and_not_repeated(tmp_path, secret):
    text = f'[models.a]\nmodel = "a"\n{secret}\n'
    with pytest.raises(ConfigurationError, match="does not belong in the file") as error:
        read_models(written(tmp_path, text))
    assert "sk-1" not in str(error.value)
    assert "api_key_env" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold `models`"),
        ("models = []", "must hold `models`"),
        ("models = 3", "must hold `models`"),
        ("models = [3]", "must be a table of settings"),
        ("[models.a]\nmodel = 3", r"models\[0\] \(a\), model: must be text"),
        ("[models.a]\nprice = [1, 2]", "model: must be text, and is missing"),
        ('[[models]]\nmodel = "x"', r"models\[0\], name: must be text, and is missing"),
        ('[models.a]\nmodel = "x"\nprise = 1', "no setting 'prise'. What exists: name, model"),
        ('[models.a]\nmodel = "x"\nprice = [1]', "price: must be"),
        ('[models.a]\nmodel = "x"\nprice = [1, -2]', "price: must be"),
        ('[models.a]\nmodel = "x"\nprice = {input = 1}', "price: must be"),
        ('[models.a]\nmodel = "x"\nrelative_cost = 0', "relative_cost: must be a number above 0"),
        ('[models.a]\nmodel = "x"\nrelative_cost = nan', "relative_cost: must be a number above 0"),
        ('[models.a]\nmodel = "x"\nprice = [1, 2]\nrelative_cost = 1', "not both"),
        ('[models.a]\nmodel = "x"\noptions = 3', "options: must be a table"),
        ('[models.a]\nmodel = "x"\ncapabilities = {fly = true}', "capabilities.fly: must be"),
        ('[models.a]\nmodel = "x"\ncapabilities = {logprobs = 3}', "capabilities.logprobs: must"),
        ('[models.a]\nmodel = "x"\nrequests_per_minute = -1', "requests_per_minute: must be"),
        ('[[models]]\nname = "a"\nmodel = "x"\n' * 2, "both named 'a'"),
        ("models = [", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_plainly(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        read_models(written(tmp_path, text))


def test_broken_yaml_and_missing_files(tmp_path):
    pytest.importorskip("yaml", reason="needs the extra `cli`")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_models(written(tmp_path, "models: [", "m.yaml"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_models(tmp_path / "nowhere.toml")
