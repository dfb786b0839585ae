"""The measure of time here: one step of a fixed piece of pure Python, of the kinds of work that a proxy does.

A machine that is slower, or busy with others, takes longer for a step and for a request alike. Never change
what a step does: every bound that is written down in steps would lose its meaning.
"""

from __future__ import annotations

import struct
from time import process_time_ns
from typing import Final

_HEADER: Final = struct.Struct(">BBhBI")
_STEPS: Final = 256


class _Noted:
    __slots__ = ("body", "number", "place")

    def __init__(self, number: int, body: bytes, place: int) -> None:
        self.number = number
        self.body = body
        self.place = place

    def length(self) -> int:
        return len(self.body) + self.place


def _steps(count: int) -> int:
    """A slice, a look-up, an object, a call, a header and a list for each step; a join for each 32."""
    data = bytes(range(256))
    by_key = {data[at : at + 16]: at for at in range(128)}
    pack = _HEADER.pack
    out: list[bytes] = []
    total = 0
    for number in range(count):
        at = number & 127
        body = data[at : at + 16]
        noted = _Noted(number, body, by_key[body])
        total += noted.length()
        out.append(pack(4, 0, at, 8, noted.number))
        out.append(body)
        if at & 31 == 31:
            total += len(b"".join(out))
            out.clear()
    return total


def step_seconds() -> float:
    """Processor time of one step, in seconds, measured once over a few hundred."""
    began = process_time_ns()
    _steps(_STEPS)
    return (process_time_ns() - began) / _STEPS / 1e9
