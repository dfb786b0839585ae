"""Accounts of the proxy on its clusters: from the configuration and the environment; shown by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqlproxy.config import Config, ConfigError, load_config

SECRET = "correct horse: battery 'staple'"
BOTH = """
primary: {contact_points: [db1]%s}
shadow: {contact_points: [db2]%s}
mode: dual_write_async
"""


def load(folder: Path, of_primary: str = "", of_shadow: str = "") -> Config:
    path = folder / "proxy.yaml"
    path.write_text(BOTH % (of_primary and f", {of_primary}", of_shadow and f", {of_shadow}"))
    return load_config(path)


def problems(folder: Path, of_primary: str = "", of_shadow: str = "") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(folder, of_primary, of_shadow)
    return raised.value.problems


def test_an_account_with_a_password(tmp_path: Path) -> None:
    config = load(tmp_path, f'username: app, password: "{SECRET}"')
    assert config.primary.username == "app"
    assert config.primary.password is not None
    assert config.primary.password.get_secret_value() == SECRET
    assert config.shadow is not None
    assert (config.shadow.username, config.shadow.password, config.shadow.auth) == (None, None, None)


def test_a_password_file_is_beside_the_configuration(tmp_path: Path) -> None:
    config = load(tmp_path, "username: app, password_file: secret", "auth: client")
    assert config.primary.password_file == tmp_path / "secret"
    assert config.shadow is not None
    assert config.shadow.auth == "client"


def test_a_password_is_shown_by_nothing(tmp_path: Path) -> None:
    config = load(tmp_path, f'username: app, password: "{SECRET}"')
    assert SECRET not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"


@pytest.mark.parametrize(
    "wrong",
    [
        f'username: app, pasword: "{SECRET}"',
        f'username: app, password: ["{SECRET}"]',
        f'username: ["{SECRET}"], password: x',
        f'username: app, password: "{SECRET}", port: none',
        f'username: app, password: {{a: "{SECRET}"}}',
        f'password: "{SECRET}"',
        f'username: app, password: "{SECRET}", password_file: x',
        f'username: app, password: "{SECRET}\\0"',
    ],
)
def test_no_problem_shows_a_password(tmp_path: Path, wrong: str) -> None:
    assert SECRET not in "\n".join(problems(tmp_path, wrong))


@pytest.mark.parametrize(
    ("of_primary", "of_shadow", "lines"),
    [
        ("username: app", "", ["primary.password_file: is required with username (or else password)"]),
        ("", "password: x", ["shadow.username: is required with a password"]),
        ("", "password_file: x", ["shadow.username: is required with a password"]),
        (
            "username: app, password: x, password_file: y",
            "",
            ["primary.password_file: there is a primary.password as well: give one of them"],
        ),
        (
            "username: app, password: 123",
            "",
            ["primary.password: must be text, in quotes if it looks like a number"],
        ),
        ("username: app, password: ''", "", ["primary.password: must not be empty, nor have a NUL in it"]),
        ("username: ' '", "", ["primary.username: must be the name of an account, not ' '"]),
        ("", "auth: both", ["shadow.auth: must be one of service, client, not 'both'"]),
        (
            "auth: service",
            "",
            [
                "primary.auth: service would let every client in with the rights of the proxy:"
                " on the primary, clients have their own"
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_account(
    tmp_path: Path, of_primary: str, of_shadow: str, lines: list[str]
) -> None:
    assert problems(tmp_path, of_primary, of_shadow) == lines


def test_the_environment_counts_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQLPROXY_PRIMARY_USERNAME", "other")
    monkeypatch.setenv("CQLPROXY_PRIMARY_PASSWORD", SECRET)
    monkeypatch.setenv("CQLPROXY_SHADOW_PASSWORD_FILE", "/run/secrets/shadow")
    config = load(tmp_path, "username: app, password_file: secret", "username: copies, password: x")
    assert (config.primary.username, config.primary.password_file) == ("other", None)
    assert config.primary.password is not None
    assert config.primary.password.get_secret_value() == SECRET
    assert config.shadow is not None
    assert (config.shadow.username, config.shadow.password) == ("copies", None)
    assert config.shadow.password_file == Path("/run/secrets/shadow")


def test_an_account_of_a_cluster_that_is_not_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQLPROXY_SHADOW_USERNAME", "copies")
    path = tmp_path / "proxy.yaml"
    path.write_text("{primary: {contact_points: [db1]}, mode: primary_only}")
    assert load_config(path).shadow is None
