"""Sends recorded frames, as they are or mutated, as the lines of standard input say. Needs no driver.

Arguments: contact point, port, a file with the frames (each after its length, four bytes), and a seed.
Orders: ``valid RATE``, ``mutated RATE``: so many frames a second, 0 for as many as possible; ``rest 0``;
``count``. Each is answered by how many of the frames sent so far were mutated.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import time
from pathlib import Path
from random import Random

from frame_codec import Opcode, Startup, encode_frame
from tests.integration.mutator import Mutator

_BURST = 25
_SHARE = 0.2
"""Of the frames of a burst that are wrong, when they are to be."""
_ANSWER_SECONDS = 0.2
_STARTUP = encode_frame(4, 0, 0, Opcode.STARTUP, Startup({"CQL_VERSION": "3.0.0"}).encode(4))
_COMPRESSED_STARTUP = encode_frame(
    4, 0, 0, Opcode.STARTUP, Startup({"CQL_VERSION": "3.0.0", "COMPRESSION": "lz4"}).encode(4)
)
_LAST = encode_frame(4, 0, 0x7FFF, Opcode.OPTIONS, b"")


class Fuzzer:
    """One client after the other, each with a burst of frames."""

    def __init__(self, server: tuple[str, int], frames: list[bytes], seed: int) -> None:
        self.sent = 0
        self.wrong = 0
        self._server = server
        self._chance = Random(seed)
        self._mutator = Mutator(frames, self._chance)

    def burst(self, *, mutated: bool) -> None:
        """Connect, send, and wait until the proxy has read it all, has closed, or waits for more."""
        chance, mutator = self._chance, self._mutator
        wrong = [mutated and chance.random() < _SHARE for _ in range(_BURST)]
        frames = [mutator.wrong() if is_wrong else mutator.valid() for is_wrong in wrong]
        startup = _STARTUP
        if mutated and chance.random() < 0.2:
            startup = chance.choice((b"", _COMPRESSED_STARTUP, _STARTUP * 2, mutator.wrong()))
        self.sent += _BURST
        self.wrong += sum(wrong)
        with (
            socket.create_connection(self._server, timeout=20) as client,
            contextlib.suppress(ConnectionError),
        ):
            client.sendall(startup)
            if startup in (_STARTUP, _COMPRESSED_STARTUP):
                client.recv(1000)
            client.sendall(b"".join(frames) + _LAST)
            if mutated and chance.random() < 0.2:
                return  # It has gone before it is answered.
            deadline = time.monotonic() + _ANSWER_SECONDS
            while (left := deadline - time.monotonic()) > 0 and select.select([client], [], [], left)[0]:
                data = client.recv(1 << 18)
                if not data or b"\x00\x7f\xff\x06" in data:
                    return


def orders(fuzzer: Fuzzer) -> None:
    mode, rate = "rest", 0
    begin, before = time.monotonic(), 0
    while True:
        late = rate > 0 and fuzzer.sent - before > (time.monotonic() - begin) * rate
        if mode == "rest" or late or select.select([sys.stdin], [], [], 0)[0]:
            if late and not select.select([sys.stdin], [], [], 0.005)[0]:
                continue
            order = sys.stdin.readline().split()
            if not order:
                return
            if order[0] != "count":
                mode, rate = order[0], int(order[1])
                begin, before = time.monotonic(), fuzzer.sent
            print(fuzzer.wrong, flush=True)
        else:
            fuzzer.burst(mutated=mode == "mutated")


def main(host: str, port: int, file: Path, seed: int) -> None:
    data, frames = file.read_bytes(), []
    while data:
        (length,) = struct.unpack_from(">I", data)
        frames.append(data[4 : 4 + length])
        data = data[4 + length :]
    orders(Fuzzer((host, port), frames, seed))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
