"""A client's credentials: the SASL tokens that a server has accepted, kept to open connections with them.

The tokens go to the server as the client sent them, so that whom a connection belongs to is the server's
word, whatever it makes of their form. Nothing here shows a password: not in a repr, not in an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_MAX_SHOWN = 100


class Credentials:
    """What one client has authenticated with: equal where every byte of it is.

    ``tokens`` are its AUTH_RESPONSEs in order; all but the last were answered with AUTH_CHALLENGE.
    ``username`` is for logs; it is empty where the mechanism is not PLAIN. Whether a server takes the tokens
    of another one twice is for it to say.
    """

    __slots__ = ("_tokens", "username")

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._tokens = tuple(tokens)
        self.username = _plain_username(self._tokens[-1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and self._tokens == other._tokens

    def __hash__(self) -> int:
        return hash(self._tokens)

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._tokens)

    def authenticator(self) -> Replayed:
        """For one connection of the driver."""
        return Replayed(self._tokens)


class Replayed:
    """Answers a server as the client did, token by token. What the driver calls an ``Authenticator``."""

    server_authenticator_class: str | None = None

    def __init__(self, tokens: tuple[bytes, ...]) -> None:
        self._left = list(tokens)

    def initial_response(self) -> bytes:
        return self._left.pop(0)

    def evaluate_challenge(self, challenge: bytes) -> bytes | None:
        return self._left.pop(0) if self._left else None

    def on_authentication_success(self, token: bytes | None) -> None:
        self._left.clear()


def _plain_username(token: bytes) -> str:
    """The user of a SASL PLAIN message: ``[authzid] NUL authcid NUL passwd`` (RFC 4616, section 2)."""
    parts = token.split(b"\0")
    return "" if len(parts) != 3 else parts[1].decode("utf-8", "replace")[:_MAX_SHOWN]
