"""Rewritten statements do on a real Cassandra what the original ones do.

Each case is executed as it is in one keyspace, and rewritten in another with the same tables; afterwards both
have the same rows. Each is sent in all forms that a client has: QUERY and EXECUTE with values by position and
by name, BATCH of a text and of a prepared statement.
"""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import pytest

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.mirror.mutation import Mutation
from cqlproxy.mirror.time_left import aged
from cqlproxy.routing.decided import decided_batch, decided_execute, decided_query
from cqlproxy.routing.evaluated import Evaluator, evaluated_batch, evaluated_execute, evaluated_query
from cqlproxy.statements import Kind, Statement, analyse
from frame_codec import (
    UNSET,
    Batch,
    BatchKind,
    BatchQuery,
    BatchType,
    ErrorResponse,
    Execute,
    FrameFlag,
    Opcode,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    Result,
    Rows,
    Value,
    batch,
    decode_result,
    encode_frame,
    query_span,
    response_start,
    was_applied,
    with_batch_ids,
    with_execute_id,
    with_write_time,
)
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode

_ORIGINAL: Final = "rewriting_original"
_REWRITTEN: Final = "rewriting_rewritten"
_REPLICATION: Final = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
_DEFAULT_TTL: Final = 9000
_SCHEMA: Final = (
    "CREATE TYPE pair (a timeuuid, b timestamp)",
    "CREATE TABLE plain (k int PRIMARY KEY, a int, b text, s set<text>, l list<text>, m map<text, text>)",
    "CREATE TABLE fading (k int PRIMARY KEY, a int, b text, m map<text, text>)"
    f" WITH default_time_to_live = {_DEFAULT_TTL}",
    "CREATE TABLE rows (p int, c int, a int, st int static, PRIMARY KEY (p, c))",
    "CREATE TABLE times (k int PRIMARY KEY, a int, tu timeuuid, u uuid, bl blob, ts timestamp, d date,"
    " t time, big bigint, tx text, l list<timeuuid>, lb list<blob>, s set<uuid>, m map<timeuuid, timestamp>,"
    " f frozen<list<timeuuid>>, ud frozen<pair>, tp tuple<timeuuid, int>, v vector<bigint, 2>)",
    "CREATE TABLE byid (k timeuuid, c timeuuid, a int, PRIMARY KEY (k, c))",
)
_CLEAN: Final = (
    "DELETE FROM plain WHERE k IN (1, 2, 3)",
    "DELETE FROM fading WHERE k IN (1, 2, 3)",
    "DELETE FROM rows WHERE p IN (1, 2, 3)",
    "DELETE FROM times WHERE k IN (1, 2, 3)",
)
_IGNORED_TIME: Final = 12345


class Case(NamedTuple):
    """A statement, the values for its markers, and what is executed in both keyspaces before it."""

    text: str
    values: tuple[Value, ...] = ()
    before: tuple[str, ...] = ()


def _int(number: int) -> bytes:
    return struct.pack(">i", number)


_ROW: Final = ("INSERT INTO plain (k, a, b, l, m, s) VALUES (1, 5, 'b', ['x'], {'x': 'y'}, {'x'})",)
_ROWS: Final = ("INSERT INTO rows (p, c, a, st) VALUES (1, 1, 5, 6)", "INSERT INTO rows (p, c) VALUES (1, 2)")

