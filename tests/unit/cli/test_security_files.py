"""What `serve` and `check-config` say of the certificates and tokens that a configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cqlproxy.cli import main
from tests.nodes.certificates import DAY, Authority


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("authority", tmp_path)


def write(folder: Path, text: str) -> Path:
    path = folder / "proxy.yaml"
    path.write_text("primary: {contact_points: [db1], tls: {}}\nmode: primary_only\n" + text)
    return path


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_every_problem_of_every_file_is_exit_2(command: str, tmp_path: Path, authority: Authority) -> None:
    authority.issue("proxy")
    authority.issue("locked", password="secret")
    (tmp_path / "token").write_text("short")
    path = write(
        tmp_path,
        """
listen: {tls: {cert_file: proxy.crt, key_file: none.key}}
admin: {token_file: token, tls: {cert_file: locked.crt, key_file: locked.key}}
""",
    )
    result = run(command, "-c", path)
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert lines[0] == f"{path}: listen.tls.key_file: there is no file {tmp_path / 'none.key'}"
    assert lines[1].startswith(f"{path}: admin.tls.key_file: {tmp_path / 'locked.key'} is encrypted")
    assert lines[2].startswith(f"{path}: admin.token_file: the token in {tmp_path / 'token'} must be 16 to")
    assert len(lines) == 3
    assert "short" not in result.stderr


def test_what_is_right_is_shown_without_secrets_and_what_ends_soon_is_warned_of(
    tmp_path: Path, authority: Authority
) -> None:
    authority.issue("proxy", valid_for=3 * DAY)
    authority.issue("old", valid_for=-DAY)
    (tmp_path / "token").write_text("0123456789abcdef\n")
    path = write(
        tmp_path,
        """
listen: {tls: {cert_file: proxy.crt, key_file: proxy.key, client_ca_file: authority.crt}}
admin: {host: 0.0.0.0, token_file: token, tls: {cert_file: old.crt, key_file: old.key}}
""",
    )
    result = run("check-config", "-c", path)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"{path}: warning: listen.tls.cert_file: expires in 3 days",
        f"{path}: warning: admin.tls.cert_file: expired",
    ]
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert f"TLS with {tmp_path / 'proxy.crt'}; clients must show a certificate" in lines
    assert "primary   db1:9042, datacenter of the first that answers, by TLS" in lines
    assert "admin     https://0.0.0.0:8080, with a token" in lines
    assert "0123456789abcdef" not in result.output
