"""A client that does nothing wrong, and measures how it is served."""

from __future__ import annotations

import time
from dataclasses import dataclass

from frame_codec import Execute, Opcode, Prepare, QueryParameters, decode_prepared_id, encode_frame
from tests.integration.raw_client import RawClient
from tests.nodes import ProxyProcess


@dataclass(frozen=True)
class Served:
    """A while of it: answers a second, and the time that 99 % of them did not exceed, in seconds."""

    rate: float
    p99: float


class HonestClient:
    """Reads one row again and again by a prepared statement, `window` requests at a time.

    It does so every `every` seconds, or as soon as it has its answers: an application at a steady rate, which
    is less as soon as it is not served in time, on a machine that has other work to do as well.
    """

    def __init__(self, proxy: ProxyProcess, select: str, *, window: int = 8, every: float = 0.005) -> None:
        self._every = every
        self.client = RawClient(proxy).start()
        self.client.request(Prepare(select))
        prepared = decode_prepared_id(self.client.expect(Opcode.RESULT, stream=1))
        self._body = Execute(prepared, QueryParameters()).encode(4)
        self._window = window

    def close(self) -> None:
        self.client.close()

    def serve(self, seconds: float, *, pausing: bool = True) -> Served:
        """Ask for so long. Each request must be answered with a RESULT.

        Not `pausing`: ask on as soon as there are answers, for as many as the machine gives.
        """
        sent: dict[int, float] = {}
        times: list[float] = []
        begin = due = time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            if pausing:
                time.sleep(max(0.0, due - now))
                due = max(due, now) + self._every
            self._send(list(range(self._window)), sent)
            while sent:
                frames = self.client.frames()
                now = time.monotonic()
                for _, _, stream, opcode, body in frames:
                    assert opcode == Opcode.RESULT, body
                    times.append(now - sent.pop(stream))
        times.sort()
        return Served(len(times) / (time.monotonic() - begin), times[int(len(times) * 0.99)])

    def _send(self, streams: list[int], sent: dict[int, float]) -> None:
        frames = b"".join(encode_frame(4, 0, stream, Opcode.EXECUTE, self._body) for stream in streams)
        now = time.monotonic()
        sent.update(dict.fromkeys(streams, now))
        self.client.send(frames)
