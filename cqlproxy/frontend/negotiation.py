"""What one client and the proxy agree on: compression, who the client is, which events it gets.

OPTIONS, STARTUP, AUTH_RESPONSE and REGISTER (spec 4.1.1 to 4.1.3, 4.1.8), from the first request until the
client is let in, and after. What there is to agree on, ``handshake`` knows; the words for credentials,
``authentication``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from cqlproxy.frontend.authentication import Authentication
from cqlproxy.frontend.gate import Identity, UndecidedError
from cqlproxy.frontend.handshake import Handshake
from cqlproxy.routing.route import Route
from frame_codec import Authenticate, AuthResponse, ErrorCode, Opcode, ProtocolError, Register, error_body


class Negotiator(Protocol):
    """The client's connection, as far as it is agreed on here."""

    version: int
    """That of its requests so far; the same for all from ``let_in`` on."""

    started: bool
    """Whether it is let in."""

    def reply(self, stream: int, flags: int, opcode: int, body: bytes) -> None:
        """Send an answer. Does nothing when the client has gone."""

    def compress(self, lz4: bool) -> None:
        """Bodies may be compressed from now on, or not, in both directions."""

    def let_in(self, route: Route) -> bool:
        """Serve the client from now on, by ``route``; False when it has gone."""

    def close(self) -> None:
        """Send what is answered, then close."""


class Negotiation:
    """Of one ``client``, from ``address``."""

    def __init__(self, client: Negotiator, handshake: Handshake, address: str) -> None:
        self._client = client
        self._handshake = handshake
        self._address = address
        self._authentication: Authentication | None = None
        self.identity: Identity | None = None
        """Who it is, where a cluster asks."""
        self.registered: frozenset[str] = frozenset()
        """The types of events that it gets."""
        self._early: dict[int, Callable[[int, bytes], None]] = {
            Opcode.OPTIONS: self._options,
            Opcode.STARTUP: self._startup,
        }
        self._late: dict[int, Callable[[int, bytes], None]] = {
            Opcode.OPTIONS: self._options,
            Opcode.STARTUP: self._startup_again,
            Opcode.REGISTER: self._register,
        }

    def handle(self, opcode: int, stream: int, body: bytes) -> None:
        """Answer a request. Raises ``ProtocolError`` for one that must not come, or not yet."""
        started = self._client.started
        handler = (self._late if started else self._early).get(opcode)
        if handler is not None:
            handler(stream, body)
        elif started:
            raise ProtocolError(f"Unexpected message {_name(opcode)}")
        else:
            expected = "STARTUP or OPTIONS" if self._authentication is None else "SASL_RESPONSE"
            raise ProtocolError(f"Unexpected message {_name(opcode)}, expecting {expected}")

    def route(self) -> Route | None:
        """How a client that is let in is served as things are now; None when it must not be."""
        return self._handshake.route(self._client.version, self.identity)

    def close(self) -> None:
        """The client is gone."""
        if self._authentication is not None:
            self._authentication.close()
        if self.identity is not None:
            self.identity.leave()

    # --- until it is let in -------------------------------------------------------------------

    def _options(self, stream: int, body: bytes) -> None:
        self._client.reply(stream, 0, Opcode.SUPPORTED, self._handshake.supported(self._client.version))

    def _startup(self, stream: int, body: bytes) -> None:
        chosen = self._handshake.startup(body, self._client.version)
        self._start_when_opened(stream, chosen.lz4)

    def _start_when_opened(self, stream: int, lz4: bool) -> None:
        opening = self._handshake.opened(self._client.version)
        if opening is None:
            self._start(stream, lz4)
        else:
            opening.add_done_callback(lambda done: self._start_later(stream, done, lz4))

    def _start_later(self, stream: int, done: asyncio.Future[None], lz4: bool) -> None:
        error = done.exception()
        if error is None:
            # The mode may have been switched meanwhile, so that another cluster answers.
            self._start_when_opened(stream, lz4)
        else:
            version = self._client.version
            message = f"The cluster cannot be reached in protocol version {version}: {error}"
            self._client.reply(stream, 0, Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, message))

    def _start(self, stream: int, lz4: bool) -> None:
        client = self._client
        try:
            authenticator = self._handshake.authenticator()
        except UndecidedError as error:
            client.reply(stream, 0, Opcode.ERROR, error_body(ErrorCode.SERVER_ERROR, str(error)))
            return
        if authenticator is None:
            self._let_in(None)
            client.reply(stream, 0, Opcode.READY, b"")
        else:
            if self._authentication is None:
                self._authentication = self._handshake.authentication(
                    client.version, self._address, self._let_in, client.close
                )
                self._early = {Opcode.AUTH_RESPONSE: self._auth_response}
            client.reply(stream, 0, Opcode.AUTHENTICATE, Authenticate(authenticator).encode(client.version))
        client.compress(lz4)

    def _auth_response(self, stream: int, body: bytes) -> None:
        assert self._authentication is not None
        if self._authentication.busy:
            raise ProtocolError("Unexpected message AUTH_RESPONSE: the one before is not answered yet")
        client = self._client
        token = AuthResponse.decode(body, client.version).token
        self._authentication.respond(token, lambda opcode, body: client.reply(stream, 0, opcode, body))

    def _let_in(self, identity: Identity | None) -> bool:
        """False when the client has gone, or must not be served."""
        route = self._handshake.route(self._client.version, identity)
        if route is None or not self._client.let_in(route):
            return False
        self.identity = identity
        return True

    # --- after ----------------------------------------------------------------------------------

    def _startup_again(self, stream: int, body: bytes) -> None:
        raise ProtocolError("Unexpected message STARTUP: the connection is started already")

    def _register(self, stream: int, body: bytes) -> None:
        register = Register.decode(body, self._client.version)
        self.registered = self.registered | self._handshake.register(register)
        self._client.reply(stream, 0, Opcode.READY, b"")


def _name(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"0x{opcode:02x}"
