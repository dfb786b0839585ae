"""What can go wrong between a program and a proxy's admin API.

ClientError
  UnreachableError     nobody could be asked at the address, which the message names
  UnauthorisedError    the token is missing or wrong
  RefusedError         the proxy will not do it as it was asked: which field, and why
  ServerFailureError   the proxy could not do it, or has a bug
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class ClientError(Exception):
    """The root of them; the message says what happened, at which address, and what to do."""

    def __init__(self, message: str, url: str) -> None:
        super().__init__(message)
        self.url = url
        """The address that was tried."""


class Unreached(Enum):
    """Why nobody could be asked."""

    ADDRESS = auto()
    """Nobody listens there, or somebody else."""
    CERTIFICATE = auto()
    """Who listens there is not trusted."""
    TIMEOUT = auto()
    BROKEN_OFF = auto()
    """It had begun to answer."""


class UnreachableError(ClientError):
    """No proxy was reached, or none that answers. Whether it did what it was asked is not known."""

    def __init__(self, message: str, url: str, why: Unreached) -> None:
        super().__init__(message, url)
        self.why = why


class AnsweredError(ClientError):
    """The proxy has answered, with an error."""

    def __init__(self, status: int, body: Mapping[str, object], url: str) -> None:
        said = body.get("error")
        self.reason = f"HTTP status {status} and nothing else" if said is None else str(said)
        """What the proxy says, in words."""
        field = body.get("field")
        self.field = field if isinstance(field, str) else None
        """Of the request: what is wrong in it; None where it is not one field."""
        self.status = status
        """The HTTP status."""
        self.body = body
        """All that came with it."""
        at_field = "" if self.field is None else f"{self.field}: "
        super().__init__(
            f"the proxy at {url} answers with HTTP status {status}: {at_field}{self.reason}", url
        )


class UnauthorisedError(AnsweredError):
    """HTTP status 401: the token is missing, or another one is in force."""


class RefusedError(AnsweredError):
    """HTTP status 4xx: nothing was changed. 409 says that it may be asked again when the reason has gone."""


class ServerFailureError(AnsweredError):
    """HTTP status 5xx."""