_CONDITIONAL: Final = (
    Case("INSERT INTO plain (k, a) VALUES (1, 2) IF NOT EXISTS"),
    Case("INSERT INTO plain (k, a) VALUES (?, ?) IF NOT EXISTS;", (_int(1), _int(2))),
    Case("INSERT INTO plain (k, a, b) VALUES (?, ?, ?) if not exists", (_int(1), None, UNSET)),
    Case("INSERT INTO plain (k, b) VALUES (:k, :b) IF NOT EXISTS USING TTL 5000", (_int(1), b"x")),
    Case("INSERT INTO plain (k, b) VALUES (:k, :b) IF NOT EXISTS USING TTL :t", (_int(1), b"x", _int(5000))),
    Case("""INSERT INTO plain JSON '{"k": 1, "b": "IF"}' IF NOT EXISTS"""),
    Case("INSERT INTO plain JSON ? DEFAULT UNSET IF NOT EXISTS", (b'{"k": 1, "b": "IF"}',)),
    Case("UPDATE plain SET a = 6 WHERE k = 1 IF EXISTS", (), _ROW),
    Case("UPDATE plain SET a = ?, b = ? WHERE k = ? IF a = ?", (_int(6), b"c", _int(1), _int(5)), _ROW),
    Case("UPDATE plain SET b = ? WHERE k = ? IF a = ?", (UNSET, _int(1), _int(5)), _ROW),
    Case("UPDATE plain SET b = ? WHERE k = ? IF a = ?", (None, _int(1), _int(5)), _ROW),
    Case("UPDATE plain SET a = ? WHERE k = ? IF b = ?", (_int(6), _int(1), None)),
    Case("UPDATE plain SET a = :n WHERE k = :k IF a != :n", (_int(6), _int(1), _int(6)), _ROW),
    Case("UPDATE plain SET a = ? WHERE k = ?IF b='b'AND a IN (?, 7);", (_int(6), _int(1), _int(5)), _ROW),
    Case("UPDATE plain SET a=6 WHERE k=1 IF m['x']='y'--IF\n", (), _ROW),
    Case(
        "UPDATE plain SET a = ? WHERE k = 1 IF m[?] = ? AND l[?] = ?",
        (_int(6), b"x", b"y", _int(0), b"x"),
        _ROW,
    ),
    Case("UPDATE plain SET l = l + ?, s = s + {'z'} WHERE k = 1 IF a > ?", (None, _int(4)), _ROW),
    Case("UPDATE plain SET l[0] = ?, m[?] = ? WHERE k = ? IF EXISTS", (b"w", b"v", b"u", _int(1)), _ROW),
    Case(
        "UPDATE plain USING TTL ? SET a = ? WHERE k = ? IF a IN ?",
        (_int(5000), _int(6), _int(1), _int(1) + _int(4) + _int(5)),
        _ROW,
    ),
    Case("DELETE FROM plain WHERE k = ? IF EXISTS", (_int(1),), _ROW),
    Case("DELETE FROM plain WHERE k = :k /* IF */IF a = :a AND b = :b", (_int(1), _int(5), b"b"), _ROW),
    Case("DELETE a, m[?], s FROM plain WHERE k = 1 IF a = ?", (b"x", _int(5)), _ROW),
    Case("UPDATE rows SET a = 9 WHERE p = 1 AND c = 1 IF st = ?", (_int(6),), _ROWS),
    Case("UPDATE rows SET st = ? WHERE p = ? IF st = ?", (_int(9), _int(1), _int(6)), _ROWS),
    Case("DELETE FROM rows WHERE p = ? AND c = ? IF a = ?", (_int(1), _int(1), _int(5)), _ROWS),
    Case(
        "BEGIN BATCH UPDATE rows SET a = ? WHERE p = 1 AND c = 1 IF a = ?"
        " INSERT INTO rows (p, c, a) VALUES (1, ?, 8) IF NOT EXISTS; DELETE FROM rows WHERE p = 1 AND c = ?"
        " APPLY BATCH",
        (_int(7), _int(5), _int(3), _int(2)),
        _ROWS,
    ),
    Case(
        "BEGIN UNLOGGED BATCH UPDATE rows SET st = :st WHERE p = :p IF st = 6;"
        "UPDATE rows SET a = :a WHERE p = :p AND c = 2;APPLY BATCH",
        (_int(7), _int(1), _int(8), _int(1)),
        _ROWS,
    ),
)

