"""The analysis of statements against what a real Cassandra says of them when they are prepared.

Every statement of the corpus is prepared on a node whose tables have the columns that it uses. What
PREPARED tells (CQL native protocol v4, section 4.2.5.4) must be what the analysis says: keyspace, table, the
column of each bind marker, whether it has a result. A statement that names a table that is not there is
refused by name, which tells the table of statements without markers. A syntax error for what the analysis
understands must have a reason of its own in ``corpus.dialects``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import pytest

from cqlproxy.statements import (
    Expression,
    Kind,
    Literal,
    LiteralKind,
    Marker,
    Operator,
    Statement,
    TableName,
    analyse,
)
from frame_codec import (
    ErrorCode,
    ErrorResponse,
    Opcode,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    decode_result,
    response_start,
)
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode
from tests.unit.statements.corpus import batches, definitions, reads, writes
from tests.unit.statements.corpus.dialects import NEWER, READ_GENEROUSLY, SCYLLADB

_TEXTS: Final = [
    *[case.text for case in [*writes.CASES, *reads.CASES, *definitions.CASES]],
    *[case.whole.text for case in batches.CASES],
    *batches.NO_BATCHES,
]
_KEYSPACE: Final = "oracle"
_FEWEST_ACCEPTED: Final = 150
_QUALIFIER: Final = re.compile(r'(?<!")\bks\s*\.|"MyKs"\s*\.', re.IGNORECASE)
_REPLICATION: Final = "{'class': 'SimpleStrategy', 'replication_factor': 1}"

# What the server calls a marker that belongs to no column.
_OF_NO_COLUMN: Final = frozenset({"[ttl]", "[timestamp]", "[limit]", "[per_partition_limit]", "[json]"})

_TYPES: Final = {
    LiteralKind.STRING: "text",
    LiteralKind.INTEGER: "int",
    LiteralKind.FLOAT: "double",
    LiteralKind.UUID: "uuid",
    LiteralKind.BLOB: "blob",
    LiteralKind.BOOLEAN: "boolean",
    LiteralKind.DURATION: "duration",
    LiteralKind.NULL: "int",
}

_CLUSTERED: Final = "p int, c int, d int, a int, PRIMARY KEY (p, c, d)"
_COLLECTIONS: Final = (
    "k int PRIMARY KEY, a int, s set<text>, l list<text>, m map<text, text>, u address, v vector<float, 2>"
)

# Columns whose types the text does not tell.
_COLUMNS: Final[dict[str, str]] = {
    "INSERT INTO t (a, b) VALUES ([1, 2], 3)": "b int PRIMARY KEY, a list<int>",
    "INSERT INTO t (a) VALUES ([])": "a frozen<list<int>> PRIMARY KEY",
    "INSERT INTO t (a) VALUES ({})": "a frozen<set<int>> PRIMARY KEY",
    "INSERT INTO t (a, b) VALUES ({1, 2}, {'k': 'v', 'l': ?})": (
        "a frozen<set<int>> PRIMARY KEY, b map<text, text>"
    ),
    "INSERT INTO t (a) VALUES ({street: 'x', zip: :zip})": "a frozen<address> PRIMARY KEY",
    "INSERT INTO t (a) VALUES ({'k'::v, :k: 1, ?:?})": "a frozen<map<text, int>> PRIMARY KEY",
    "INSERT INTO t (a) VALUES ({(int):k : (1, :x)})": (
        "a frozen<map<int, frozen<tuple<int, int>>>> PRIMARY KEY"
    ),
    "INSERT INTO t (a, b) VALUES ((1, 'x'), ((1, 2), 3))": (
        "a frozen<tuple<int, text>> PRIMARY KEY, b tuple<frozen<tuple<int, int>>, int>"
    ),
    "INSERT INTO t (v) VALUES ([0.1, -0.2, 3])": "v vector<float, 3> PRIMARY KEY",
    "INSERT INTO t (a, b) VALUES ((int) 5, (text)?)": "a int PRIMARY KEY, b text",
    "INSERT INTO t (a) VALUES ((frozen<list<int>>) [1, ?])": "a frozen<list<int>> PRIMARY KEY",
    "INSERT INTO t (a) VALUES (now())": "a timeuuid PRIMARY KEY",
    "INSERT INTO t (a, b) VALUES (NOW(), uuid ( ))": "a timeuuid PRIMARY KEY, b uuid",
    "INSERT INTO t (a) VALUES (toTimestamp(now()))": "a timestamp PRIMARY KEY",
    "INSERT INTO t (a) VALUES (system.now())": "a timeuuid PRIMARY KEY",
    "INSERT INTO t (a) VALUES ([uuid(), ?])": "a frozen<list<uuid>> PRIMARY KEY",
    "INSERT INTO t (a, b) VALUES (currentTimestamp(), current_date())": "a timestamp PRIMARY KEY, b date",
    "INSERT INTO t (a) VALUES (currentTimeUUID())": "a timeuuid PRIMARY KEY",
    "UPDATE t SET l = ? + l WHERE k = 1": "k int PRIMARY KEY, l list<int>",
    "UPDATE t SET l = [1, 2] + L WHERE k = 1": "k int PRIMARY KEY, l list<int>",
    'UPDATE t SET "L" = "L" + [1] WHERE k = 1': 'k int PRIMARY KEY, "L" list<int>',
    "UPDATE t SET s = s + {'x'} WHERE k = 1": "k int PRIMARY KEY, s set<text>",
    "UPDATE t SET l[0] = 'x' WHERE k = 1": "k int PRIMARY KEY, l list<text>",
    "UPDATE t SET l[?] = ? WHERE k = ?": "k int PRIMARY KEY, l list<text>",
    "UPDATE t SET m['k'] = 'v' WHERE k = 1": "k int PRIMARY KEY, m map<text, text>",
    "UPDATE t SET u.f = ? WHERE k = 1": "k int PRIMARY KEY, u address",
    "UPDATE t SET a = null, b = {} WHERE k IN (1, 2)": "k int PRIMARY KEY, a int, b set<int>",
    "UPDATE t SET a = now() WHERE k = uuid()": "k uuid PRIMARY KEY, a timeuuid",
    "UPDATE t SET a = 1 WHERE k = 1 IF m[?] = ? AND u.f > 3": (
        "k int PRIMARY KEY, a int, m map<text, text>, u address"
    ),
    "UPDATE t SET a = 1 WHERE k = 1 IF exists = 3": "k int PRIMARY KEY, a int, exists int",
    "DELETE l[0] FROM t WHERE k = 1": "k int PRIMARY KEY, l list<int>",
    "DELETE l[?], a FROM t WHERE k = ?": "k int PRIMARY KEY, l list<int>, a int",
    "DELETE m['k'], u.f FROM t WHERE k = 1": "k int PRIMARY KEY, m map<text, int>, u address",
    "DELETE a FROM t WHERE k = 1 IF a = 'x'": "k int PRIMARY KEY, a text",
    "UPDATE t SET c = c--1\n+ 1 WHERE k = 1": "k int PRIMARY KEY, c counter",
    "SELECT a[0], m['k'], u.f, l[1] AS x FROM t": (
        "k int PRIMARY KEY, a map<int, int>, m map<text, int>, u address, l map<int, int>"
    ),
    "SELECT token(k) FROM t WHERE token(k) > ? AND token(k) <= 5": "k int PRIMARY KEY",
    "SELECT k FROM t WHERE token(a, b) > token(1, ?)": "k int, a int, b int, PRIMARY KEY ((a, b))",
    "SELECT a FROM t GROUP BY a, b": "a int, b int, c int, PRIMARY KEY (a, b, c)",
    "SELECT a FROM t WHERE k = 1 GROUP BY a ORDER BY c DESC LIMIT 1": (
        "k int, a int, c int, PRIMARY KEY (k, a, c)"
    ),
    "SELECT DISTINCT k FROM t": "k int PRIMARY KEY",
    "SELECT distinct FROM t": "k int PRIMARY KEY, distinct int",
    "SELECT distinct, a FROM t": "k int PRIMARY KEY, distinct int, a int",
    "SELECT JSON DISTINCT k FROM t": "k int PRIMARY KEY",
    "SELECT a + 1, -b, (int) c, 'x' FROM t": "k int PRIMARY KEY, a int, b int, c int",
    "SELECT [a, b], {c: d}, (e, f) FROM t": ("k int PRIMARY KEY, a int, b int, c int, d int, e int, f int"),
    "SELECT a FROM t WHERE k IN (1, ?) AND s CONTAINS 'x' AND m CONTAINS KEY ?": (
        "k int PRIMARY KEY, a int, s set<text>, m map<int, int>"
    ),
    "SELECT a FROM t WHERE b IS NOT NULL": "k int PRIMARY KEY, a int, b int",
    "SELECT a FROM t WHERE (c, d) > (1, ?) AND (c, d) < (5, 6)": (
        "k int, c int, d int, a int, PRIMARY KEY (k, c, d)"
    ),
    "SELECT now() FROM system.local": "k int PRIMARY KEY",
    "SELECT max(a) FROM t": "k int PRIMARY KEY, a int",
    "SELECT writetime(a), TTL(a) FROM t": "k int PRIMARY KEY, a int",
    "SELECT json, a FROM t": "k int PRIMARY KEY, json int, a int",
    "INSERT INTO t (k, a) VALUES (1, P0001-02-03T04:05:06)": "k int PRIMARY KEY, a duration",
    "INSERT INTO t (k, a) VALUES (:key, (1, :zip))": "k int PRIMARY KEY, a tuple<int, int>",
    "INSERT INTO t (k, a) VALUES (?, (?, 'x'))": "k int PRIMARY KEY, a tuple<int, text>",
    "INSERT INTO t (k, a) VALUES (?, {street: ?, zip: 5})": "k int PRIMARY KEY, a address",
    "INSERT INTO t (k, a) VALUES (?, textAsBlob('x'))": "k int PRIMARY KEY, a blob",
    "INSERT INTO t (k, a) VALUES (?, minTimeuuid(?))": "k int PRIMARY KEY, a timeuuid",
    "UPDATE t SET a = ? WHERE p = ? AND (c, d) IN ?": _CLUSTERED,
    "UPDATE t SET a = ? WHERE p = ? AND (c, d) = ?": _CLUSTERED,
    "DELETE FROM t WHERE p = ? AND (c, d) > (?, 2)": _CLUSTERED,
    "SELECT a FROM t WHERE p = ? AND (c, d) > (?, 2)": _CLUSTERED,
    "SELECT a FROM t WHERE p = ? GROUP BY c ORDER BY c DESC, d ASC PER PARTITION LIMIT 1 LIMIT 5": (
        "p int, c int, d int, a int, PRIMARY KEY (p, c, d)) WITH CLUSTERING ORDER BY (c DESC, d ASC"
    ),
    "UPDATE t SET s += {'x'}, l -= [?], m += {'k': 'v'} WHERE k = ?": _COLLECTIONS,
    "UPDATE t SET s = s - ?, l = l + ?, m = m - {'k'} WHERE k = ?": _COLLECTIONS,
    "UPDATE t SET m[?] = ?, l[0] = ? WHERE k = ?": _COLLECTIONS,
    "UPDATE t SET a = ?, u.f = 3 WHERE k = ? IF u.f = ? AND a >= ?": _COLLECTIONS,
    "UPDATE t SET a = ? WHERE k = ? IF l[?] = 5": "k int PRIMARY KEY, a int, l list<int>",
    "UPDATE t SET a = ? WHERE k = ? IF l CONTAINS ? AND m CONTAINS KEY 'k'": _COLLECTIONS,
    "DELETE m[?] FROM t WHERE k = ? IF EXISTS": _COLLECTIONS,
    "SELECT m['a'..'c'], m[?..?] FROM t": _COLLECTIONS,
    "SELECT m['a'..], m[..'c'] FROM t": _COLLECTIONS,
    "SELECT maxwritetime(l), l[0] FROM t": _COLLECTIONS.replace("l list<text>", "l map<int, int>"),
    "SELECT k FROM t WHERE l CONTAINS ? ALLOW FILTERING": _COLLECTIONS,
    "SELECT k FROM t WHERE m[?] = ? ALLOW FILTERING": _COLLECTIONS,
    "SELECT k FROM t WHERE a > ? AND a < ? ALLOW FILTERING": "k int PRIMARY KEY, a int",
    "SELECT k FROM t WHERE token(k) >= token(?) LIMIT ?": "k int PRIMARY KEY",
    "SELECT k FROM t GROUP BY floor(a, 5m)": "k int, a timestamp, PRIMARY KEY (k, a)",
    "SELECT k FROM t WHERE k != ? ALLOW FILTERING": "k int PRIMARY KEY",
    "SELECT similarity_cosine(v, ?) AS s FROM t": "k int PRIMARY KEY, v vector<float, 2>",
}


class Answer(NamedTuple):
    """What became of a PREPARE: PREPARED, or the error's code and message."""

    prepared: Prepared | None
    code: int = 0
    message: str = ""


