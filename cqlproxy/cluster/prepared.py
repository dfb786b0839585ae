"""Prepared statements: what the proxy knows of an id that a client holds.

The client holds the id that the cluster which answered its PREPARE gave. From it follow the text, the
keyspace, what the statement does, where it is routed, and the id on the other cluster. Kept in a
bounded registry; an id that has fallen out goes back to the client as UNPREPARED, and its driver
prepares again (spec section 4.2.5.4).
"""

from __future__ import annotations

from collections import OrderedDict

from cqlproxy.statements import Kind, Statement, TableName
from filters import Scope
from frame_codec import ColumnSpec, Prepared


def depends_on_keyspace(statement: Statement) -> bool:
    """Whether what the text means depends on the keyspace that is in use."""
    if statement.tables:
        return any(table.keyspace is None for table in statement.tables)
    return not statement.keyspaces


class PreparedStatement:
    """One prepared statement.

    ``keyspace`` is the client's at the time of its PREPARE, in which it must be prepared again;
    ``bound`` the bind variables as the server describes them; ``routing_indexes`` those that make the
    partition key, in its order, empty where the server does not say (v3).
    """

    __slots__ = (
        "bound",
        "conditional",
        "id",
        "keyspace",
        "metadata_changed",
        "plain_read",
        "repeatable",
        "result_columns",
        "routing_indexes",
        "routing_keyspace",
        "scope",
        "shadow_id",
        "shadow_keyspace",
        "shadow_refused_until",
        "stamped",
        "statement",
        "system_table",
        "table",
        "text",
        "used",
        "writes",
    )

    def __init__(
        self, prepared: Prepared, text: bytes, keyspace: str | None, statement: Statement, system_table: bool
    ) -> None:
        self.id = prepared.id
        self.text = text
        self.keyspace = keyspace
        self.statement = statement
        self.system_table = system_table
        self.writes = statement.kind in (Kind.MUTATION, Kind.BATCH)
        self.plain_read = statement.kind is Kind.READ and not system_table
        self.conditional = statement.conditional
        self.stamped = self.writes and not self.conditional
        """Whether it takes a write time of the proxy's; a conditional write gets the server's own."""
        self.repeatable = not statement.relative
        """Whether applying it twice, with the same write time, is as good as once."""
        self.shadow_keyspace = keyspace if depends_on_keyspace(statement) else None
        """The keyspace in which the shadow prepares it: none where the text names its own."""
        self.shadow_id: bytes | None = None
        self.shadow_refused_until = 0.0
        """``loop.time()`` until which the shadow is not asked again to prepare a text that it refused."""
        self.scope: Scope | None = None
        """The governor's, for the rules in force when it was last asked."""
        self.used = True
        self.metadata_changed = False
        """Whether result columns differ from those that some client was told: then none may skip them."""
        self.result_columns: tuple[ColumnSpec, ...] = ()
        self.described(prepared)
        self.metadata_changed = False

    def described(self, prepared: Prepared) -> None:
        """Take what the server says of the statement now (a schema change may have altered it)."""
        self.bound = prepared.bound.columns
        self.routing_indexes = tuple(prepared.pk_indexes)
        first = self.bound[0] if self.bound else None
        self.routing_keyspace = first.keyspace if first is not None else None
        named = self.statement.tables[0] if self.statement.tables else TableName(None, "")
        self.table = TableName(named.keyspace or self.routing_keyspace or self.keyspace, named.table)
        """The table that it reads or writes; of a batch, the first."""
        if prepared.result.columns != self.result_columns:
            self.result_columns = prepared.result.columns
            self.metadata_changed = True


class PreparedStatements:
    """Prepared statements by id: at most ``capacity``, those not used lately give way."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_id: OrderedDict[bytes, PreparedStatement] = OrderedDict()
        self.get = self._by_id.get
        """``get(id)``: the statement or None. A bare dict look-up: this is asked for every EXECUTE."""

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, statement: PreparedStatement) -> None:
        """Add or replace; the caller of ``get`` sets ``used``, which spares a statement once."""
        self._by_id[statement.id] = statement
        while len(self._by_id) > self._capacity:
            oldest = next(iter(self._by_id.values()))
            if oldest.used and oldest is not statement:
                oldest.used = False
                self._by_id.move_to_end(oldest.id)
            else:
                del self._by_id[oldest.id]
