"""The proxy's own account on a cluster: what the driver authenticates with, as it is at that moment."""

from __future__ import annotations

import logging
from pathlib import Path

from cassandra.auth import PlainTextAuthenticator
from pydantic import SecretStr

log = logging.getLogger(__name__)

MAX_PASSWORD_BYTES = 64 * 1024


class PasswordFileError(Exception):
    """The file with a password cannot be used; the message says which and why, and nothing of its content."""


class ServiceAccount:
    """``username`` with ``password``, or with what ``password_file`` holds.

    What the driver calls an ``AuthProvider``. The file is read for each connection, so that one which is
    replaced counts from the next connection on; while it cannot be read, the password of before does.
    """

    def __init__(
        self, username: str, password: SecretStr | None = None, password_file: Path | None = None
    ) -> None:
        self.username = username
        self._password = password
        self._password_file = password_file

    def __repr__(self) -> str:
        return f"ServiceAccount({self.username!r})"

    def new_authenticator(self, host: str) -> PlainTextAuthenticator:
        """For one connection; called on threads of the driver. Raises ``PasswordFileError``."""
        return PlainTextAuthenticator(self.username, self._current().get_secret_value())

    def _current(self) -> SecretStr:
        if self._password_file is not None:
            try:
                self._password = read_password(self._password_file)
            except PasswordFileError as error:
                if self._password is None:
                    raise
                log.warning(f"{error}; the password of before is used")
        return SecretStr("") if self._password is None else self._password


def read_password(path: Path) -> SecretStr:
    """The content of a file, less the line end at its end. Raises ``PasswordFileError``."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PASSWORD_BYTES + 1)
    except OSError as error:
        raise PasswordFileError(f"the password file {path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_PASSWORD_BYTES:
        raise PasswordFileError(f"the password file {path} is longer than {MAX_PASSWORD_BYTES} bytes")
    try:
        password = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordFileError(f"the password file {path} is not UTF-8 text") from None
    if not password:
        raise PasswordFileError(f"the password file {path} is empty")
    return SecretStr(password)