_WITH_FUNCTIONS: Final = (
    Case("INSERT INTO times (k, tu, u) VALUES (1, now(), uuid())"),
    Case("INSERT INTO times (k, tu, u, a) VALUES (?, now(), now(), ?)", (_int(1), None)),
    Case("INSERT INTO times (k, tu, a) VALUES (:k, NOW ( ), :cqlproxy_0)", (_int(1), UNSET)),
    Case('INSERT INTO times (k, tu, u) VALUES (:k, system.now(), "system"."uuid"())', (_int(1),)),
    Case("INSERT INTO times (k, tu) VALUES (?, currentTimeUUID()) IF NOT EXISTS", (_int(1),)),
    Case("INSERT INTO times (k, ts, d, t) VALUES (1, currentTimestamp(), currentDate(), currentTime())"),
    Case(
        "INSERT INTO times (k, ts, d, t, tu) VALUES (1, current_timestamp(), current_date(), current_time(),"
        " current_timeuuid())"
    ),
    Case(
        "INSERT INTO times (k, ts, d, big) VALUES (?, toTimestamp(now()), toDate(now()),"
        " toUnixTimestamp(currentTimestamp()))",
        (_int(1),),
    ),
    Case(
        "INSERT INTO times (k, ts, d) VALUES (?, to_timestamp(now()), toDate(currentTimestamp()))", (_int(1),)
    ),
    Case(
        "INSERT INTO times (k, tu, tx) VALUES (?, minTimeuuid(currentTimestamp()), cast(now() AS text))",
        (_int(1),),
    ),
    Case("INSERT INTO times (k, ts, d) VALUES (?, currentTimestamp() - 1d, currentDate() + 2d)", (_int(1),)),
    Case("INSERT INTO times (k, bl, big) VALUES (?, uuid(), currentTimestamp())", (_int(1),)),
    Case("INSERT INTO times (k, bl, tu) VALUES (?, timeuuidAsBlob(now()), (timeuuid) now())", (_int(1),)),
    Case("INSERT INTO times (k, l, s) VALUES (?, [now(), now()], {uuid(), uuid()})", (_int(1),)),
    Case("INSERT INTO times (k, m, f) VALUES (?, {now(): currentTimestamp()}, [now()])", (_int(1),)),
    Case("INSERT INTO times (k, ud, tp) VALUES (?, {a: now(), b: ?}, (now(), ?))", (_int(1), None, _int(5))),
    Case("INSERT INTO times (k, v, lb) VALUES (?, [currentTimestamp(), 1], [uuid()])", (_int(1),)),
    Case("UPDATE times SET tu = now(), u = uuid() WHERE k = ?", (_int(1),)),
    Case("UPDATE times SET m[now()] = currentTimestamp(), l = l + [now()] WHERE k = :k", (_int(1),)),
    Case("UPDATE times SET m[now()] = ? WHERE k = ?", (bytes(8), _int(1))),
    Case("UPDATE times SET s += {uuid()}, a = ? WHERE k = ?", (_int(4), _int(1))),
    Case("UPDATE times USING TTL ? SET tu = now() WHERE k = ? IF a = ?", (_int(5000), _int(1), None)),
    Case("UPDATE times SET tu = now() WHERE k IN (?)", (_int(1),)),
    Case("INSERT INTO byid (k, c, a) VALUES (now(), now(), ?)", (_int(1),)),
    Case("UPDATE byid SET a = ? WHERE k = now() AND c = now()", (_int(1),)),
    Case("DELETE FROM byid WHERE k IN (now(), ?) AND c < now()", (uuid.uuid1().bytes,)),
    Case("DELETE FROM byid WHERE k = ? AND c > maxTimeuuid(currentTimestamp())", (uuid.uuid1().bytes,)),
    Case(
        "BEGIN BATCH INSERT INTO times (k, tu, a) VALUES (1, now(), ?); UPDATE times SET u = uuid(), a = ?"
        " WHERE k = 2; INSERT INTO times (k, l) VALUES (?, [now()]) APPLY BATCH",
        (_int(7), _int(8), _int(3)),
    ),
)
_OF_OTHER_TYPES: Final = (
    Case("INSERT INTO times (k, tx) VALUES (?, now())", (_int(1),)),
    Case("INSERT INTO times (k, tu) VALUES (?, uuid())", (_int(1),)),
    Case("INSERT INTO times (k, ts) VALUES (?, now())", (_int(1),)),
    Case("INSERT INTO times (k, ts) VALUES (?, currentDate())", (_int(1),)),
    Case("INSERT INTO times (k, big) VALUES (?, currentTime())", (_int(1),)),
    Case("INSERT INTO times (k, s) VALUES (?, {currentTime()})", (_int(1),)),
    Case("INSERT INTO times (k, l) VALUES (?, [uuid()])", (_int(1),)),
    Case("INSERT INTO times (k, d) VALUES (?, toDate(uuid()))", (_int(1),)),
    Case("UPDATE times SET tu = now() WHERE k = now()"),
    Case("UPDATE times SET tu = now() WHERE k = ? AND nothing = now()", (_int(1),)),
)