class Node:
    """A node that statements are prepared on. Each set of tables gets a keyspace of its own, once."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._keyspaces: dict[tuple[str, ...], str] = {}

    @property
    def keyspaces(self) -> list[str]:
        """Those that were made, in order."""
        return list(self._keyspaces.values())

    def keyspace_with(self, *definitions: str) -> str:
        """A keyspace with these tables, each a name and its columns, as far as the server accepts them."""
        keyspace = self._keyspaces.get(definitions)
        if keyspace is None:
            keyspace = self._keyspaces[definitions] = f"{_KEYSPACE}_{len(self._keyspaces)}"
            self._do(f"CREATE KEYSPACE {keyspace} WITH replication = {_REPLICATION}")
            if any(" address" in definition or "<address>" in definition for definition in definitions):
                self._do(f"CREATE TYPE {keyspace}.address (street text, zip int, f int)")
            for definition in definitions:
                self.query(f"CREATE TABLE {keyspace}.{definition}")
        return keyspace

    def prepare(self, text: str, keyspace: str) -> Answer:
        """Prepare a text while a keyspace is in use."""
        self._do(f"USE {keyspace}")
        opcode, body = self._answer(Prepare(text))
        if opcode == Opcode.ERROR:
            error = ErrorResponse.decode(body, 4)
            return Answer(None, error.code, error.message)
        prepared = decode_result(body, 4)
        assert isinstance(prepared, Prepared)
        return Answer(prepared)

    def query(self, text: str) -> str:
        """Execute a text; the message of the error that answers it, empty for none."""
        opcode, body = self._answer(Query(text, QueryParameters()))
        return ErrorResponse.decode(body, 4).message if opcode == Opcode.ERROR else ""

    def drop(self) -> None:
        """Remove all that was made."""
        for keyspace in self._keyspaces.values():
            self._do(f"DROP KEYSPACE {keyspace}")

    def _do(self, text: str) -> None:
        message = self.query(text)
        assert not message, f"{text}: {message}"

    def _answer(self, request: Prepare | Query) -> tuple[int, bytes]:
        self._client.request(request)
        frame = self._client.frame()
        assert frame is not None
        _, flags, _, opcode, body = frame
        return opcode, body[response_start(body, flags) :]


@pytest.fixture(scope="module")
def node(primary: CassandraNode) -> Iterator[Node]:
    with RawClient(primary) as client:
        node = Node(client.start())
        yield node
        node.drop()


def _tables_for(text: str, statement: Statement) -> tuple[str, ...]:
    """Definitions of the tables that a statement needs to be accepted, as far as it tells."""
    inner = statement.statements or (statement,)
    columns: dict[str, dict[str, str]] = {}
    keys: dict[str, list[str]] = {}
    for one in inner:
        for table in one.tables:
            if table.keyspace in (None, "ks", "MyKs"):
                _add_columns(one, columns.setdefault(table.table, {}), keys.setdefault(table.table, []))
    said = _COLUMNS.get(text)
    definitions = []
    for name, of_table in columns.items():
        shown = said or _definition(of_table, keys[name])
        definitions.append(f"{_quoted(name)} ({shown})")
    return tuple(definitions)


def _add_columns(statement: Statement, columns: dict[str, str], key: list[str]) -> None:
    for column, operator, terms in statement.bindings:
        cql_type = next((_TYPES[term.kind] for term in terms if isinstance(term, Literal)), "int")
        if operator in (Operator.ADD, Operator.SUBTRACT):
            cql_type = "counter"
        columns.setdefault(column, cql_type)
        is_key = operator in (Operator.EQ, Operator.IN, Operator.IN_LIST, Operator.OTHER)
        if column not in key and (is_key or (statement.verb == "INSERT" and not key)):
            key.append(column)
    for selected in statement.selection or ():
        if selected.column is not None:
            columns.setdefault(selected.column, "int")
    if "counter" not in columns.values():
        for column in "akbcdl":
            columns.setdefault(column, "int")
    if not key:
        key.append("k")


def _definition(columns: dict[str, str], key: Sequence[str]) -> str:
    shown = ", ".join(f"{_quoted(column)} {cql_type}" for column, cql_type in columns.items())
    return f"{shown}, PRIMARY KEY ({', '.join(map(_quoted, key))})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Verdict(NamedTuple):
    """What the server said of one statement of the corpus, sent as ``sent`` while ``keyspace`` was in use."""

    text: str
    sent: str
    keyspace: str
    statement: Statement
    answer: Answer


@pytest.fixture(scope="module")
def verdicts(node: Node) -> list[Verdict]:
    node.keyspace_with()
    return [_verdict(node, text) for text in _TEXTS]


def _verdict(node: Node, text: str) -> Verdict:
    """The server's verdict, with the tables of an earlier statement if they do: tables take time to make."""
    for keyspace in node.keyspaces:
        sent = _QUALIFIER.sub(f"{keyspace}.", text)
        answer = node.prepare(sent, keyspace)
        if answer.prepared is not None or answer.code == ErrorCode.SYNTAX_ERROR:
            return Verdict(text, sent, keyspace, analyse(sent), answer)
    keyspace = node.keyspace_with(*_tables_for(text, analyse(text)))
    sent = _QUALIFIER.sub(f"{keyspace}.", text)
    return Verdict(text, sent, keyspace, analyse(sent), node.prepare(sent, keyspace))


