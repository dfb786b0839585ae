"""Which requests are alike, and what the node answered to the first of them. Pure.

Two EXECUTE are alike when id, consistency and flags are the same, two QUERY when their texts are but for the
literals, two BATCH when their entries are alike, one by one. Values never matter.
"""

import re
import struct
from typing import Final

from benchmarks.instant.shapes import LITERAL, batch_shape, query_shape
from frame_codec import (
    HEADER_LENGTH,
    BatchKind,
    Opcode,
    ProtocolError,
    ResultKind,
    batch,
    decode_prepared_id,
    execute_id,
    query_span,
)

HEAD_LENGTH: Final = 26
"""Bytes from the opcode of an EXECUTE frame to its flags, for the 16 bytes that an id has in Cassandra."""

MOST: Final = 65_536
"""Kinds of request that are kept; further ones are forwarded each time."""

MOST_SHAPES: Final = 32
"""Of QUERY and of BATCH; what is like none of them takes longer."""

_ID_LENGTH: Final = 16
_OPCODE_AT: Final = 4
_PARAMETERS: Final = 3
"""Bytes of consistency and flags."""

_INT: Final = struct.Struct(">i")
_PREPARED_KIND: Final = ResultKind.PREPARED.to_bytes(4, "big")
_EXECUTE, _QUERY, _BATCH, _PREPARE, _RESULT = map(
    int, (Opcode.EXECUTE, Opcode.QUERY, Opcode.BATCH, Opcode.PREPARE, Opcode.RESULT)
)


class KnownAnswers:
    """The answers of one cluster. `keyspace`: whose statements are answered; its name stands in texts."""

    def __init__(self, keyspace: str) -> None:
        self.by_head: dict[bytes, tuple[int, bytes]] = {}
        """For the hot path: from the `HEAD_LENGTH` bytes at the opcode of an EXECUTE frame to the length of
        the frame, and the answer from its opcode on."""
        self._answers: dict[bytes, bytes] = {}
        self._shapes: dict[int, list[tuple[re.Pattern[bytes], bytes]]] = {_QUERY: [], _BATCH: []}
        self._ids: set[bytes] = set()
        name = re.escape(keyspace.encode())
        self._ours = re.compile(
            rb"\s*(?:INSERT|UPDATE|DELETE|SELECT|BEGIN)\b.*?[\s,]" + name + rb"\s*\.",
            re.IGNORECASE | re.DOTALL,
        )

    def question(self, opcode: int, body: bytes) -> bytes | None:
        """What requests that are alike have in common; None for a request that only the node can answer.

        Bodies are those of protocol v4 without custom payload.
        """
        try:
            if opcode == _EXECUTE:
                return self._execute(body)
            if opcode == _QUERY:
                return self._query(body)
            if opcode == _BATCH:
                return self._batch(body)
            if opcode == _PREPARE:
                # Never answered from here: an id must be of the node's making.
                start, end = query_span(body, 0)
                return bytes((_PREPARE,)) if self._ours.match(body, start, end) else None
        except ProtocolError:
            return None  # the node's error is the answer
        return None

    def answer(self, question: bytes) -> bytes | None:
        """The answer's frame from its opcode on; None when there is none yet."""
        return self._answers.get(question)

    def answer_by_shape(self, opcode: int, body: bytes) -> bytes | None:
        """The answer's frame from its opcode on, if `body` is like one that `recognise` was given."""
        for shape, answer in self._shapes.get(opcode, ()):
            if shape.fullmatch(body):
                return answer
        return None

    def recognise(self, frame: bytes, answer: bytes) -> None:
        """Have a frame whose answer is known, and those like it, be found sooner the next time."""
        opcode = frame[_OPCODE_AT]
        body = frame[HEADER_LENGTH:]
        if opcode == _EXECUTE:
            if len(self.by_head) < MOST and body[1] == _ID_LENGTH:
                self.by_head[frame[_OPCODE_AT : _OPCODE_AT + HEAD_LENGTH]] = len(frame), answer
        elif len(shapes := self._shapes[opcode]) < MOST_SHAPES:
            shapes.append((query_shape(body) if opcode == _QUERY else batch_shape(body), answer))

    def learn(self, question: bytes, flags: int, opcode: int, body: bytes) -> None:
        """Take in what the node answered: kept if it is a RESULT without tracing id, warnings and payload."""
        if opcode != _RESULT or flags:
            return
        if question[0] == _PREPARE:
            if body.startswith(_PREPARED_KIND):
                self._ids.add(decode_prepared_id(body))
        elif len(self._answers) < MOST:
            self._answers.setdefault(question, bytes((opcode,)) + _INT.pack(len(body)) + body)

    def _execute(self, body: bytes) -> bytes | None:
        prepared_id = execute_id(body, 0)
        if prepared_id not in self._ids:
            return None
        return bytes((_EXECUTE,)) + body[: 2 + len(prepared_id) + _PARAMETERS]

    def _query(self, body: bytes) -> bytes | None:
        start, end = query_span(body, 0)
        if not self._ours.match(body, start, end):
            return None
        return bytes((_QUERY,)) + body[end : end + _PARAMETERS] + LITERAL.sub(b"?", body[start:end])

    def _batch(self, body: bytes) -> bytes | None:
        layout = batch(body, 0)
        parts = [bytes((_BATCH, layout.type, layout.flags)), _INT.pack(layout.consistency)]
        for entry in layout.entries:
            if entry.kind == BatchKind.PREPARED:
                if entry.id not in self._ids:
                    return None
                parts += b"\1", entry.id
            else:
                if not self._ours.match(body, *entry.text):
                    return None
                parts += b"\0", LITERAL.sub(b"?", body[slice(*entry.text)])
        return b"".join(parts)
