"""One connection through a relay: frames pass between its two ends, or suffer the fault in force."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable
from ipaddress import ip_address

from frame_codec import (
    REQUEST_VERSIONS,
    RESPONSE_BIT,
    RESPONSE_VERSIONS,
    ErrorResponse,
    FrameDecoder,
    FrameFlag,
    Opcode,
    ResultKind,
    Unprepared,
    after_custom_payload,
    decode_prepared_id,
    encode_frame,
    execute_id,
    response_start,
)
from tests.nodes.faults import Blackholed, Failing, Fault, Forgetful, Healthy, LateAnswers, NeverReading, Slow

_LONGEST_FRAME = 1 << 28
_APPLICATION = frozenset((Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH))
_OF_A_DRIVER = re.compile(rb"FROM\s+system(_\w+)?\.", re.IGNORECASE)

_RESET = struct.pack("ii", 1, 0)
"""A linger of no time: closing sends RST rather than FIN."""


class Script:
    """What all connections of a relay share: the fault in force, and what was seen. Used on one thread.

    node: the address of the node, which stands in its answers. relay: that which is to stand there instead.
    """

    def __init__(self, node: str, relay: str) -> None:
        self._of_node = _inet(node)
        self._of_relay = _inet(relay)
        self.fault: Fault = Healthy()
        self.seen: Counter[Opcode] = Counter()
        """Application requests that arrived, by opcode."""
        self.spoiled: Counter[Opcode] = Counter()
        """Those of them that were answered by the relay, or whose answer was kept back."""
        self.known: set[bytes] = set()
        """Ids of statements that were prepared since the fault began."""

    def verdict(self, flags: int, opcode: int, body: bytes) -> tuple[bool, ErrorResponse | None, bool]:
        """Whether a request suffers; with which answer, if any; and whether the node carries it out."""
        if opcode not in _APPLICATION or is_of_a_driver(opcode, body):
            return False, None, True
        kind = Opcode(opcode)
        self.seen[kind] += 1
        fault = self.fault
        if isinstance(fault, Failing) and (self.seen.total() - 1) % fault.every == 0:
            self.spoiled[kind] += 1
            return True, fault.error, fault.applied
        if isinstance(fault, Forgetful) and opcode == Opcode.EXECUTE:
            statement = execute_id(
                body, after_custom_payload(body) if flags & FrameFlag.CUSTOM_PAYLOAD else 0
            )
            if statement not in self.known:
                self.spoiled[kind] += 1
                return True, Unprepared("the node has forgotten this statement", statement), False
        return False, None, True

    def renamed(self, body: bytes) -> bytes:
        """An answer from the system tables, in which the node has the relay's address."""
        return body.replace(self._of_node, self._of_relay)


def is_of_a_driver(opcode: int, body: bytes) -> bool:
    """Whether a request reads the system tables by a text, as drivers do for themselves."""
    return opcode == Opcode.QUERY and _OF_A_DRIVER.search(body) is not None


def _inet(address: str) -> bytes:
    """A value of the type inet."""
    packed = ip_address(address).packed
    return len(packed).to_bytes(4, "big") + packed


