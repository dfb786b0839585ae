"""Responses as objects (section 4.2), but for ERROR, RESULT and EVENT, which have files of their own.

`decode(body, version, at)` reads the message at offset `at` of a body (see `response_start`) and ignores
what follows it; malformed bytes raise ProtocolError. `encode(version)` gives the message's bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from frame_codec.constants import Opcode
from frame_codec.error_response import ErrorResponse
from frame_codec.errors import ProtocolError
from frame_codec.events import Event, decode_event
from frame_codec.reader import Reader
from frame_codec.results import Result, decode_result
from frame_codec.writer import write_bytes, write_string, write_string_multimap


@dataclass(frozen=True, slots=True)
class Ready:
    """READY (4.2.2)."""

    opcode: ClassVar[Opcode] = Opcode.READY

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls()

    def encode(self, version: int) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE (4.2.3): class name of the server's IAuthenticator."""

    opcode: ClassVar[Opcode] = Opcode.AUTHENTICATE
    authenticator: str

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_string())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_string(out, self.authenticator)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Supported:
    """SUPPORTED (4.2.4): for each STARTUP option the values it may have."""

    opcode: ClassVar[Opcode] = Opcode.SUPPORTED
    options: Mapping[str, list[str]]

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_string_multimap())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_string_multimap(out, self.options)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class AuthChallenge:
    """AUTH_CHALLENGE (4.2.7): a SASL token."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_CHALLENGE
    token: bytes | None

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_bytes())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_bytes(out, self.token)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class AuthSuccess:
    """AUTH_SUCCESS (4.2.8): the last SASL token."""

    opcode: ClassVar[Opcode] = Opcode.AUTH_SUCCESS
    token: bytes | None = None

    @classmethod
    def decode(cls, body: bytes, version: int, at: int = 0) -> Self:
        return cls(Reader(body, at).read_bytes())

    def encode(self, version: int) -> bytes:
        out = bytearray()
        write_bytes(out, self.token)
        return bytes(out)


Response = ErrorResponse | Ready | Authenticate | Supported | Result | Event | AuthChallenge | AuthSuccess

_DECODERS: Final[dict[int, Callable[[bytes, int, int], Response]]] = {
    Opcode.ERROR: ErrorResponse.decode,
    Opcode.READY: Ready.decode,
    Opcode.AUTHENTICATE: Authenticate.decode,
    Opcode.SUPPORTED: Supported.decode,
    Opcode.RESULT: decode_result,
    Opcode.EVENT: decode_event,
    Opcode.AUTH_CHALLENGE: AuthChallenge.decode,
    Opcode.AUTH_SUCCESS: AuthSuccess.decode,
}


def decode_response(opcode: int, body: bytes, version: int, at: int = 0) -> Response:
    """The response of a frame with this opcode; an opcode that is no response's is a ProtocolError."""
    decode = _DECODERS.get(opcode)
    if decode is None:
        raise ProtocolError(f"Opcode {opcode:#04x} is not that of a response")
    return decode(body, version, at)
