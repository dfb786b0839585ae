"""The proxy's own account: its password as it is when a connection is made, and shown by nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from cqlproxy.cluster.service_account import (
    MAX_PASSWORD_BYTES,
    PasswordFileError,
    ServiceAccount,
    read_password,
)


def current(account: ServiceAccount) -> str:
    password: str = account.new_authenticator("10.0.0.1").password
    return password


def test_a_password_from_the_configuration() -> None:
    account = ServiceAccount("app", SecretStr("hush"))
    assert account.new_authenticator("10.0.0.1").username == "app"
    assert current(account) == "hush"
    assert "hush" not in repr(account)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"hush", "hush"),
        (b"hush\n", "hush"),
        (b"hush\r\n", "hush"),
        (b" hush \n\n", " hush \n"),
        ("ü\n".encode(), "ü"),
    ],
)
def test_a_password_from_a_file(tmp_path: Path, content: bytes, password: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert read_password(file).get_secret_value() == password


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xffhush", "is not UTF-8 text"),
        (b"x" * (MAX_PASSWORD_BYTES + 1), "is longer than"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, problem: str) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PasswordFileError, match=problem) as raised:
        current(ServiceAccount("app", password_file=file))
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_file_that_is_replaced_counts_from_the_next_connection_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "password"
    file.write_text("first-hush\n")
    account = ServiceAccount("app", password_file=file)
    assert current(account) == "first-hush"
    file.write_text("second-hush\n")
    assert current(account) == "second-hush"
    file.unlink()
    with caplog.at_level(logging.WARNING):
        assert current(account) == "second-hush"
    assert "the password of before is used" in caplog.text
    assert "hush" not in caplog.text
