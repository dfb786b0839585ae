"""The numbers by which records name statements.

Numbers only grow, and a row notes the lowest and the highest that its records may name. So what is below the
lowest of all rows and letters can be forgotten, and what a chunk needs is read with it.
"""

from __future__ import annotations

from typing import Final

MAX_STATEMENTS: Final = 4096
"""Statements with numbers in use, after which all of them get new ones, so that old ones can be forgotten."""


class Statements:
    """``following`` is the first number that no statement in the file has."""

    def __init__(self, following: int) -> None:
        self.low = following
        """What is appended now names no statement below this one."""
        self._next = following
        self._numbers: dict[object, int] = {}

    @property
    def high(self) -> int:
        """What is appended now names no statement above this one."""
        return self._next - 1

    def get(self, key: object) -> int | None:
        return self._numbers.get(key)

    def add(self, key: object) -> int:
        number = self._numbers[key] = self._next
        self._next += 1
        return number

    def renew(self) -> bool:
        """Give new numbers from now on, if there are many; returns whether. No record is being made."""
        if len(self._numbers) <= MAX_STATEMENTS:
            return False
        self._numbers.clear()
        self.low = self._next
        return True
