"""What changes in a cluster's schema is read again: one thing after the other, in the order of the events.

The driver would do so by itself, but on several threads at the same time. A new table may be read before its
new keyspace, or a view before its table, and is then unknown until it changes again; of two readings of one
table the older one may stay. And the driver forgets a change that it could not read, because nodes did not
agree on the schema, for example. So it is told to heed no such events, and asked for each thing by name.

Functions and aggregates are not read again: the proxy does not look at them.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from cassandra import DriverException

from cqlproxy.supervision import Supervisor
from frame_codec import SchemaChange

log = logging.getLogger(__name__)

WINDOW_SECONDS: Final = 0.25
"""Reading begins within this time, at random: not all proxies ask their nodes at the same moment. What comes
meanwhile, and means the same thing, is read once.
"""

ATTEMPTS: Final = 8
"""How often a thing is tried that cannot be read. Nodes that disagree have more than three minutes: each
attempt waits for them as well.
"""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between two attempts; each pause is twice the one before."""


class Changed(NamedTuple):
    """A KEYSPACE, or a TABLE (which may be a view) or TYPE by its ``name`` in it."""

    target: str
    keyspace: str
    name: str | None


_GIVEN_UP: Final = (
    "a change of the schema is not known to the proxy: until it changes again, comparisons leave it out or"
    " look at other columns, and copies that are late may expire late. A restart reads all of the schema"
)
_READ: Final = frozenset({"KEYSPACE", "TABLE", "TYPE"})


class SchemaChanges:
    """``read`` has one thing read, and raises the driver's ``DriverException`` when it was not.

    ``keyspace_read`` is called with the name of each keyspace that was read: its replicas may be others now.
    """

    def __init__(
        self,
        cluster: str,
        read: Callable[[Changed], Awaitable[None]],
        keyspace_read: Callable[[str], None],
        supervisor: Supervisor,
    ) -> None:
        self._cluster = cluster
        self._read = read
        self._keyspace_read = keyspace_read
        self._supervisor = supervisor
        self._waiting: dict[Changed, None] = {}
        """In the order of the events. What waits already keeps its place: it is read as it is by then, and
        what it stands in, a keyspace or a table, before it."""
        self._reading = False

    def note(self, change: SchemaChange) -> None:
        """A node has told that this changed."""
        if change.target not in _READ:
            return
        self._waiting.setdefault(Changed(change.target, change.keyspace, change.name))
        if not self._reading:
            self._reading = True
            self._supervisor.start(self._read_all(), f"changes of the {self._cluster}'s schema")

    async def _read_all(self) -> None:
        try:
            await asyncio.sleep(random.random() * WINDOW_SECONDS)
            while self._waiting:
                changed = next(iter(self._waiting))
                # What changes while it is being read is read once more.
                del self._waiting[changed]
                await self._read_one(changed)
        finally:
            self._reading = False

    async def _read_one(self, changed: Changed) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._read(changed)
            except DriverException as error:
                told = {"cluster": self._cluster, "changed": _named(changed), "error": str(error)}
                if attempt == ATTEMPTS:
                    log.error(_GIVEN_UP, extra=told)
                    return
                if attempt == 1:
                    log.warning("a change of the schema could not be read; it is tried again", extra=told)
            else:
                if changed.target == "KEYSPACE":
                    self._keyspace_read(changed.keyspace)
                return
            await asyncio.sleep(min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))


def read_again(cluster: Any, changed: Changed) -> None:
    """Have the driver's ``Cluster`` read it, or forget it when it is gone. Blocks.

    Raises the driver's ``DriverException``.
    """
    if changed.target == "KEYSPACE":
        cluster.refresh_keyspace_metadata(changed.keyspace)
    elif changed.target == "TABLE":
        cluster.refresh_table_metadata(changed.keyspace, changed.name)
    else:
        cluster.refresh_user_type_metadata(changed.keyspace, changed.name)


def _named(changed: Changed) -> str:
    name = changed.keyspace if changed.name is None else f"{changed.keyspace}.{changed.name}"
    return f"{changed.target.lower()} {name}"
