"""A client without a driver: it sends exactly the bytes that a test gives it, and shows what it gets."""

import select
import socket
from types import TracebackType
from typing import Protocol, Self

from frame_codec import (
    RESPONSE_VERSIONS,
    ErrorResponse,
    Frame,
    FrameDecoder,
    Opcode,
    Query,
    QueryParameters,
    Request,
    Startup,
    encode_frame,
    response_start,
)

_TIMEOUT = 20.0


class Server(Protocol):
    """A node, a proxy, or a pod with one."""

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...


class RawClient:
    """One connection; nothing is sent before it is asked for. `source`: its own address."""

    def __init__(self, server: Server, version: int = 4, *, source: str = "") -> None:
        self.version = version
        self._socket = socket.create_connection(
            (server.address, server.port), timeout=_TIMEOUT, source_address=(source, 0) if source else None
        )
        self._decoder = FrameDecoder(
            max_body_length=1 << 28, versions=frozenset(RESPONSE_VERSIONS) | {0x85, 0x86}
        )
        self._frames: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def request(self, request: Request, stream: int = 1, flags: int = 0) -> None:
        """Send a request of the protocol version that the client was made for."""
        self.send(encode_frame(self.version, flags, stream, request.opcode, request.encode(self.version)))

    def fileno(self) -> int:
        """So that several can be waited for together."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; may be repeated."""
        self._socket.close()

    def no_more(self) -> None:
        """Close the direction towards the server."""
        self._socket.shutdown(socket.SHUT_WR)

    def frame(self) -> Frame | None:
        """The next frame; None when the server has closed the connection."""
        while not self._frames:
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames += self._decoder.feed(data)
            assert self._decoder.violation is None
        return self._frames.pop(0)

    def readable(self, timeout: float) -> bool:
        """Whether `frames` has something to give within so many seconds."""
        return bool(self._frames) or bool(select.select([self._socket], [], [], timeout)[0])

    def frames(self) -> list[Frame]:
        """The frames that have come whole, at least what one read gives; the connection must be open."""
        if not self._frames:
            data = self._socket.recv(65536)
            assert data, "the connection was closed instead"
            self._frames += self._decoder.feed(data)
            assert self._decoder.violation is None
        come, self._frames = self._frames, []
        return come

    def error(self) -> ErrorResponse:
        """The next frame, which must be an ERROR."""
        frame = self.frame()
        assert frame is not None, "the connection was closed instead"
        version, flags, _, opcode, body = frame
        assert opcode == Opcode.ERROR, f"opcode {opcode:#04x}"
        return ErrorResponse.decode(body, version & 0x7F, response_start(body, flags))

    def start(self, **options: str) -> Self:
        """STARTUP, and its READY."""
        self.request(Startup({"CQL_VERSION": "3.0.0", **options}))
        self.expect(Opcode.READY, stream=1)
        return self

    def expect(self, opcode: Opcode, stream: int) -> bytes:
        """The body of the next frame, which must have this opcode and stream."""
        frame = self.frame()
        assert frame is not None, "the connection was closed instead"
        assert frame[2:4] == (stream, opcode), frame
        return frame[4]

    def serves(self, stream: int = 7) -> None:
        """A query is answered."""
        self.request(Query("SELECT key FROM system.local", QueryParameters()), stream)
        self.expect(Opcode.RESULT, stream)
