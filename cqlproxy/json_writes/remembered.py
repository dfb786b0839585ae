"""Writes by their request ids, so that one that is asked for again is not done again.

A program that got no answer asks once more. What it asks for may have been written: then it is told so. If it
may have been and nobody knows, it is written again with the same write time, after which it is there once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from typing import Final

from cqlproxy.json_writes.request import JsonWrite, RepeatedError, Written

CAPACITY: Final = 10_000
"""Request ids that are remembered; those that came first are forgotten first."""


class Remembered:
    """One write: its write time, and what became of it."""

    __slots__ = ("_print", "outcome", "repeatable", "timestamp")

    def __init__(self, fingerprint: bytes, timestamp: int) -> None:
        self._print = fingerprint
        self.timestamp = timestamp
        self.outcome: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        """Of the last attempt."""
        self.repeatable = True
        """Whether it may be written twice with the same write time."""

    def is_of(self, fingerprint: bytes, timestamp: int | None) -> bool:
        return self._print == fingerprint and timestamp in (None, self.timestamp)

    @property
    def is_final(self) -> bool:
        """Whether its outcome is what everybody is told who asks for it again, or is about to be."""
        if not self.outcome.done():
            return True
        error = self.outcome.result().error
        return error is None or (error.may_be_applied and not self.repeatable)

    def again(self) -> None:
        """Another attempt begins."""
        self.outcome = asyncio.get_running_loop().create_future()


class RememberedWrites:
    """Those of the last ``capacity`` request ids."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._by_id: OrderedDict[str, Remembered] = OrderedDict()

    def find(self, wanted: JsonWrite) -> Remembered | None:
        """What is remembered of the same write. Raises ``RepeatedError`` when the id is that of another."""
        found = None if wanted.request_id is None else self._by_id.get(wanted.request_id)
        if found is not None and not found.is_of(_fingerprint(wanted), wanted.timestamp):
            raise RepeatedError(
                f"{wanted.request_id!r} was the id of another write: give each write an id of its own"
            )
        return found

    def begin(self, wanted: JsonWrite, timestamp: int) -> Remembered:
        """Remember a write that is about to be tried for the first time."""
        begun = Remembered(_fingerprint(wanted), timestamp)
        if wanted.request_id is not None:
            self._by_id[wanted.request_id] = begun
            if len(self._by_id) > self._capacity:
                self._by_id.popitem(last=False)
        return begun

    def forget(self, wanted: JsonWrite) -> None:
        """It was never tried: what it asks for is wrong."""
        if wanted.request_id is not None:
            self._by_id.pop(wanted.request_id, None)


def _fingerprint(wanted: JsonWrite) -> bytes:
    what = wanted._replace(request_id=None, timestamp=None)
    return hashlib.blake2b(json.dumps(what, sort_keys=True, default=str).encode(), digest_size=16).digest()
