"""What a CQL text does: the values that an analysis consists of.

All are immutable. Spans are half-open ranges of characters in the analysed text. A bind marker's index
is its position among all markers of the whole text, as in the bind values of an EXECUTE or QUERY request
(CQL native protocol v4, section 4.1.4); for a statement inside a text ``BEGIN BATCH`` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a statement is to a proxy."""

    READ = "read"
    """SELECT, and ScyllaDB's PRUNE MATERIALIZED VIEW, which its server executes as a read."""
    MUTATION = "mutation"
    """INSERT, UPDATE, DELETE."""
    BATCH = "batch"
    """A text BEGIN ... BATCH ... APPLY BATCH."""
    SCHEMA = "schema"
    """CREATE, ALTER, DROP, COMMENT and SECURITY LABEL of keyspaces, tables, views, indexes, types,
    functions, aggregates and triggers."""
    TRUNCATE = "truncate"
    ROLE = "role"
    """Changes of roles, users, identities, permissions and service levels."""
    USE = "use"
    DESCRIBE = "describe"
    LIST = "list"
    """LIST ROLES, USERS, PERMISSIONS and the like."""
    UNKNOWN = "unknown"
    """Not a statement that the analysis understands. The server's answer is the truth about it."""


class LiteralKind(StrEnum):
    """The class of a literal by its form in the text; the column's type may be another."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    UUID = "uuid"
    BLOB = "blob"
    BOOLEAN = "boolean"
    DURATION = "duration"
    NULL = "null"


class Operator(StrEnum):
    """How a binding's column and terms belong together."""

    SET = "SET"
    """The column gets the term: INSERT, or ``column = term`` in UPDATE."""
    ADD = "+"
    """The term is added to what the column holds: a counter, a list's end or start, a set, a map."""
    SUBTRACT = "-"
    ELEMENT = "[]"
    """The term is, or is compared with, one element or field of the column."""
    EQ = "="
    IN = "IN"
    """The column is compared with each of the terms: ``IN (?, ?)``."""
    IN_LIST = "IN ?"
    """The column is compared with each element of a list, which is the only term: ``IN ?``."""
    OTHER = "OTHER"
    """Any other comparison: an inequality, a range, CONTAINS, LIKE."""


class Span(NamedTuple):
    """Characters ``text[start:end]``."""

    start: int
    end: int


_NOWHERE: Final = Span(0, 0)


class TableName(NamedTuple):
    """A table or view; names as CQL reads them (lower case unless quoted). None: not qualified."""

    keyspace: str | None
    table: str


@dataclass(frozen=True, slots=True)
class Marker:
    """A bind marker: its index among all markers of the text; its name, None for ``?``."""

    index: int
    name: str | None


class Literal(NamedTuple):
    """A constant. ``text``: of a string what it stands for, of a uuid its lower case, else as written."""

    kind: LiteralKind
    text: str


class Expression(NamedTuple):
    """Any other term (a call, a collection, a tuple, arithmetic), with the markers inside it."""

    markers: tuple[Marker, ...]


Term = Marker | Literal | Expression


class Binding(NamedTuple):
    """What a column gets or is compared with. More than one term only for Operator.IN."""

    column: str
    operator: Operator
    terms: tuple[Term, ...]


class FunctionCall(NamedTuple):
    """A call of a native function whose value differs from call to call: now(), uuid(), current...().

    It is the innermost call: of ``toTimestamp(now())`` what is told is ``now()``.
    """

    name: str
    """In lower case, as written: ``currenttimestamp`` or ``current_timestamp``; without ``system.``."""
    span: Span
    """From the name, or the keyspace before it, to the closing bracket."""
    cql_type: str
    """The type of its value. A constant or bind marker in its place means the same only with this type
    written before it: ``(timeuuid)?``."""
    marker: int
    """The index that a bind marker in its place would have."""


class Condition(NamedTuple):
    """The IF clause of a conditional write: its span from IF to its last word, its markers' indexes.

    The text without that span is the unconditional write; it binds all markers but these.
    """

    span: Span
    markers: tuple[int, ...]


