"""What an error of the shadow means for a copy: whether it may be, or need be, delivered again."""

from __future__ import annotations

from enum import Enum

from frame_codec import ErrorCode


class Outcome(Enum):
    """What became of one attempt to deliver a copy."""

    DELIVERED = "delivered"
    NOT_APPLIED = "not applied"
    """Nothing was written, and a later attempt may succeed: safe to repeat, whatever the copy is."""

    UNKNOWN = "unknown"
    """It may have been written: repeated only where that does no harm."""

    UNPREPARED = "unprepared"
    REFUSED = "refused"
    """The statement itself is at fault on this cluster; a repetition would be refused as well."""


_NOT_APPLIED = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.OVERLOADED, ErrorCode.IS_BOOTSTRAPPING})
_UNKNOWN = frozenset(
    {ErrorCode.SERVER_ERROR, ErrorCode.WRITE_TIMEOUT, ErrorCode.WRITE_FAILURE, ErrorCode.TRUNCATE_ERROR}
)


def outcome_of_error(code: int, *, schema: bool) -> Outcome:
    """Classify an ERROR code (spec section 9).

    A schema change that the shadow already has (``ALREADY_EXISTS``) is as good as delivered.
    """
    if code in _NOT_APPLIED:
        return Outcome.NOT_APPLIED
    if code in _UNKNOWN:
        return Outcome.UNKNOWN
    if code == ErrorCode.UNPREPARED:
        return Outcome.UNPREPARED
    if schema and code == ErrorCode.ALREADY_EXISTS:
        return Outcome.DELIVERED
    return Outcome.REFUSED
