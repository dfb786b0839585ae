"""Stands before nodes and answers in their place: quickly, and whatever it is asked. Needs no driver.

Arguments: HOST:PORT to listen on and HOST:PORT of the node behind it, for each node. At first it passes on
what comes and remembers what was answered. After a line on standard input, which it repeats, only handshakes
are passed on: a question that was asked before has the answer of then, any other one what it might have.

Nodes could not bear it: a length of 2 GB in a frame of a hundred bytes costs Cassandra that much memory
before it finds out, and the small ones of the tests are gone then.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from functools import partial
from ipaddress import IPv4Address
from typing import cast
from zlib import crc32

import uvloop

from frame_codec import HEADER, HEADER_LENGTH, ErrorCode, Opcode, error_body

_ASKED = frozenset({Opcode.QUERY, Opcode.PREPARE, Opcode.EXECUTE, Opcode.BATCH})
_KEPT = 10_000
_VOID = (Opcode.RESULT, struct.pack(">i", 1))
_ERRORS = tuple(
    (Opcode.ERROR, error_body(code, "as a node might say"))
    for code in (ErrorCode.SYNTAX_ERROR, ErrorCode.INVALID, ErrorCode.UNAUTHORIZED)
)
_ERRORS_OF = 32

Question = tuple[int, int, int, bytes]
"""Version, flags, opcode and body."""


class Node:
    """The one behind, and what it has said."""

    def __init__(self, listen: tuple[str, int], address: tuple[str, int]) -> None:
        self.listen = listen
        self.address = address
        self.known: dict[Question, tuple[int, int, bytes]] = {}
        self._inet, self._inet_here = _inet(address[0]), _inet(listen[0])

    def renamed(self, body: bytes) -> bytes:
        """An answer in which the node has the address on which we listen."""
        return body.replace(self._inet, self._inet_here)


class Learning:
    """Whether questions are passed on."""

    def __init__(self) -> None:
        self.on = True


class ClientEnd(asyncio.Protocol):
    """Towards who takes us for the node."""

    def __init__(self, node: Node, learning: Learning) -> None:
        self._node = node
        self._learning = learning
        self._transport: asyncio.Transport | None = None
        self._node_end: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._rest = b""
        self.awaited: dict[int, Question] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._node_end is not None:
            self._node_end.close()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        out: list[bytes] = []
        passed: list[bytes] = []
        while len(data) - at >= HEADER_LENGTH:
            version, flags, stream, opcode, length = HEADER.unpack_from(data, at)
            end = at + HEADER_LENGTH + length
            if end > len(data):
                break
            body = data[at + HEADER_LENGTH : end]
            question = version, flags, opcode, body
            if opcode not in _ASKED or (self._learning.on and question not in self._node.known):
                self.awaited[stream] = question
                passed.append(data[at:end])
            else:
                answer_flags, answer_opcode, answer = self._answer(question)
                out += (
                    HEADER.pack(version | 0x80, answer_flags, stream, answer_opcode, len(answer)),
                    answer,
                )
            at = end
        self._rest = data[at:]
        if out:
            self.write(b"".join(out))
        if self._node_end is None:
            self._early += passed
        elif passed:
            self._node_end.write(b"".join(passed))

    def _answer(self, question: Question) -> tuple[int, int, bytes]:
        known = self._node.known.get(question)
        if known is not None:
            return known
        chance = crc32(question[3]) % _ERRORS_OF
        if question[2] == Opcode.PREPARE or chance < len(_ERRORS):
            return 0, *_ERRORS[chance % len(_ERRORS)]
        return 0, *_VOID

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(
                lambda: NodeEnd(self._node, self), *self._node.address
            )
        except OSError:
            self.close()
            return
        self._node_end = transport
        transport.write(b"".join(self._early))


class NodeEnd(asyncio.Protocol):
    """Towards the node, for one client."""

    def __init__(self, node: Node, client: ClientEnd) -> None:
        self._node = node
        self._client = client
        self._rest = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        out: list[bytes] = []
        while len(data) - at >= HEADER_LENGTH:
            version, flags, stream, opcode, length = HEADER.unpack_from(data, at)
            end = at + HEADER_LENGTH + length
            if end > len(data):
                break
            body = self._node.renamed(data[at + HEADER_LENGTH : end])
            question = self._client.awaited.pop(stream, None)
            if question is not None and question[2] in _ASKED and len(self._node.known) < _KEPT:
                self._node.known[question] = flags, opcode, body
            out += HEADER.pack(version, flags, stream, opcode, len(body)), body
            at = end
        self._rest = data[at:]
        self._client.write(b"".join(out))


async def main(addresses: list[str]) -> None:
    loop, learning = asyncio.get_running_loop(), Learning()
    endpoints = [(host, int(port)) for host, _, port in (text.rpartition(":") for text in addresses)]
    for listen, address in zip(endpoints[::2], endpoints[1::2], strict=True):
        await loop.create_server(partial(ClientEnd, Node(listen, address), learning), *listen)
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        learning.on = False
        print(line.strip(), flush=True)


def _inet(address: str) -> bytes:
    packed = IPv4Address(address).packed
    return len(packed).to_bytes(4, "big") + packed


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
