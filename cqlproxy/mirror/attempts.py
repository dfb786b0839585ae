"""The failed attempts to deliver a copy: how many count against it, and what a dead letter tells of them."""

from __future__ import annotations


class Attempts:
    """Made when there is something to tell: a failure, or a start that the journal knows of.

    Times are in seconds since the epoch.
    """

    __slots__ = (
        "began",
        "counted",
        "delivered_then",
        "error",
        "expired",
        "failures",
        "first",
        "last",
        "unprepared_since",
    )

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.failures = 0
        """All of them: the pause before the next one depends on it."""
        self.counted = 0
        """Those that failed while the target was well."""
        self.error = ""
        """What the last one failed of."""
        self.delivered_then = 0
        """How many copies, others all of them, had been delivered when the last one failed."""
        self.unprepared_since: float | None = None
        """When a node first did not know its statement, by the mirror's clock."""
        self.began = False
        """Whether the journal knows that the copy, which must not be sent twice, is about to be sent."""
        self.expired = False
        """Whether its time to live had passed before it could be sent."""

    def failed(self, at: float, error: str, *, counts: bool) -> None:
        """One more has failed, which was sent at ``at``."""
        if self.first is None:
            self.first = at
        self.last = at
        self.failures += 1
        self.counted += counts
        self.error = error