def test_the_server_accepts_most_of_the_corpus_and_says_why_not_the_rest(verdicts: list[Verdict]) -> None:
    refused = [one for one in verdicts if one.answer.prepared is None]
    print(f"{len(verdicts) - len(refused)} of {len(verdicts)} statements of the corpus accepted; refused:")
    for one in refused:
        print(
            f"{ErrorCode(one.answer.code).name:<16}{' '.join(one.text.split())[:70]:<72}{one.answer.message}"
        )

    assert len(verdicts) - len(refused) >= _FEWEST_ACCEPTED
    not_parsed = {one.text for one in refused if one.answer.code == ErrorCode.SYNTAX_ERROR}
    understood = {one.text for one in verdicts if one.statement.kind is not Kind.UNKNOWN}
    assert not_parsed & understood == SCYLLADB | NEWER | READ_GENEROUSLY


def test_what_the_server_accepts_is_understood(verdicts: list[Verdict]) -> None:
    accepted = [one for one in verdicts if one.answer.prepared is not None]

    assert [one.text for one in accepted if one.statement.kind is Kind.UNKNOWN] == []


def test_what_prepared_tells_is_what_the_analysis_says(verdicts: list[Verdict]) -> None:
    told = 0
    wrong = []
    for one in verdicts:
        prepared = one.answer.prepared
        if prepared is not None:
            wrong += [f"{one.sent}: {what}" for what in _differences(one, prepared)]
            told += len(prepared.bound.columns)
    assert wrong == []
    assert told > 100