_WITH_TTL: Final = (
    Case("INSERT INTO plain (k, a) VALUES (1, 2) USING TTL 5000"),
    Case("INSERT INTO plain (k, a) VALUES (?, ?) USING TTL 5000;", (_int(1), _int(2))),
    Case("INSERT INTO plain (k, a) VALUES (?, ?) USING TTL ?", (_int(1), _int(2), _int(5000))),
    Case("INSERT INTO plain (k, a) VALUES (:k, :t) USING TTL :t", (_int(1), _int(5000), _int(5000))),
    Case("UPDATE plain USING TTL 5000 SET a = ? WHERE k = ?", (_int(2), _int(1))),
    Case("UPDATE plain USING TTL ?SET a = :a, b = ? WHERE k = ?", (_int(5000), _int(2), UNSET, _int(1))),
    Case("UPDATE plain USING TTL 5000 SET a = 2, m = ? WHERE k = 1", (None,)),
    Case("INSERT INTO plain (k, a) VALUES (?, 2) USING TTL ?", (_int(1), _int(0))),
    Case("INSERT INTO plain (k, a) VALUES (?, 2) USING TTL ?", (_int(1), None)),
    Case("INSERT INTO plain (k, a) VALUES (?, 2) USING TTL ?", (_int(1), UNSET)),
    Case("INSERT INTO plain (k, a) VALUES (?, 2) USING TTL 0", (_int(1),)),
    Case(
        "BEGIN BATCH INSERT INTO plain (k, a) VALUES (?, 2) USING TTL ?; UPDATE plain USING TTL 5000"
        " SET a = ? WHERE k = 2; INSERT INTO plain (k, a) VALUES (3, ?) APPLY BATCH",
        (_int(1), _int(5000), _int(6), _int(7)),
    ),
)
_WITH_TTL_OF_TABLE: Final = (
    Case("INSERT INTO fading (k, a) VALUES (1, 2)"),
    Case("INSERT INTO fading (k, a) VALUES (?, ?);", (_int(1), _int(2))),
    Case("INSERT INTO fading (k, a, b) VALUES (:k, :x, :b)", (_int(1), _int(2), UNSET)),
    Case("INSERT INTO fading (k, a, m) VALUES (?, ?, {'x': '?'}) /* ? */", (_int(1), _int(2))),
    Case("""INSERT INTO fading JSON '{"k": 1, "a": 2}'"""),
    Case("INSERT INTO fading JSON ? DEFAULT UNSET", (b'{"k": 1, "a": 2}',)),
    Case("UPDATE fading SET a = ?, b = ? WHERE k = ?", (_int(2), None, _int(1))),
    Case("UPDATE fading SET a = 2, m['x'] = :y WHERE k IN (1, 2)", (b"z",)),
    # What else a write can say: a number counts, zero and null mean none, unset the table's.
    Case("UPDATE fading USING TTL ? SET a = 2 WHERE k = ?", (UNSET, _int(1))),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL ?", (_int(1), UNSET)),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL ?", (_int(1), None)),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL ?", (_int(1), _int(0))),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL ?", (_int(1), _int(5000))),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL 0", (_int(1),)),
    Case("INSERT INTO fading (k, a) VALUES (?, 2) USING TTL 5000", (_int(1),)),
    Case(
        "BEGIN BATCH INSERT INTO fading (k, a) VALUES (?, 2);"
        " UPDATE fading USING TTL ? SET a = ? WHERE k = 2;"
        " INSERT INTO plain (k, a) VALUES (1, ?); DELETE b FROM fading WHERE k = ?;"
        " UPDATE fading SET a = 1 WHERE k = 3 APPLY BATCH",
        (_int(1), UNSET, _int(6), _int(7), _int(3)),
    ),
)


class Sent(NamedTuple):
    """A request, and what is in it: one statement of a QUERY or EXECUTE, those of a BATCH."""

    opcode: int
    body: bytes
    entries: tuple[PreparedStatement | Statement, ...]

    @property
    def prepared(self) -> tuple[PreparedStatement, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, PreparedStatement))

    def texts(self) -> Iterator[str]:
        """All texts in it."""
        yield from (statement.text.decode() for statement in self.prepared)
        if self.opcode == Opcode.QUERY:
            start, end = query_span(self.body, 0)
            yield self.body[start:end].decode()
        elif self.opcode == Opcode.BATCH:
            for entry in batch(self.body, 0).entries:
                if entry.kind == BatchKind.TEXT:
                    yield self.body[entry.text[0] : entry.text[1]].decode()


