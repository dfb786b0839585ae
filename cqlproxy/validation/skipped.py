"""Why a read that was chosen is not compared, or its comparison says nothing."""

from __future__ import annotations

from enum import StrEnum


class Skipped(StrEnum):
    """The values are those of the metrics' labels."""

    NOT_COPIED = "not_copied"
    """The write mode copies nothing, so that the clusters differ by intention."""
    HELD_BACK = "held_back"
    """The rules hold writes of its table or tenant back."""
    TENANT_UNKNOWN = "tenant_unknown"
    """The rules hold tenants back, and the read does not tell which tenants its rows are of."""
    CONTINUED_PAGE = "continued_page"
    """It goes on where another page ended, which is another place on the other cluster."""
    MORE_PAGES = "more_pages"
    """It has more pages, and CQL does not promise that both clusters begin with the same rows."""
    SERIAL = "serial"
    """SERIAL and LOCAL_SERIAL: a ballot is held, which is no small thing to ask of a cluster."""
    VARYING = "varying"
    """Its result depends on time, on chance or on the cluster: now(), uuid(), ANN OF."""
    TABLE_UNKNOWN = "table_unknown"
    """The table is not in the schema as the driver knows it: it was made, or dropped, a moment ago."""
    TOO_LARGE = "too_large"
    """The statement or an answer is too long to be kept and read beside the traffic."""
    TOO_MANY = "too_many"
    """As many reads as may be are being compared already."""
    NOT_CONNECTED = "not_connected"
    """No node of the other cluster is connected."""
    NO_ANSWER = "no_answer"
    """A cluster did not answer in time, or the connection was lost."""
    FAILED = "failed"
    """A cluster answered with an error that may pass: too few replicas, overload."""
    REFUSED = "refused"
    """A cluster refuses the statement itself: it has no such table, for instance."""
    COPIES_WAITING = "copies_waiting"
    """The clusters differed, and copies from before the read have yet to be delivered."""
    CHANGING = "changing"
    """The clusters differed twice, each time in another way: the rows are being written."""
    NOT_UNDERSTOOD = "not_understood"
    """An answer cannot be read, or the columns of the two cannot be matched."""


class SkippedError(Exception):
    """A read is not compared."""

    def __init__(self, reason: Skipped) -> None:
        super().__init__(reason.value)
        self.reason = reason
