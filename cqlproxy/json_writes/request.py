"""What a program asks to be written, and what it is told."""

from __future__ import annotations

from typing import Final, NamedTuple

from frame_codec import ConsistencyLevel, ErrorCode

NOT_APPLIED: Final = "NOT_APPLIED"

_MAY_BE_APPLIED: Final = frozenset({ErrorCode.SERVER_ERROR, ErrorCode.WRITE_TIMEOUT, ErrorCode.WRITE_FAILURE})
_NAMES: Final = {int(code): code.name for code in ErrorCode}


class JsonWrite(NamedTuple):
    """One write."""

    keyspace: str
    """By its real name, as are tables: without quotes. Names in the query that have none are of it."""
    table: str
    query: str
    """CQL, with a marker for each value."""
    values: list[object] | dict[str, object]
    """By position, or by the names of the markers."""
    consistency: ConsistencyLevel
    request_id: str | None
    timestamp: int | None
    """Microseconds; None: that of the proxy."""


class WriteError(NamedTuple):
    """Why something was not written, as a CQL server says it or the proxy in its place."""

    code: int | None
    """Of the native protocol (v4, section 9); None for a condition that does not hold."""
    name: str
    message: str
    may_be_applied: bool
    """Whether the write may be there all the same, or come to be."""

    @classmethod
    def of(cls, code: int, message: str, *, sent: bool = True) -> WriteError:
        """An ERROR of the protocol; ``sent``: to a statement that was executed, not only prepared."""
        return cls(code, _NAMES.get(code, "UNKNOWN"), message, sent and code in _MAY_BE_APPLIED)

    @classmethod
    def not_applied(cls) -> WriteError:
        """The condition of a conditional write does not hold."""
        return cls(None, NOT_APPLIED, "The condition of the write does not hold", False)


class Written(NamedTuple):
    """What became of a write."""

    success: bool
    request_id: str
    write_timestamp: int | None
    """Microseconds; None where the server chooses it, and where each statement of a batch has its own."""
    latency_ms: float
    """From the request to its answer."""
    error: WriteError | None = None


class RepeatedError(Exception):
    """A request id that was used for another write; the message says so."""


class NotServingError(Exception):
    """Nothing can be written now: the proxy is starting or stopping."""
