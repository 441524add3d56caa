"""Settings: where they come from, what is refused, what is never shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from broker import settings
from broker.errors import StartError

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in settings.Settings.model_fields:
        monkeypatch.delenv(settings.variable(field), raising=False)


def test_defaults_are_those_of_the_documentation() -> None:
    loaded = settings.load()
    assert (loaded.host, loaded.port, loaded.workers, loaded.mongodb_uri) == ("127.0.0.1", 1026, 1, None)
    assert loaded.allowed_networks == ()
    assert loaded.data_dir == Path("~/.local/share/ngsild-broker").expanduser().resolve()


def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_PORT", "9090")
    assert settings.load().port == 9090


def test_a_flag_prevails_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_PORT", "9090")
    assert settings.load(port="9091", host=None).port == 9091


def test_an_empty_variable_or_flag_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_MONGODB_URI", "")
    assert settings.load(port="").port == 1026
    assert settings.load().mongodb_uri is None


def test_networks_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_ALLOWED_NETWORKS", "10.0.0.0/8, ::1/128")
    assert [str(network) for network in settings.load().allowed_networks] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("NGSILD_PROT", "1", "NGSILD_PROT is no setting"),
        ("ngsild_port", "1", "ngsild_port is no setting"),
        ("NGSILD_", "1", "NGSILD_ is no setting"),
        ("NGSILD_PORT", "abc", "NGSILD_PORT: "),
        ("NGSILD_PORT", "0", "NGSILD_PORT: "),
        ("NGSILD_PORT", "65536", "NGSILD_PORT: "),
        ("NGSILD_WORKERS", "0", "NGSILD_WORKERS: "),
        ("NGSILD_LOG_FORMAT", "xml", "NGSILD_LOG_FORMAT: "),
        ("NGSILD_DATABASE", "a/b", "NGSILD_DATABASE: "),
        ("NGSILD_ALLOWED_NETWORKS", "10.0.0.0/40", "NGSILD_ALLOWED_NETWORKS: "),
        ("NGSILD_DATA_DIR", "~nobody-of-that-name/x", "NGSILD_DATA_DIR: "),
        ("NGSILD_TLS_CERT", "/cert.pem", "NGSILD_TLS_KEY go together"),
        ("NGSILD_DEFAULT_LIMIT", "2000", "NGSILD_DEFAULT_LIMIT is larger than NGSILD_MAX_LIMIT"),
        ("NGSILD_MONGODB_URI", "localhost:27017", "NGSILD_MONGODB_URI: "),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StartError) as refused:
        settings.load()
    assert said in refused.value.problem
    assert refused.value.advice


def test_a_misspelt_variable_is_told_its_right_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_WORKER", "2")
    with pytest.raises(StartError, match="NGSILD_WORKERS is one"):
        settings.load()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings.load().port = 1


@pytest.mark.parametrize("field", ["mongodb_uri", "admin_token"])
def test_a_secret_is_never_shown(field: str) -> None:
    loaded = settings.load(**{field: "mongodb://user:hunter2@host/"})
    assert "hunter2" not in f"{loaded!r} {loaded} {loaded.model_dump()} {loaded.model_dump_json()}"


def test_a_refused_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_MONGODB_URI", "user:hunter2@host")
    with pytest.raises(StartError) as refused:
        settings.load()
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_another_process_loads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGSILD_HOST", "::1")
    given = settings.load(
        mongodb_uri="mongodb://user:p%40ss@host/", allowed_networks="10.0.0.0/8,::1/128", request_timeout=2.5
    )
    handed = settings.environment(given)
    for name in [name for name in handed if name.startswith("NGSILD_")]:
        monkeypatch.setenv(name, handed[name])
    assert settings.load() == given


def test_every_setting_says_what_it_means() -> None:
    assert [row.field for row in settings.rows() if not row.description.endswith(".")] == []


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text() == settings.page(), "write it again: python -m broker.settings > docs/settings.md"
