"""A login at one node, for its verdict on a client's credentials: a connection that carries nothing else.

The server's answers are passed on as they are. No thread waits while it decides: a server that hashes
passwords takes its time, and many clients may come at once.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple, cast

from frame_codec import (
    AuthResponse,
    Frame,
    FrameDecoder,
    Opcode,
    ProtocolError,
    Startup,
    encode_frame,
    error_code_and_message,
    response_start,
)

MAX_ANSWER_BYTES = 1 << 20
"""What a node says during a handshake is short."""


class NoVerdictError(Exception):
    """No node could be asked; the message says why. The credentials may be right."""


class Verdict(NamedTuple):
    """A server's answer to one AUTH_RESPONSE: AUTH_CHALLENGE, AUTH_SUCCESS or ERROR, its body as it came."""

    opcode: int
    body: bytes

    @property
    def error_code(self) -> int | None:
        """The code of an ERROR (spec section 9); None of any other answer."""
        return error_code_and_message(self.body)[0] if self.opcode == Opcode.ERROR else None


class _Wire(asyncio.Protocol):
    """One request at a time: its answer, or why there is none, ends ``answer``."""

    def __init__(self, version: int) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[Frame] | None = None
        self._decoder = FrameDecoder(max_body_length=MAX_ANSWER_BYTES, versions=frozenset({0x80 | version}))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if self.answer is not None and not self.answer.done():
                self.answer.set_result(frame)
        if self._decoder.violation is not None:
            self._fail(f"its answer breaks the protocol: {self._decoder.violation.message}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._fail("it closed the connection")

    def _fail(self, reason: str) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(NoVerdictError(reason))
        if self.transport is not None:
            self.transport.abort()


class Login:
    """``begin`` one, ``respond`` to the server as often as it asks, and ``close`` it in any case."""

    def __init__(self, wire: _Wire, version: int, timeout: float) -> None:
        self._wire = wire
        self._version = version
        self._timeout = timeout
        self.authenticator: str | None = None
        """The class that the server named in AUTHENTICATE; None when it asks for nothing."""

    @classmethod
    async def begin(
        cls,
        host: str,
        port: int,
        *,
        version: int,
        timeout: float,
        tls: ssl.SSLContext | None,
        name: str | None,
    ) -> Login:
        """Connect and say STARTUP; each step may take ``timeout`` seconds. Raises ``NoVerdictError``.

        ``name`` is what the node's certificate must say, and what it is asked for by (SNI).
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                _, wire = await loop.create_connection(
                    lambda: _Wire(version), host, port, ssl=tls, server_hostname=name if tls else None
                )
        except TimeoutError:
            raise NoVerdictError(
                f"{host}, port {port} did not accept a connection in {timeout:g} s"
            ) from None
        except OSError as error:
            raise NoVerdictError(f"{host}, port {port}: {error.strerror or error}") from error
        login = cls(wire, version, timeout)
        try:
            await login._start_up()
        except BaseException:
            login.close()
            raise
        return login

    async def _start_up(self) -> None:
        startup = Startup({"CQL_VERSION": "3.0.0"}).encode(self._version)
        opcode, body = await self._ask(Opcode.STARTUP, startup)
        if opcode == Opcode.AUTHENTICATE:
            length = int.from_bytes(body[:2], "big")
            self.authenticator = body[2 : 2 + length].decode("utf-8", "replace")
        elif opcode != Opcode.READY:
            raise NoVerdictError("the node refused STARTUP")

    async def respond(self, token: bytes | None) -> Verdict:
        """Give the server one SASL token. Raises ``NoVerdictError``."""
        if self.authenticator is None:
            # Nothing is asked for any more: the node lets everybody in.
            return Verdict(Opcode.AUTH_SUCCESS, AuthResponse(None).encode(self._version))
        return await self._ask(Opcode.AUTH_RESPONSE, AuthResponse(token).encode(self._version))

    async def _ask(self, opcode: int, body: bytes) -> Verdict:
        wire = self._wire
        if wire.transport is None:
            raise NoVerdictError("the node closed the connection")
        wire.answer = asyncio.get_running_loop().create_future()
        wire.transport.write(encode_frame(self._version, 0, 0, opcode, body))
        try:
            async with asyncio.timeout(self._timeout):
                _, flags, _, answered, answer = await wire.answer
            return Verdict(answered, answer[response_start(answer, flags) :])
        except TimeoutError:
            raise NoVerdictError(f"the node did not answer in {self._timeout:g} s") from None
        except ProtocolError as error:
            raise NoVerdictError(f"its answer breaks the protocol: {error.message}") from error

    def close(self) -> None:
        """End the connection."""
        if self._wire.transport is not None:
            self._wire.transport.abort()