class Node:
    """Two keyspaces with the same tables on one node."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        for keyspace in (_ORIGINAL, _REWRITTEN):
            self.does(f"DROP KEYSPACE IF EXISTS {keyspace}")
            self.does(f"CREATE KEYSPACE {keyspace} WITH replication = {_REPLICATION}")
            self.does(f"USE {keyspace}")
            for text in _SCHEMA:
                self.does(text)

    def drop(self) -> None:
        for keyspace in (_ORIGINAL, _REWRITTEN):
            self.does(f"DROP KEYSPACE {keyspace}")

    def does(self, text: str) -> Result:
        result = self._ask(Opcode.QUERY, Query(text, QueryParameters()).encode(4))[0]
        assert not isinstance(result, str), f"{text}: {result}"
        return result

    def both_do(self, texts: Sequence[str]) -> None:
        for keyspace in (_ORIGINAL, _REWRITTEN):
            self.does(f"USE {keyspace}")
            for text in texts:
                self.does(text)

    def prepares(self, text: str, keyspace: str) -> Prepared | str:
        """What the server says of a statement; an error's message when it refuses it."""
        self.does(f"USE {keyspace}")
        prepared, _ = self._ask(Opcode.PREPARE, Prepare(text).encode(4))
        assert isinstance(prepared, Prepared | str)
        return prepared

    def answers(self, sent: Sent, keyspace: str) -> bytes | str:
        """The body of the RESULT; an error's message when the server refuses it.

        Whatever is in it must be a statement that the server prepares.
        """
        ids: dict[bytes, bytes] = {}
        for text in sent.texts():
            prepared = self.prepares(text, keyspace)
            if isinstance(prepared, str):
                return prepared
            ids |= {one.id: prepared.id for one in sent.prepared if one.text.decode() == text}
        body = sent.body
        if sent.opcode == Opcode.EXECUTE:
            body = with_execute_id(body, 0, ids[sent.prepared[0].id])
        elif sent.opcode == Opcode.BATCH:
            body = with_batch_ids(body, 0, batch(body, 0), ids)
        result, answer = self._ask(sent.opcode, body)
        return result if isinstance(result, str) else answer

    def rows(self, keyspace: str, tables: Sequence[str]) -> list[list[tuple[bytes | None, ...]]]:
        """All rows of some tables."""
        found = []
        for table in tables:
            result = self.does(f"SELECT * FROM {keyspace}.{table}")
            assert isinstance(result, Rows)
            found.append(sorted(result.rows, key=repr))
        return found

    def ttls(self, keyspace: str, table: str) -> dict[int, int]:
        result = self.does(f"SELECT k, ttl(a) FROM {keyspace}.{table}")
        assert isinstance(result, Rows)
        return {_number(key): _number(ttl) for key, ttl in result.rows}

    def _ask(self, opcode: int, body: bytes) -> tuple[Result | str, bytes]:
        self._client.send(encode_frame(4, 0, 1, opcode, body))
        frame = self._client.frame()
        assert frame is not None
        _, flags, _, opcode, answer = frame
        answer = answer[response_start(answer, flags) :]
        if opcode == Opcode.ERROR:
            return ErrorResponse.decode(answer, 4).message, answer
        assert not flags & FrameFlag.WARNING or b"USE <keyspace>" in frame[4]
        return decode_result(answer, 4), answer


def _number(value: bytes | None) -> int:
    return 0 if value is None else int.from_bytes(value, "big")


@pytest.fixture(scope="module")
def node(primary: CassandraNode) -> Iterator[Node]:
    with RawClient(primary) as client:
        node = Node(client.start())
        yield node
        node.drop()


# --- the forms that a client can send a statement in


def _query(node: Node, case: Case, names: tuple[str, ...] | None) -> Sent:
    fields = QueryParameters(values=case.values, names=names, timestamp=_IGNORED_TIME)
    return Sent(Opcode.QUERY, Query(case.text, fields).encode(4), (analyse(case.text),))


def _execute(node: Node, case: Case, names: tuple[str, ...] | None) -> Sent:
    statement = _prepared(node, case.text)
    fields = QueryParameters(values=case.values, names=names, timestamp=_IGNORED_TIME)
    return Sent(Opcode.EXECUTE, Execute(statement.id, fields).encode(4), (statement,))