class _Late:
    """Bytes for one transport, each piece with the time when it is due; their order is kept."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pieces: deque[tuple[float, bytes]] = deque()

    def write(self, data: bytes, delay: float) -> None:
        if not delay and not self._pieces:
            self._write(data)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        self._pieces.append((due, data))
        if len(self._pieces) == 1:
            loop.call_at(due, self._write_due)

    def _write_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._pieces and self._pieces[0][0] <= now:
            self._write(self._pieces.popleft()[1])
        if self._pieces:
            loop.call_at(self._pieces[0][0], self._write_due)


class ClientEnd(asyncio.Protocol):
    """The end towards those who use the node; it opens the other end when it is connected."""

    def __init__(self, script: Script, node: tuple[str, int], open_ends: set[ClientEnd]) -> None:
        self._script = script
        self._node = node
        self._open_ends = open_ends
        self._decoder = FrameDecoder(max_body_length=_LONGEST_FRAME, versions=REQUEST_VERSIONS)
        self._transport: asyncio.Transport | None = None
        self._node_end: NodeEnd | None = None
        self._unsent: list[bytes] = []
        self._late = _Late(self._write)
        self.opening: asyncio.Task[None] | None = None
        self.spoiled: dict[int, ErrorResponse | None] = {}
        """By stream, what is answered in place of the node's answer; None for nothing."""
        self.from_system_tables: set[int] = set()
        """Streams whose answers name the node."""
        self.late: dict[int, float] = {}
        """By stream, by how many seconds an answer is late."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_ends.add(self)
        self.obey()
        self.opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, node_end = await loop.create_connection(lambda: NodeEnd(self._script, self), *self._node)
        except OSError:
            self.abort()  # as if the node itself had refused
            return
        self._node_end = node_end
        for data in self._unsent:
            node_end.send(data)
        self._unsent.clear()
        if self._transport is None:
            node_end.close()

    def obey(self) -> None:
        """Read, or do not, as the fault in force says."""
        if self._transport is None or self._transport.is_closing():
            return
        if isinstance(self._script.fault, NeverReading):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if isinstance(self._script.fault, Blackholed):
            return
        out = bytearray()
        for version, flags, stream, opcode, body in self._decoder.feed(data):
            suffers, error, applied = self._script.verdict(flags, opcode, body)
            if applied:
                if suffers:
                    self.spoiled[stream] = error
                elif is_of_a_driver(opcode, body):
                    self.from_system_tables.add(stream)
                fault = self._script.fault
                if isinstance(fault, LateAnswers) and fault.to in body:
                    self.late[stream] = fault.seconds
                out += encode_frame(version, flags, stream, opcode, body)
            elif error is not None:
                self.answer(encode_error(version, stream, error))
        if self._decoder.violation is not None:
            self.abort()
            return
        if not out:
            return
        if self._node_end is None:
            self._unsent.append(bytes(out))
        else:
            self._node_end.send(bytes(out))

    def answer(self, data: bytes) -> None:
        """Pass on what the node, or the relay in its place, has to say; now or later."""
        fault = self._script.fault
        if not isinstance(fault, Blackholed):
            self._late.write(data, fault.seconds if isinstance(fault, Slow) else 0.0)

    def answer_late(self, data: bytes, seconds: float) -> None:
        """As ``answer``, when so much time has passed."""
        asyncio.get_running_loop().call_later(seconds, self.answer, data)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not isinstance(self._script.fault, Blackholed):
            self._transport.write(data)

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._open_ends.discard(self)
        if self._node_end is not None:
            self._node_end.close()


class NodeEnd(asyncio.Protocol):
    """The end towards the node."""

    def __init__(self, script: Script, client_end: ClientEnd) -> None:
        self._script = script
        self._client_end = client_end
        self._decoder = FrameDecoder(max_body_length=_LONGEST_FRAME, versions=RESPONSE_VERSIONS)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        out = bytearray()
        for version, flags, stream, opcode, body in self._decoder.feed(data):
            if stream in self._client_end.spoiled:
                error = self._client_end.spoiled.pop(stream)
                if error is not None:
                    out += encode_error(version, stream, error)
                continue
            if isinstance(self._script.fault, Forgetful) and opcode == Opcode.RESULT:
                self._learn(version, flags, body)
            if stream in self._client_end.from_system_tables:
                self._client_end.from_system_tables.remove(stream)
                body = self._script.renamed(body)
            frame = encode_frame(version, flags, stream, opcode, body)
            seconds = self._client_end.late.pop(stream, None)
            if seconds is None:
                out += frame
            else:
                self._client_end.answer_late(frame, seconds)
        if out:
            self._client_end.answer(bytes(out))

    def _learn(self, version: int, flags: int, body: bytes) -> None:
        at = response_start(body, flags)
        if body[at : at + 4] == ResultKind.PREPARED.to_bytes(4, "big"):
            self._script.known.add(decode_prepared_id(body, at))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not isinstance(self._script.fault, Blackholed):
            self._client_end.abort()


def encode_error(version: int, stream: int, error: ErrorResponse) -> bytes:
    """An ERROR frame; `version` is that of a request or a response."""
    spoken = version & ~RESPONSE_BIT
    return encode_frame(version | RESPONSE_BIT, 0, stream, Opcode.ERROR, error.encode(spoken))
