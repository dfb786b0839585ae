"""Dead letters: copies that were given up, with all that explains why. They can be replayed by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from cqlproxy.cluster.side import Side

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A value as JSON has it."""


class Reason(StrEnum):
    """Why a copy is not delivered; the value is what the operator sees and filters by."""

    REJECTED = "rejected"
    """The target refuses the statement itself: a repetition would be refused as well."""
    UNPREPARED = "unprepared"
    """The target does not keep the statement prepared, however often it is told to."""
    ATTEMPTS = "attempts"
    """As many attempts as are allowed have failed while the target was there."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """It may have been applied, and applying it twice would do harm (a counter, a change of a list)."""
    SYNC_FAILED = "sync_failed"
    """The client was told that the write to the target had failed."""
    UNCONFIRMED = "unconfirmed"
    """The cluster that answers gave no answer, so it may not have the write itself."""
    EXPIRED = "expired"
    """Its time to live had passed before it could be delivered."""
    UNREADABLE = "unreadable"
    """What the journal holds of it cannot be made into a request any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One copy that was given up. Times are seconds since the epoch; None where there was no attempt."""

    target: Side
    """The cluster that does not have the write."""
    keyspace: str | None
    """The keyspace of its first table; the client's where the text does not name one."""
    tables: tuple[str, ...]
    """The tables that it writes, as ``keyspace.table``."""
    statement: str
    """The text; those of a batch one after the other, each with a semicolon and a line end."""
    values: Json
    """The bound values: decoded where their types are known, ``0x`` and hexadecimal digits otherwise."""
    consistency: str
    reason: Reason
    error: str
    """What the cluster said, or what happened instead of an answer."""
    written_at: float
    """When the cluster that answered the client had the write."""
    attempts: int = 0
    first_attempt: float | None = None
    last_attempt: float | None = None
    id: int = 0
    """Given by the journal; 0 before that."""

    def as_json(self) -> dict[str, Json]:
        """The letter as the command line, the HTTP API and an export show it; times in ISO 8601, UTC."""
        return {
            "id": self.id,
            "target": self.target.label,
            "keyspace": self.keyspace,
            "tables": list(self.tables),
            "statement": self.statement,
            "values": self.values,
            "consistency": self.consistency,
            "written_at": _iso(self.written_at),
            "first_attempt": _iso(self.first_attempt),
            "last_attempt": _iso(self.last_attempt),
            "attempts": self.attempts,
            "reason": self.reason.value,
            "error": self.error,
        }

    def as_line(self) -> str:
        """The letter as one line of JSON, with its line end."""
        return json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":")) + "\n"


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