def test_tables_that_are_not_there_are_the_ones_that_the_analysis_says(
    node: Node, verdicts: list[Verdict]
) -> None:
    empty = node.keyspace_with()
    compared = 0
    for one in verdicts:
        kind = one.statement.kind
        if one.answer.prepared is None or kind not in (Kind.READ, Kind.MUTATION, Kind.BATCH):
            continue
        sent = _QUALIFIER.sub(f"{empty}.", one.text)
        tables = {table.table for table in analyse(sent).tables if table.keyspace in (None, empty)}
        message = node.prepare(sent, empty).message
        assert not tables or message in {f"table {table} does not exist" for table in tables}, sent
        compared += bool(tables)
    assert compared > _FEWEST_ACCEPTED - 50


def _differences(one: Verdict, prepared: Prepared) -> Iterator[str]:
    statement = one.statement
    if (prepared.result.column_count > 0) != (statement.kind is Kind.READ):
        yield f"kind {statement.kind}, {prepared.result.column_count} columns of a result"
    bound = prepared.bound.columns
    if len(bound) != statement.markers:
        yield f"{len(bound)} markers, not {statement.markers}"
        return
    tables = [table.table for table in statement.tables]
    for inner in statement.statements or (statement,):
        columns = _columns_of_markers(inner)
        for index in range(inner.first_marker, inner.first_marker + inner.markers):
            spec = bound[index]
            named = TableName(spec.keyspace, spec.table)
            if named not in {
                TableName(table.keyspace or one.keyspace, table.table) for table in inner.tables
            }:
                yield f"marker {index} belongs to {named}, not {tables}"
            in_condition = inner.condition is not None and index in inner.condition.markers
            if index in columns:
                column, marker = columns[index]
                if not _is_of(spec.name, column, marker):
                    yield f"marker {index} is {spec.name!r}, not of {column!r}"
            elif (
                inner.kind is Kind.MUTATION and not in_condition and not _is_of_no_column(spec.name, one.sent)
            ):
                yield f"marker {index} is {spec.name!r}, and the analysis knows of no column"


def _columns_of_markers(statement: Statement) -> dict[int, tuple[tuple[str, ...], Marker]]:
    """The columns that each marker belongs to: several for a tuple of them."""
    found: dict[int, tuple[tuple[str, ...], Marker]] = {}
    for column, _, terms in statement.bindings:
        for term in terms:
            markers = term.markers if isinstance(term, Expression) else (term,)
            for marker in markers:
                if not isinstance(marker, Marker):
                    continue
                before = found[marker.index][0] if marker.index in found else ()
                found[marker.index] = ((*before, column), marker)
    return found


def _is_of(told: str, columns: tuple[str, ...], marker: Marker) -> bool:
    """Whether the server's name for a marker is that of a column, as in ``in(c,d)``, ``c.f``, ``c[0]``."""
    if marker.name is not None:
        return told == marker.name
    if told.startswith("arg"):  # an argument of a function, known by its position
        return True
    inside = told.partition("(")[2].removesuffix(")") or told
    return bool({re.split(r"[.\[]", part)[0] for part in inside.split(",")} & set(columns))


def _is_of_no_column(told: str, text: str) -> bool:
    return told in _OF_NO_COLUMN or f":{told}" in text
