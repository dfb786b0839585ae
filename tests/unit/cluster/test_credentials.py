"""A client's credentials: equal by every byte, replayed as they came, shown by nothing."""

from __future__ import annotations

import pytest

from cqlproxy.cluster.credentials import Credentials

TOKEN = b"\0ann\0hush"


@pytest.mark.parametrize(
    ("tokens", "username"),
    [
        ([TOKEN], "ann"),
        ([b"boss\0ann\0hush"], "ann"),
        ([b"PLAIN", TOKEN], "ann"),
        ([b"\0\xff\0hush"], "\ufffd"),
        ([b"\0" + b"a" * 1000 + b"\0hush"], "a" * 100),
    ],
)
def test_the_user_of_a_plain_token(tokens: list[bytes], username: str) -> None:
    assert Credentials(tokens).username == username


@pytest.mark.parametrize("token", [b"", b"PLAIN", b"ann\0hush", b"\0ann\0hush\0", b"\0\0\0\0"])
def test_what_is_no_plain_token_names_nobody(token: bytes) -> None:
    assert Credentials([token]).username == ""


def test_credentials_are_the_same_if_every_byte_is() -> None:
    same, other = Credentials([TOKEN]), Credentials([b"ann" + TOKEN])
    assert Credentials([TOKEN]) == same
    assert hash(Credentials([TOKEN])) == hash(same)
    assert same != other
    assert same != Credentials([b"PLAIN", TOKEN])
    assert {same: 1}.get(other) is None


def test_nothing_shows_the_password() -> None:
    credentials = Credentials([TOKEN])
    assert "hush" not in f"{credentials!r} {credentials} {credentials.authenticator()!r}"


def test_a_server_is_answered_as_the_client_answered_it() -> None:
    authenticator = Credentials([b"PLAIN", TOKEN]).authenticator()
    assert authenticator.initial_response() == b"PLAIN"
    assert authenticator.evaluate_challenge(b"PLAIN-START") == TOKEN
    # More than the client was asked is not known.
    assert authenticator.evaluate_challenge(b"again") is None
    authenticator.on_authentication_success(None)
