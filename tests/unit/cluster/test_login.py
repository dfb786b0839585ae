"""A login at a scripted node: its words reach whoever asked byte for byte, and silence is no verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cqlproxy.cluster.login import Login, NoVerdictError, Verdict
from cqlproxy.cluster.users import is_refusal
from frame_codec import AuthResponse, ErrorCode, FrameDecoder, Opcode, encode_frame, error_body

PASSWORD_AUTHENTICATOR = "org.apache.cassandra.auth.PasswordAuthenticator"
AUTHENTICATE = len(PASSWORD_AUTHENTICATOR).to_bytes(2, "big") + PASSWORD_AUTHENTICATOR.encode()

Answer = Callable[[int, bytes], bytes | None]
"""From opcode and body of a request to the bytes of its answer; None for silence."""


class ScriptedNode(asyncio.Protocol):
    """Answers as ``answer`` says; an empty answer closes the connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._decoder = FrameDecoder(max_body_length=1 << 20, versions=frozenset({3, 4}))
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for _, _, _, opcode, body in self._decoder.feed(data):
            answer = self._answer(opcode, body)
            if answer is not None:
                self._transport.write(answer)
            if answer == b"":
                self._transport.close()


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(lambda: ScriptedNode(answer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def frame(opcode: int, body: bytes = b"", flags: int = 0) -> bytes:
    return encode_frame(0x84, flags, 0, opcode, body)


async def begin(port: int, timeout: float = 5.0) -> Login:
    return await Login.begin("127.0.0.1", port, version=4, timeout=timeout, tls=None, name=None)


def asking(to_token: bytes | None) -> Answer:
    def answer(opcode: int, body: bytes) -> bytes | None:
        return frame(Opcode.AUTHENTICATE, AUTHENTICATE) if opcode == Opcode.STARTUP else to_token

    return answer


async def verdict_of(answer: Answer, timeout: float = 5.0) -> Verdict:
    async with listening(answer) as port:
        login = await begin(port, timeout)
        try:
            return await login.respond(b"\0ann\0hush")
        finally:
            login.close()


REFUSED = error_body(ErrorCode.AUTHENTICATION_ERROR, "Provided username ann and/or password are incorrect")
SUCCESS = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (frame(Opcode.AUTH_SUCCESS, SUCCESS), Verdict(Opcode.AUTH_SUCCESS, SUCCESS)),
        (frame(Opcode.ERROR, REFUSED), Verdict(Opcode.ERROR, REFUSED)),
        # A warning before the message is none of its business.
        (frame(Opcode.ERROR, b"\x00\x01\x00\x02ow" + REFUSED, flags=8), Verdict(Opcode.ERROR, REFUSED)),
    ],
)
def test_the_answer_is_the_nodes(answer: bytes, verdict: Verdict) -> None:
    assert asyncio.run(verdict_of(asking(answer))) == verdict


def test_a_login_of_several_steps() -> None:
    heard = []

    def answer(opcode: int, body: bytes) -> bytes:
        if opcode == Opcode.STARTUP:
            return frame(Opcode.AUTHENTICATE, AUTHENTICATE)
        token = AuthResponse.decode(body, 4).token
        heard.append(token)
        challenge = AuthResponse(b"PLAIN-START").encode(4)
        return (
            frame(Opcode.AUTH_CHALLENGE, challenge)
            if token == b"PLAIN"
            else frame(Opcode.AUTH_SUCCESS, SUCCESS)
        )

    async def main() -> None:
        async with listening(answer) as port:
            login = await begin(port)
            assert login.authenticator == PASSWORD_AUTHENTICATOR
            assert (await login.respond(b"PLAIN")).opcode == Opcode.AUTH_CHALLENGE
            assert (await login.respond(b"\0ann\0hush")).opcode == Opcode.AUTH_SUCCESS
            login.close()

    asyncio.run(main())
    assert heard == [b"PLAIN", b"\0ann\0hush"]


def test_a_node_that_asks_for_nothing_lets_everybody_in() -> None:
    verdict = asyncio.run(verdict_of(lambda opcode, body: frame(Opcode.READY)))
    assert verdict == Verdict(Opcode.AUTH_SUCCESS, SUCCESS)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (asking(None), "did not answer in 0.2 s"),
        (asking(b""), "closed the connection"),
        (asking(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "breaks the protocol"),
        (asking(frame(Opcode.ERROR, b"x", flags=2)), "breaks the protocol"),
        (lambda opcode, body: None, "did not answer in 0.2 s"),
        (lambda opcode, body: frame(Opcode.ERROR, REFUSED), "refused STARTUP"),
    ],
)
def test_what_is_no_verdict(answer: Answer, reason: str) -> None:
    with pytest.raises(NoVerdictError, match=reason) as raised:
        asyncio.run(verdict_of(answer, timeout=0.2))
    assert "hush" not in str(raised.value)


def test_where_nobody_listens() -> None:
    async def main() -> None:
        async with listening(lambda opcode, body: None) as port:
            pass
        await begin(port)

    with pytest.raises(NoVerdictError, match=r"127\.0\.0\.1, port"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("verdict", "refused"),
    [
        (Verdict(Opcode.ERROR, REFUSED), True),
        (Verdict(Opcode.AUTH_SUCCESS, SUCCESS), False),
        (Verdict(Opcode.ERROR, error_body(ErrorCode.OVERLOADED, "Provided")), False),
        (
            Verdict(
                Opcode.ERROR,
                error_body(
                    ErrorCode.AUTHENTICATION_ERROR,
                    "Unable to perform authentication: Cannot achieve consistency level LOCAL_ONE",
                ),
            ),
            False,
        ),
    ],
)
def test_a_server_that_cannot_tell_has_not_refused(verdict: Verdict, refused: bool) -> None:
    assert is_refusal(verdict) is refused
