"""Prepared statements: what the proxy knows of an id that a client holds.

The client holds the id that the cluster which answered its PREPARE gave. From it follow the text, the
keyspace, what the statement does, where it is routed, and the id on each cluster. Kept in a
bounded registry; an id that has fallen out goes back to the client as UNPREPARED, and its driver
prepares again (spec section 4.2.5.4).
"""

from __future__ import annotations

from collections import OrderedDict

from cqlproxy.cluster.side import Side
from cqlproxy.statements import (
    Kind,
    Statement,
    TableName,
    depends_on_keyspace,
    is_in_turn,
    is_repeatable,
)
from filters import Scope
from frame_codec import Prepared

START = 18
"""Bytes that an EXECUTE begins with: the length of its id, and the id, where that has 16 as servers give."""


class PreparedStatement:
    """One prepared statement.

    ``keyspace`` is the client's at the time of its PREPARE, in which it must be prepared again;
    ``bound`` the bind variables as the server describes them; ``routing_indexes`` those that make the
    partition key, in its order, empty where the server does not say (v3). ``id`` names the statement in
    request bodies; it need not be known to any cluster.
    """

    __slots__ = (
        "aging",
        "bound",
        "columns",
        "conditional",
        "decided",
        "evaluated",
        "expires",
        "has_functions",
        "id",
        "ids",
        "in_turn",
        "keyspace",
        "metadata_changed",
        "parameters_at",
        "plain_read",
        "plain_write",
        "refused_until",
        "repeatable",
        "result_columns",
        "routing_indexes",
        "routing_keyspace",
        "scope",
        "stamped",
        "stands_in",
        "statement",
        "system_table",
        "tables",
        "text",
        "told_columns",
        "used",
        "usual",
        "writes",
    )

    def __init__(
        self,
        prepared: Prepared,
        text: bytes,
        keyspace: str | None,
        statement: Statement,
        *,
        system_table: bool = False,
        side: Side | None = None,
    ) -> None:
        self.id = prepared.id
        self.parameters_at = 2 + len(prepared.id)
        """Where the parameters of an EXECUTE stand that has no custom payload."""
        self.ids: list[bytes | None] = [None, None]
        """By ``Side``: its id there; None until it is prepared there, the very object ``id`` where equal."""
        self.text = text
        self.keyspace = keyspace
        self.statement = statement
        self.system_table = system_table
        self.writes = statement.kind in (Kind.MUTATION, Kind.BATCH)
        self.plain_write = statement.kind is Kind.MUTATION and not statement.conditional
        self.plain_read = statement.kind is Kind.READ and not system_table
        self.conditional = statement.conditional
        self.stamped = self.writes and not self.conditional
        """Whether it takes a write time of the proxy's; a conditional write gets the server's own."""
        self.stands_in = keyspace if depends_on_keyspace(statement) else None
        """The keyspace without which its text means nothing; none where the text names its own."""
        self.has_functions = self.writes and bool(statement.functions)
        """Whether it calls functions that each cluster would give values of its own."""
        self.expires = statement.sets_ttl
        """Whether what it writes has a time to live that it gives itself."""
        self.refused_until = [0.0, 0.0]
        """By ``Side``: ``time.monotonic()`` until which a cluster that refused it is not asked again."""
        self.decided: PreparedStatement | None = None
        """It as its copy is once a conditional write was applied: without conditions."""
        self.evaluated: PreparedStatement | None = None
        """It with markers in place of the functions whose values are the proxy's to give."""
        self.aging: PreparedStatement | None = None
        """It with a marker for the time to live that its text gives as a literal, or leaves to the table."""
        self.scope: Scope | None = None
        """The governor's, for the rules in force when it was last asked."""
        self.used = True
        self.metadata_changed = [False, False]
        """By ``Side``: whether the result columns there differ from those that some client was told; then
        none may skip them."""
        self.result_columns = prepared.result.columns
        """The columns that the first client was told."""
        self.told_columns = prepared.result.columns
        """The columns that a client was told last."""
        self.columns = [prepared.result.columns, prepared.result.columns]
        """By ``Side``: the columns that executing it returns there, as far as is known."""
        self.usual = [False, False]
        """By ``Side``: whether an EXECUTE that is answered there can be passed on by the id that it has, and
        is a plain read or a write without functions."""
        if side is not None:
            self.named_on(side, prepared.id)
        self._described(prepared)

    def outdated(self, side: Side) -> bool:
        """Whether the columns there are others than any client was told last.

        There are drivers that take rows for the columns that they were told when they prepared, even where
        the rows come with their own (gocql). They must be told to prepare again.
        """
        return self.columns[side] != self.told_columns

    def told(self, side: Side, prepared: Prepared) -> None:
        """A client has prepared it again on this cluster, and was told what the server says of it now."""
        self.named_on(side, prepared.id)
        self.told_columns = self.columns[side] = prepared.result.columns
        if prepared.result.columns != self.result_columns:
            self.metadata_changed = [True, True]
            self.usual = [False, False]
        self._described(prepared)

    def known_on(self, side: Side, prepared: Prepared) -> None:
        """It was prepared on a cluster unseen by clients (a schema change may have altered it)."""
        self.named_on(side, prepared.id)
        self.columns[side] = prepared.result.columns
        if prepared.result.columns != self.result_columns:
            self.metadata_changed[side] = True
            self.usual[side] = False
        self._described(prepared)

    def named_on(self, side: Side, prepared_id: bytes) -> None:
        """A cluster has given it this id."""
        # The very object where it is equal, so that hot code need not compare.
        self.ids[side] = self.id if prepared_id == self.id else prepared_id
        self.usual[side] = (
            prepared_id == self.id
            and (self.plain_read or (self.writes and not self.has_functions))
            and not self.metadata_changed[side]
        )

    def _described(self, prepared: Prepared) -> None:
        self.bound = prepared.bound.columns
        self.routing_indexes = tuple(prepared.pk_indexes)
        first = self.bound[0] if self.bound else None
        self.routing_keyspace = first.keyspace if first is not None else None
        in_keyspace = self.routing_keyspace or self.keyspace
        self.tables = tuple(
            TableName(table.keyspace or in_keyspace, table.table) for table in self.statement.tables
        )
        """The tables that it reads or writes, by their whole names."""
        types = [column.type.cql_name for column in self.bound]
        self.repeatable = is_repeatable(self.statement, types)
        """Whether applying it twice, with the same write time, is as good as once."""
        self.in_turn = is_in_turn(self.statement, types)
        """Whether its place among the writes of its table matters."""


