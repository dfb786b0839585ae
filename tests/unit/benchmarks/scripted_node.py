"""A node for load generators: it knows the handshake, prepares, and answers all the rest alike."""

from __future__ import annotations

import socket
import threading
from collections import Counter

from frame_codec import (
    PROTOCOL_V4,
    RESPONSE_BIT,
    BindMetadata,
    ErrorCode,
    FrameDecoder,
    Opcode,
    Prepared,
    RowsMetadata,
    Void,
    encode_frame,
    error_body,
)

_PREPARED = Prepared(b"0123456789abcdef", BindMetadata(()), RowsMetadata((), 0)).encode(PROTOCOL_V4)


class ScriptedNode:
    """Answers all it gets, but nothing while `stalled`; EXECUTE with an error when it `fails`."""

    def __init__(self, *, fails: bool = False) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.executed: Counter[bytes] = Counter()
        self._fails = fails
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(accepted,)))
            self._threads[-1].start()

    def _serve(self, accepted: socket.socket) -> None:
        decoder = FrameDecoder(max_body_length=1 << 20, versions=frozenset({PROTOCOL_V4}))
        with accepted:
            while data := accepted.recv(65536):
                frames = decoder.feed(data)
                self.may_answer.wait(10)
                accepted.sendall(b"".join(self._answer(*frame) for frame in frames))

    def _answer(self, version: int, flags: int, stream: int, opcode: int, body: bytes) -> bytes:
        kind, answer = Opcode.RESULT, Void().encode(PROTOCOL_V4)
        if opcode == Opcode.STARTUP:
            kind, answer = Opcode.READY, b""
        elif opcode == Opcode.PREPARE:
            answer = _PREPARED
        else:
            self.executed[body] += 1
            if self._fails:
                kind, answer = Opcode.ERROR, error_body(ErrorCode.OVERLOADED, "too much")
        return encode_frame(version | RESPONSE_BIT, 0, stream, kind, answer)