def _batch(node: Node, case: Case, _: tuple[str, ...] | None) -> Sent:
    message = Batch(BatchType.UNLOGGED, (BatchQuery(case.text, case.values),), timestamp=_IGNORED_TIME)
    return Sent(Opcode.BATCH, message.encode(4), (analyse(case.text),))


def _batch_of_prepared(node: Node, case: Case, _: tuple[str, ...] | None) -> Sent:
    statement = _prepared(node, case.text)
    message = Batch(BatchType.UNLOGGED, (BatchQuery(statement.id, case.values),), timestamp=_IGNORED_TIME)
    return Sent(Opcode.BATCH, message.encode(4), (statement,))


def _prepared(node: Node, text: str) -> PreparedStatement:
    prepared = node.prepares(text, _ORIGINAL)
    assert isinstance(prepared, Prepared), prepared
    return PreparedStatement(prepared, text.encode(), _ORIGINAL, analyse(text))


_BY_POSITION: Final = (_query, _execute, _batch, _batch_of_prepared)
Rewrite = Callable[[Sent], Sent]


def _forms(node: Node, case: Case) -> Iterator[Sent]:
    for form in _BY_POSITION[: 2 if analyse(case.text).kind is Kind.BATCH else 4]:
        yield form(node, case, None)
    bound = _prepared(node, case.text).bound
    names = tuple(column.name for column in bound)
    # By name there is but one value for two markers of a name, such as a column in SET and IF.
    if bound and len(set(zip(names, case.values, strict=True))) == len(set(names)):
        yield _query(node, case, names)
        yield _execute(node, case, names)


