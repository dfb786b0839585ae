"""The two clusters by their names, which they keep in every write mode."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """One of the two clusters. An index, so that what is kept for both stands in a list."""

    PRIMARY = 0
    """The cluster that the application comes from."""
    SHADOW = 1
    """The one that it goes to."""

    @property
    def other(self) -> Side:
        return Side.SHADOW if self is Side.PRIMARY else Side.PRIMARY

    @property
    def label(self) -> str:
        """The name for messages, metrics and settings: ``primary`` or ``shadow``."""
        return self.name.lower()
