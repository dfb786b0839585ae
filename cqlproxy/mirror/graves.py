"""Copies that will not be delivered: counted, and kept as dead letters where there is a journal."""

from __future__ import annotations

from cqlproxy.cluster.side import Side
from cqlproxy.journal import Reason, Stored
from cqlproxy.metrics import Metrics
from cqlproxy.mirror.backlog import Backlog
from cqlproxy.mirror.letter import dead_letter, unusable_letter
from cqlproxy.mirror.mutation import Mutation


class Graves:
    """Those of one mirror. ``backlog`` is None where there is no journal: then such a copy is lost."""

    def __init__(self, side: Side, metrics: Metrics, backlog: Backlog | None) -> None:
        self._side = side
        self._metrics = metrics
        self._backlog = backlog

    def bury(self, mutation: Mutation, reason: Reason, error: str) -> None:
        """A copy is given up."""
        self._metrics.count_mirror_failed(reason, self._side)
        self._count_by_table(mutation, reason)
        if self._backlog is not None:
            self._backlog.bury(mutation, dead_letter(mutation, self._side, reason, error))

    def unusable(self, stored: Stored, error: str) -> None:
        """A record of the journal cannot be made into a copy any more."""
        assert self._backlog is not None
        self._metrics.count_mirror_failed(Reason.UNREADABLE, self._side)
        letter = unusable_letter(stored.record, self._side, error)
        self._backlog.journal.bury(self._side, stored.record, letter, stored.entry)

    def drop(self, mutation: Mutation, reason: str) -> None:
        """A copy was never sent, and is not kept: there is no room for it."""
        self._metrics.count_dropped(reason, side=self._side)
        self._count_by_table(mutation, reason)

    def _count_by_table(self, mutation: Mutation, reason: str) -> None:
        for table in mutation.tables:
            self._metrics.undelivered_by_table.add(reason, table.keyspace, table.table)