class PreparedStatements:
    """Prepared statements by id: at most ``capacity``, those not used lately give way."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_id: OrderedDict[bytes, PreparedStatement] = OrderedDict()
        self.get = self._by_id.get
        """``get(id)``: the statement or None."""
        self._by_start: dict[bytes, PreparedStatement] = {}
        self.executed = self._by_start.get
        """``executed(start)``: the statement or None, by the first `START` bytes of its EXECUTE. A bare dict
        look-up: this is asked for every EXECUTE."""
        self._outdated: dict[bytes, PreparedStatement] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def known(self, prepared_id: bytes) -> PreparedStatement | None:
        """The statement, also one that clients are told to prepare again."""
        return self._by_id.get(prepared_id) or self._outdated.get(prepared_id)

    def withdraw(self, statement: PreparedStatement) -> None:
        """Have clients told that it is unknown, until one of them has prepared it again."""
        if self._by_id.pop(statement.id, None) is None:
            return
        self._by_start.pop(_start(statement), None)
        self._outdated[statement.id] = statement

    def put(self, statement: PreparedStatement) -> None:
        """Add or replace; the caller of ``get`` sets ``used``, which spares a statement once."""
        self._outdated.pop(statement.id, None)
        self._by_id[statement.id] = statement
        if statement.parameters_at == START:
            self._by_start[_start(statement)] = statement
        while self._outdated and len(self._by_id) + len(self._outdated) > self._capacity:
            del self._outdated[next(iter(self._outdated))]
        while len(self._by_id) > self._capacity:
            oldest = next(iter(self._by_id.values()))
            if oldest.used and oldest is not statement:
                oldest.used = False
                self._by_id.move_to_end(oldest.id)
            else:
                del self._by_id[oldest.id]
                self._by_start.pop(_start(oldest), None)


def _start(statement: PreparedStatement) -> bytes:
    return len(statement.id).to_bytes(2, "big") + statement.id
