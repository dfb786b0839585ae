"""Sends recorded frames, as they are or mutated, as the lines of standard input say. Needs no driver.

Arguments: contact point, port, a file with the frames (each after its length, four bytes), a seed, and the
bytes of the longest body that the proxy takes.
Orders: ``valid RATE``, ``mutated RATE``: so many frames a second, 0 for as many as possible; ``rest 0``;
``count 0``. Each is answered by a line of JSON with the fields of ``Told``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import select
import socket
import struct
import sys
import time
from pathlib import Path
from random import Random

from frame_codec import HEADER, HEADER_LENGTH, FrameFlag, Opcode, Startup, compress, encode_frame
from tests.integration.mutator import Mutator

_SUBTLE, _ANY = 24, 2
"""Frames of a burst. Those that most often end a connection come last, since none after them is read."""
_PACED = 4
"""Frames of a burst at a given rate, or else it would come at once and the rate be none."""
_LONGEST_EVERY = 4000
"""Bursts; in one of so many there is a frame as long as may be."""
_ODD = 0.02
"""How many begin with something else than a STARTUP."""
_HASTY = 0.02
"""How many are gone before they are answered."""
_MISLED_SECONDS = 0.1
"""For which answers are waited for where a header may be wrong of what follows it."""
_PATIENCE_SECONDS = 20.0
_OPTIONS = {"CQL_VERSION": "3.0.0"}
_STARTUP = encode_frame(4, 0, 0, Opcode.STARTUP, Startup(_OPTIONS).encode(4))
_COMPRESSED_STARTUP = encode_frame(
    4, 0, 0, Opcode.STARTUP, Startup({**_OPTIONS, "COMPRESSION": "lz4"}).encode(4)
)


@dataclasses.dataclass
class Told:
    """Of all so far."""

    sent: int = 0
    """Frames."""
    answered: int = 0
    """Frames that were answered, so that the proxy has read them."""
    mutated: int = 0
    """Those of them that were mutated."""
    bytes: int = 0
    """Sent."""
    connections: int = 0
    ended: int = 0
    """Connections that the proxy has ended, since a frame breaks the protocol."""
    unanswered: int = 0
    """Frames without an answer, where each must have one."""


class Fuzzer:
    """One client after the other, each with a burst of frames."""

    def __init__(self, server: tuple[str, int], frames: list[bytes], seed: int, most: int) -> None:
        self.told = Told()
        self._server = server
        self._chance = Random(seed)
        self._mutator = Mutator(frames, self._chance, most=most)

    def valid(self, count: int) -> None:
        """So many frames that are right."""
        self._send(_STARTUP, [self._mutator.valid() for _ in range(count)], mutated=False, misleading=False)

    def mutated(self, subtle: int, rest: int) -> None:
        """So many of which most are read on after; and then ``rest`` that may be anything."""
        chance, mutator = self._chance, self._mutator
        frames = [mutator.subtle() for _ in range(subtle)]
        misleading = False
        for _ in range(rest):
            frames.append(mutator.wrong())
            misleading |= mutator.misleading
        if rest and chance.randrange(_LONGEST_EVERY) == 0:
            frames.append(mutator.longest())
            misleading = True
        startup = _STARTUP
        if chance.random() < _ODD:
            startup = chance.choice((b"", _STARTUP * 2, mutator.wrong()))
            misleading = True
        elif chance.random() < 0.1:
            startup = _COMPRESSED_STARTUP
            frames = [_compressed(frame) if chance.random() < 0.5 else frame for frame in frames]
        self._send(startup, frames, mutated=True, misleading=misleading)

    def _send(self, startup: bytes, frames: list[bytes], *, mutated: bool, misleading: bool) -> None:
        """Connect, send, and wait until all that the proxy reads of it is answered."""
        told = self.told
        # Its place is each frame's stream: so the answers tell which were read.
        sent = startup + b"".join(
            frame if len(frame) < HEADER_LENGTH else frame[:2] + struct.pack(">H", place) + frame[4:]
            for place, frame in enumerate(frames, 1)
        )
        told.connections += 1
        told.sent += len(frames)
        told.bytes += len(sent)
        with (
            socket.create_connection(self._server, timeout=_PATIENCE_SECONDS) as client,
            contextlib.suppress(ConnectionError),
        ):
            client.sendall(sent)
            if mutated and self._chance.random() < _HASTY:
                return
            answered, last, ended = _answers(client, len(frames) + 1, misled=misleading)
            # The answer to STARTUP is none of them.
            answered = min(max(0, answered - 1), len(frames))
            told.answered += answered
            told.mutated += answered if mutated else 0
            told.ended += ended
            if not misleading:
                told.unanswered += (last if ended else len(frames)) - answered


def _answers(client: socket.socket, most: int, *, misled: bool) -> tuple[int, int, bool]:
    """How many there are, the stream of the last, and whether the proxy has closed the connection."""
    data = bytearray()
    count = last = at = 0
    while count < most:
        if not select.select([client], [], [], _MISLED_SECONDS if misled else _PATIENCE_SECONDS)[0]:
            return count, last, False
        more = client.recv(1 << 18)
        if not more:
            return count, last, True
        data += more
        while len(data) - at >= HEADER_LENGTH:
            _, _, stream, _, length = HEADER.unpack_from(data, at)
            if len(data) - at < HEADER_LENGTH + length:
                break
            at += HEADER_LENGTH + length
            count, last = count + 1, stream
    return count, last, False


def _compressed(frame: bytes) -> bytes:
    if len(frame) < HEADER_LENGTH:
        return frame
    version, flags, stream, opcode, _ = HEADER.unpack_from(frame)
    body = compress(frame[HEADER_LENGTH:])
    return HEADER.pack(version, flags | FrameFlag.COMPRESSED, stream, opcode, len(body)) + body


def orders(fuzzer: Fuzzer) -> None:
    mode, rate = "rest", 0
    begin, before = time.monotonic(), 0
    while True:
        ahead = rate > 0 and fuzzer.told.sent - before > (time.monotonic() - begin) * rate
        if select.select([sys.stdin], [], [], None if mode == "rest" else 0.001 if ahead else 0)[0]:
            order = sys.stdin.readline().split()
            if not order:
                return
            if order[0] != "count":
                mode, rate = order[0], int(order[1])
                begin, before = time.monotonic(), fuzzer.told.sent
            print(json.dumps(dataclasses.asdict(fuzzer.told)), flush=True)
        elif not ahead and mode == "valid":
            fuzzer.valid(_PACED if rate else _SUBTLE)
        elif not ahead:
            fuzzer.mutated(_PACED if rate else _SUBTLE, 0 if rate else _ANY)


def main(host: str, port: int, file: Path, seed: int, most: int) -> None:
    data, frames = file.read_bytes(), []
    while data:
        (length,) = struct.unpack_from(">I", data)
        frames.append(data[4 : 4 + length])
        data = data[4 + length :]
    orders(Fuzzer((host, port), frames, seed, most))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