def _stamped(sent: Sent) -> Sent:
    return sent._replace(body=with_write_time(sent.body, sent.opcode, time.time_ns() // 1000))


def _tables(case: Case) -> list[str]:
    return [table.table for table in analyse(case.text).tables]


# --- conditions


def _decided(sent: Sent) -> Sent:
    opcode, body, entries = sent
    [what, *_] = entries
    rewritten: tuple[bytes, Sequence[PreparedStatement | Statement]] | None
    if opcode == Opcode.BATCH:
        rewritten = decided_batch(body, batch(body, 0), entries, lambda text: analyse(text.decode()))
    elif isinstance(what, PreparedStatement):
        found = decided_execute(body, what)
        rewritten = None if found is None else (found[0], (found[1],))
    else:
        text = decided_query(body, what)
        rewritten = None if text is None else (text, entries)
    assert rewritten is not None
    return _stamped(Sent(opcode, rewritten[0], tuple(rewritten[1])))


@pytest.mark.parametrize("case", _CONDITIONAL, ids=lambda case: case.text)
def test_a_decided_write_does_what_the_conditional_one_did(node: Node, case: Case) -> None:
    for sent in _forms(node, case):
        node.both_do(_CLEAN + case.before)
        answer = node.answers(sent, _ORIGINAL)
        assert isinstance(answer, bytes), answer
        assert was_applied(answer)
        rewritten = node.answers(_decided(sent), _REWRITTEN)
        assert isinstance(rewritten, bytes), rewritten
        assert not was_applied(rewritten)
        assert node.rows(_ORIGINAL, _tables(case)) == node.rows(_REWRITTEN, _tables(case))


# --- functions


class _Recording(Evaluator):
    """Remembers the values that it gave."""

    __slots__ = ("given",)

    def __init__(self) -> None:
        super().__init__()
        self.given: list[bytes] = []

    def value(self, function: str) -> bytes:
        value = super().value(function)
        self.given.append(value)
        return value


def _evaluated(sent: Sent, evaluator: Evaluator) -> Sent:
    opcode, body, entries = sent
    [what, *_] = entries
    if opcode == Opcode.BATCH:
        rewritten = evaluated_batch(
            body, 0, batch(body, 0), entries, _ORIGINAL, lambda text: analyse(text.decode()), evaluator
        )
        assert rewritten is not None
        return Sent(opcode, rewritten[0], tuple(rewritten[1]))
    if isinstance(what, PreparedStatement):
        found = evaluated_execute(body, 0, what, evaluator)
        assert found is not None
        return Sent(found.opcode, found.body, () if found.prepared is None else (found.prepared,))
    text = evaluated_query(body, 0, what, evaluator)
    assert text is not None
    return Sent(opcode, text, ())


@pytest.mark.parametrize("case", _WITH_FUNCTIONS, ids=lambda case: case.text)
def test_functions_evaluated_once_have_the_same_values_everywhere(node: Node, case: Case) -> None:
    plainly_stored = case.text.startswith("INSERT INTO times (k, tu")
    for sent in _forms(node, case):
        node.both_do((*_CLEAN, "TRUNCATE byid") if "byid" in case.text else _CLEAN)
        evaluator = _Recording()
        rewritten = _evaluated(_stamped(sent), evaluator)
        for keyspace in (_ORIGINAL, _REWRITTEN):
            answer = node.answers(rewritten, keyspace)
            assert isinstance(answer, bytes), answer
        rows = node.rows(_ORIGINAL, _tables(case))
        assert rows == node.rows(_REWRITTEN, _tables(case))
        assert all(rows) or case.text.startswith("DELETE")
        assert len(evaluator.given) == len(analyse(case.text).functions)
        if plainly_stored and "minTimeuuid" not in case.text:
            assert set(evaluator.given) <= {value for row in rows[0] for value in row}
        # The functions themselves are accepted as well, so that nothing is refused that was not before.
        assert isinstance(node.answers(sent, _ORIGINAL), bytes)


@pytest.mark.parametrize("case", _OF_OTHER_TYPES, ids=lambda case: case.text)
def test_functions_that_the_server_refuses_are_refused_with_values_too(node: Node, case: Case) -> None:
    message = node.prepares(case.text, _ORIGINAL)
    assert isinstance(message, str)
    assert isinstance(node.answers(_evaluated(_query(node, case, None), Evaluator()), _ORIGINAL), str)
    assert isinstance(node.answers(_evaluated(_batch(node, case, None), Evaluator()), _ORIGINAL), str)


def test_a_timeuuid_for_a_blob_is_taken_as_a_value_only(node: Node) -> None:
    case = Case("INSERT INTO times (k, bl) VALUES (?, now())", (_int(1),))
    for keyspace in (_ORIGINAL, _REWRITTEN):
        assert isinstance(node.answers(_evaluated(_execute(node, case, None), Evaluator()), keyspace), bytes)
    refused = node.answers(_evaluated(_query(node, case, None), Evaluator()), _ORIGINAL)
    assert isinstance(refused, str)
    assert "of type blob" in refused


def test_an_update_of_several_rows_is_evaluated_by_the_server_for_each(node: Node) -> None:
    node.both_do(_CLEAN)
    text = "UPDATE times SET tu = now() WHERE k IN (1, 2, 3)"
    sent = _stamped(_query(node, Case(text), None))
    assert evaluated_query(sent.body, 0, analyse(text), Evaluator()) is None
    assert isinstance(node.answers(sent, _ORIGINAL), bytes)
    result = node.does(f"SELECT tu FROM {_ORIGINAL}.times WHERE k IN (1, 2, 3)")
    assert isinstance(result, Rows)
    assert len({row[0] for row in result.rows}) == 3


def test_evaluated_conditional_writes_are_decided_with_the_same_values(node: Node) -> None:
    case = Case("INSERT INTO times (k, tu, a) VALUES (?, now(), ?) IF NOT EXISTS", (_int(1), _int(2)))
    for sent in _forms(node, case):
        node.both_do(_CLEAN)
        evaluated = _evaluated(sent, Evaluator())
        if not evaluated.entries:
            evaluated = Sent(evaluated.opcode, evaluated.body, (analyse(next(evaluated.texts())),))
        answer = node.answers(evaluated, _ORIGINAL)
        assert isinstance(answer, bytes), answer
        assert was_applied(answer)
        assert isinstance(node.answers(_decided(evaluated), _REWRITTEN), bytes)
        assert node.rows(_ORIGINAL, ["times"]) == node.rows(_REWRITTEN, ["times"])


# --- time to live

_LATE: Final = 1000
_SLOW: Final = 20
"""Seconds that a test may take between two statements."""


def _default_ttl(keyspace: str, table: str) -> int:
    return _DEFAULT_TTL if keyspace == _ORIGINAL and table == "fading" else 0


def _mutation(sent: Sent) -> Mutation:
    return Mutation(
        sent.opcode,
        sent.body,
        offered=0.0,
        tables=(),
        rules=None,
        keyspace=_ORIGINAL,
        prepared=sent.prepared,
        expires=True,
    )


@pytest.mark.parametrize(
    "case", _WITH_TTL + _WITH_TTL_OF_TABLE, ids=lambda case: f"{case.text} {case.values}"
)
def test_a_late_copy_lives_as_long_as_its_original(node: Node, case: Case) -> None:
    for sent in _forms(node, case):
        if sent.opcode == Opcode.EXECUTE and sent.prepared[0].statement.kind is Kind.BATCH:
            continue  # it is copied as the text that it is
        node.both_do(_CLEAN)
        original = _stamped(sent)
        late = aged(_mutation(original), _LATE, _default_ttl)
        assert not late.expired
        for keyspace, one in (
            (_ORIGINAL, original),
            (_REWRITTEN, Sent(sent.opcode, late.body, tuple(late.prepared))),
        ):
            answer = node.answers(one, keyspace)
            assert isinstance(answer, bytes), answer
        tables = _tables(case)
        assert node.rows(_ORIGINAL, tables) == node.rows(_REWRITTEN, tables)
        for table in tables:
            ttls, left = node.ttls(_ORIGINAL, table), node.ttls(_REWRITTEN, table)
            assert ttls
            assert ttls.keys() == left.keys()
            for key, ttl in ttls.items():
                expected = ttl - _LATE if ttl else 0
                assert abs(left[key] - expected) <= (_SLOW if ttl else 0)


@pytest.mark.parametrize("form", _BY_POSITION, ids=lambda form: form.__name__)
def test_original_and_late_copy_in_a_table_with_a_time_to_live_expire_together(
    node: Node, form: Callable[[Node, Case, None], Sent]
) -> None:
    node.both_do(_CLEAN)
    sent = _stamped(form(node, Case("INSERT INTO fading (k, a) VALUES (?, 2)", (_int(1),)), None))
    written = time.time()
    assert isinstance(node.answers(sent, _ORIGINAL), bytes)
    answered = time.time()
    time.sleep(3)
    started = time.time()
    late = aged(_mutation(sent), int(started) - int(written), _default_ttl)
    copy = Sent(sent.opcode, late.body, tuple(late.prepared))
    assert isinstance(node.answers(copy, _REWRITTEN), bytes)
    ttl, left = node.ttls(_ORIGINAL, "fading")[1], node.ttls(_REWRITTEN, "fading")[1]
    # Seconds may begin between a look at the clock here and one of the server, and between its two reads.
    assert abs(ttl - left) <= 1 + (answered - written) + (time.time() - started)
    assert node.rows(_ORIGINAL, ["fading"]) == node.rows(_REWRITTEN, ["fading"])


def test_the_time_to_live_of_a_table_is_known_from_the_schema(node: Node, primary: CassandraNode) -> None:
    async def asked() -> list[int]:
        backend = Backend(
            name="primary",
            contact_points=[primary.address],
            port=primary.port,
            local_datacenter=None,
            request_timeout=10.0,
        )
        tables = [(_ORIGINAL, "fading"), (_ORIGINAL, "plain"), (_ORIGINAL, "none"), ("none", "fading")]
        before = [backend.default_ttl(*table) for table in tables]
        await backend.connect()
        try:
            return before + [backend.default_ttl(*table) for table in tables]
        finally:
            await backend.close()

    assert asyncio.run(asked()) == [0, 0, 0, 0, _DEFAULT_TTL, 0, 0, 0]


def test_an_expired_copy_hides_what_its_original_had_replaced(node: Node) -> None:
    node.both_do(_CLEAN)
    text = "INSERT INTO plain (k, a) VALUES (1, 2) USING TTL 60"
    sent = _query(node, Case(text), None)
    node.both_do(["INSERT INTO plain (k, a) VALUES (1, 1) USING TIMESTAMP 1"])
    late = aged(_mutation(_stamped(sent)), _LATE, _default_ttl)
    assert late.expired
    assert isinstance(node.answers(Sent(sent.opcode, late.body, ()), _REWRITTEN), bytes)
    written = time.monotonic()
    while node.ttls(_REWRITTEN, "plain").get(1):
        assert time.monotonic() - written < _SLOW
    assert node.rows(_REWRITTEN, ["plain"]) == [[]]