class Parameter(NamedTuple):
    """The value of TIMESTAMP or TTL in a USING clause: a literal or marker, and where it stands."""

    term: Term
    span: Span


class Using(NamedTuple):
    """A USING clause: from USING to its last word. Of a parameter given twice the last one holds."""

    span: Span
    timestamp: Parameter | None
    ttl: Parameter | None


class Selected(NamedTuple):
    """One result column of a SELECT.

    A plain column: ``column``. A call: ``function``, and ``column`` when a column is its only argument
    (``cast`` counts as a function). Anything else: neither. ``alias`` is the name after AS.
    """

    column: str | None
    function: str | None
    alias: str | None


class BatchKind(StrEnum):
    """The type of a batch; its value is the word in the text."""

    LOGGED = "logged"
    UNLOGGED = "unlogged"
    COUNTER = "counter"


class BatchHeader(NamedTuple):
    """``BEGIN ... BATCH [USING ...]``: the batch's type, its span, and how many markers it has."""

    kind: BatchKind
    span: Span
    markers: int


# Each plain INSERT makes one, and a frozen dataclass of as many fields takes more than twice the time.
class Statement(NamedTuple):
    """What one CQL text does, or one statement of a text batch."""

    kind: Kind
    verb: str = ""
    """The first keyword in upper case; empty for UNKNOWN."""
    tables: tuple[TableName, ...] = ()
    """Every table and view that the text touches, each once; of a batch those of all its statements."""
    bindings: Sequence[Binding] = ()
    """For a MUTATION the columns of INSERT, SET and WHERE, for a READ those of WHERE, in the text's order.
    The IF clause has none. A batch has none of its own: see ``statements``."""
    markers: int = 0
    """How many bind markers the statement has."""
    first_marker: int = 0
    """The index of its first marker, were there one: more than 0 only inside a batch."""
    span: Span = _NOWHERE
    """Where it stands in the text: all of the text, but for a statement inside a batch."""
    condition: Condition | None = None
    """The IF clause of a MUTATION. A batch has none of its own: see ``conditional``."""
    sets_timestamp: bool = False
    """USING TIMESTAMP is given; of a batch: for the whole of it, or in each of its statements."""
    sets_ttl: bool = False
    """USING TTL is given; of a batch: in any of its statements."""
    relative: bool = False
    """The outcome depends on what was stored before, so that a second application may change it again:
    ``x = x + ...``, ``x += ...`` and the like, and list elements by position (``l[0] = ...``,
    ``DELETE l[0]``). So it is with counters and lists; additions to sets and maps, which look the same in
    the text, would bear repeating."""
    functions: tuple[FunctionCall, ...] = ()
    """Calls of now(), uuid() and the current...() functions in a MUTATION or BATCH, in the text's order;
    those in the IF clause too."""
    json: bool = False
    """INSERT JSON or SELECT JSON; of a batch: any of its statements."""
    json_document: Term | None = None
    """The document of an INSERT JSON."""
    selection: tuple[Selected, ...] | None = None
    """The result columns of a READ; None for ``*``, for SELECT JSON, and when it is no SELECT."""
    keyspaces: tuple[str, ...] = ()
    """Keyspaces that a SCHEMA statement names without a table: CREATE KEYSPACE, DROP TYPE ks.t, ..."""
    use_keyspace: str | None = None
    """The keyspace of a USE."""
    statements: tuple[Statement, ...] = ()
    """The statements of a BATCH."""
    batch: BatchHeader | None = None
    """What stands before a BATCH's first statement."""
    using: Using | None = None
    """The USING clause of a MUTATION, or of a BATCH's header; ``ttl_place`` tells where a TTL goes."""

    @property
    def conditional(self) -> bool:
        """Whether it is a conditional write, or a batch with one inside."""
        return self.condition is not None or (
            bool(self.statements) and any(inner.condition for inner in self.statements)
        )
