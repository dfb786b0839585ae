"""What came of the reads that were chosen to be compared."""

from __future__ import annotations

from cqlproxy.table_counts import CountsByTable


class ValidationCounts:
    """Each chosen read ends as validated or as skipped."""

    __slots__ = ("mismatches", "rechecks", "skipped", "under_way", "validated")

    def __init__(self) -> None:
        self.under_way = 0
        """Reads that are being compared, those that wait to be read once more among them."""
        self.validated = 0
        """Reads compared to the end, those that differ among them."""
        self.rechecks = 0
        """Reads that differed at first, and so were read once more on both clusters."""
        self.mismatches = CountsByTable()
        """Reads that differed both times, by table."""
        self.skipped: dict[str, int] = {}
        """Reads that were not compared, by reason: see ``skipped.Skipped``."""

    def skip(self, reason: str) -> None:
        """Count a read that was not compared. ``reason`` is one of a few constants, never a message."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def snapshot(self) -> dict[str, object]:
        """The figures that `/stats` shows, as JSON types."""
        return {
            "validations_under_way": self.under_way,
            "validated_reads": self.validated,
            "validation_rechecks": self.rechecks,
            "consistency_mismatches": sum(self.mismatches.values()),
            "validation_skipped_by_reason": dict(self.skipped),
        }
