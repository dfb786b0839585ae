"""The two ends of one relayed connection: the client's, which answers what is known, and the node's."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from benchmarks.instant.known_answers import HEAD_LENGTH, KnownAnswers
from frame_codec import HEADER, HEADER_LENGTH, PROTOCOL_V4, RESPONSE_BIT, ErrorCode, Opcode, error_body

_HEAD: Final = struct.Struct(f">HH{HEAD_LENGTH}s")
"""Version and flags, stream, and what `KnownAnswers.by_head` is asked with."""
_HEAD_FRAME_LENGTH: Final = _HEAD.size
_V4_PLAIN: Final = PROTOCOL_V4 << 8
_ANSWER_STARTS: Final = tuple(
    struct.pack(">BBH", PROTOCOL_V4 | RESPONSE_BIT, 0, stream) for stream in range(1 << 16)
)
"""The beginning of an answer, up to its opcode, by stream."""

_OVERLOADED_BODY: Final = error_body(ErrorCode.OVERLOADED, "told to be overloaded")
_OVERLOADED: Final = struct.pack(">BI", Opcode.ERROR, len(_OVERLOADED_BODY)) + _OVERLOADED_BODY


class Behaviour(StrEnum):
    """What the backend does with what it reads."""

    ANSWER = "answer"
    OVERLOADED = "overloaded"
    """Requests on the bench keyspace are answered with OVERLOADED, the others by the node."""
    SILENT = "silent"
    """Connections are accepted and read, and nothing is ever answered to what was sent meanwhile."""


@dataclass(slots=True)
class Shared:
    """What all connections of a backend have in common."""

    answers: KnownAnswers
    behaviour: Behaviour = Behaviour.ANSWER
    answered: int = 0
    """Requests that were answered here."""
    forwarded: int = 0
    """Requests that the node was given."""
    ignored: int = 0
    """Requests that got no answer."""


class ClientEnd(asyncio.Protocol):
    """Towards the client, usually a proxy. `node`: host and port of what stands behind."""

    def __init__(self, shared: Shared, node: tuple[str, int]) -> None:
        self._shared = shared
        self._by_head = shared.answers.by_head
        self._address = node
        self._transport: asyncio.Transport | None = None
        self._node: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._rest = b""
        self.awaited: dict[int, bytes] = {}
        """Questions whose answers the node has still to give, by stream."""

    # --- the transport ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but the class.
        self._transport = cast(asyncio.Transport, transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._node is not None:
            self._node.close()

    def data_received(self, data: bytes) -> None:
        # Hot path: its cost is to be small beside that of whatever asks.
        if self._rest:
            data = self._rest + data
        shared = self._shared
        if shared.behaviour is not Behaviour.ANSWER:
            self._rest = self._frame_by_frame(data, 0)
            return
        by_head = self._by_head.get
        starts = _ANSWER_STARTS
        unpack = _HEAD.unpack_from
        out: list[bytes] = []
        put = out.append
        at = 0
        last = len(data) - _HEAD_FRAME_LENGTH
        while at <= last:
            kind, stream, head = unpack(data, at)
            known = by_head(head)
            if known is None or kind != _V4_PLAIN:
                break
            length, answer = known
            at += length
            put(starts[stream])
            put(answer)
        if at > len(data):  # the last one has not come whole
            at -= length
            del out[-2:]
        if out:
            shared.answered += len(out) // 2
            self.write(b"".join(out))
        self._rest = self._frame_by_frame(data, at) if at < len(data) else b""

    def write(self, data: bytes) -> None:
        """To the client, if it is still there."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection, when all that was written has gone out."""
        if self._transport is not None:
            self._transport.close()

    # --- what is not known by its head --------------------------------------------------------

    def _frame_by_frame(self, data: bytes, at: int) -> bytes:
        """Answer or forward the frames from `at` on; the bytes of the last one, if it has not come whole."""
        out: list[bytes] = []
        forwarded: list[bytes] = []
        size = len(data)
        while size - at >= HEADER_LENGTH:
            version, flags, stream, opcode, length = HEADER.unpack_from(data, at)
            end = at + HEADER_LENGTH + length
            if end > size:
                break
            frame = data[at:end]
            at = end
            if self._shared.behaviour is Behaviour.SILENT:
                self._shared.ignored += 1
                continue
            plain = version == PROTOCOL_V4 and not flags
            answer = self._answer(stream, opcode, frame) if plain else None
            if answer is None:
                forwarded.append(frame)
            else:
                out += _ANSWER_STARTS[stream & 0xFFFF], answer
        if out:
            self._shared.answered += len(out) // 2
            self.write(b"".join(out))
        if forwarded:
            self._forward(forwarded)
        return data[at:]

    def _answer(self, stream: int, opcode: int, frame: bytes) -> bytes | None:
        """The answer from its opcode on; None when the node must be asked."""
        answers = self._shared.answers
        body = frame[HEADER_LENGTH:]
        answering = self._shared.behaviour is Behaviour.ANSWER
        if answering and (answer := answers.answer_by_shape(opcode, body)) is not None:
            return answer
        question = answers.question(opcode, body)
        if question is None:
            return None
        if not answering and opcode != Opcode.PREPARE:
            return _OVERLOADED
        answer = answers.answer(question)
        if answer is None:
            self.awaited[stream] = question
        else:
            answers.recognise(frame, answer)
        return answer

    def _forward(self, frames: list[bytes]) -> None:
        self._shared.forwarded += len(frames)
        if self._node is None:
            self._early += frames
        else:
            self._node.write(b"".join(frames))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(lambda: NodeEnd(self._shared, self), *self._address)
        except OSError:
            # The node is away: so is what stands before it.
            self.close()
            return
        self._node = transport
        self._node.write(b"".join(self._early))
        self._early.clear()


class NodeEnd(asyncio.Protocol):
    """Towards the node, for one client."""

    def __init__(self, shared: Shared, client: ClientEnd) -> None:
        self._shared = shared
        self._client = client
        self._rest = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        size = len(data)
        at = 0
        while size - at >= HEADER_LENGTH:
            _, flags, stream, opcode, length = HEADER.unpack_from(data, at)
            end = at + HEADER_LENGTH + length
            if end > size:
                break
            question = self._client.awaited.pop(stream, None)
            if question is not None:
                self._shared.answers.learn(question, flags, opcode, data[at + HEADER_LENGTH : end])
            at = end
        self._rest = data[at:]
        # Whole frames only, so that silence begins and ends between two of them.
        if self._shared.behaviour is not Behaviour.SILENT:
            self._client.write(data[:at])
