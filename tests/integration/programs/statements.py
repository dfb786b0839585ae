"""Simple, bound and batch statements; values by position and by name; write times and times to live."""

import itertools

from cassandra import ConsistencyLevel
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, SimpleStatement

from tests.integration.programs.transcript import Transcript, conversation

_TABLE = "CREATE TABLE t (k int, c int, v text, w int, s text static, PRIMARY KEY (k, c))"
_ALL = "SELECT k, c, v, w, s, writetime(v), ttl(w), writetime(s) FROM t WHERE k = %s"


def simple(saw: Transcript) -> None:
    saw.ask("simple insert", "INSERT INTO t (k, c, v, w) VALUES (1, 1, 'a', 1)")
    saw.ask("values by position", "INSERT INTO t (k, c, v, w) VALUES (%s, %s, %s, %s)", (1, 2, "b'", None))
    saw.ask(
        "values by name", "INSERT INTO t (k, c, v) VALUES (%(k)s, %(c)s, %(v)s)", {"v": "", "c": 3, "k": 1}
    )
    saw.ask("comments", "/* a */ UPDATE t -- b\nSET v = $$it's$$, s = 'static' // c\n WHERE k = 1 AND c = 1;")
    saw.ask("delete of a column", "DELETE v FROM t WHERE k = 1 AND c = 2")
    saw.ask("delete of a row", "DELETE FROM t WHERE k = 1 AND c = 3")
    saw.ask("after simple", _ALL, (1,))
    saw.ask("insert JSON", """INSERT INTO t JSON '{"k": 1, "c": 9, "v": "json"}'""")
    saw.ask("insert JSON, default unset", """INSERT INTO t JSON '{"k": 1, "c": 9, "w": 1}' DEFAULT UNSET""")
    saw.ask("range delete", "DELETE FROM t WHERE k = 1 AND c > 3 AND c < 9")
    saw.ask("after JSON", _ALL, (1,))
    saw.ask("expressions", "SELECT count(*), max(c), min(v), sum(w), avg(w) AS mean FROM t WHERE k = 1")
    saw.ask("casts", "SELECT CAST(c AS text), to_json(v), token(k), blob_as_int(int_as_blob(w)) FROM t")
    saw.ask("distinct", "SELECT DISTINCT k, s FROM t")
    saw.ask("in", "SELECT * FROM t WHERE k IN (1, 2) AND c IN (1, 2) LIMIT 1")
    saw.ask("grouped", "SELECT k, count(*) FROM t WHERE k = 1 GROUP BY k")
    saw.ask("filtering", "SELECT * FROM t WHERE w = 1 ALLOW FILTERING")


def bound(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v, w) VALUES (?, ?, ?, ?)")
    saw.ask("bound by position", insert, (2, 1, "a", 1))
    saw.ask("bound by name", insert, {"c": 2, "w": 2, "k": 2, "v": None})
    saw.either("bound short", insert, (2, 3, "short"))
    saw.either("bound unset", insert, (2, 1, UNSET_VALUE, 5))
    saw.either("bound by name, one missing", insert, {"k": 2, "c": 1, "w": 6})
    named = saw.session.prepare("UPDATE t SET v = :value, w = :number WHERE k = :key AND c = :at")
    saw.ask("markers with names", named, {"at": 4, "key": 2, "number": 4, "value": "named"})
    for cql in (
        "SELECT * FROM t WHERE k = ? AND c = ?",
        "SELECT v FROM t WHERE k = ? AND c >= ? ORDER BY c DESC",
        "SELECT * FROM t WHERE k = ? LIMIT ?",
        "SELECT JSON v, w FROM t WHERE k = ? AND c = ?",
    ):
        saw.ask(f"prepared {cql}", saw.session.prepare(cql), (2, 2))
    saw.ask("in a bound list", saw.session.prepare("SELECT v FROM t WHERE k = ? AND c IN ?"), (2, [1, 2, 9]))
    saw.ask("no variables", saw.session.prepare("SELECT count(*) FROM t"))
    saw.ask("delete bound", saw.session.prepare("DELETE FROM t WHERE k = ? AND c = ?"), (2, 4))
    again = saw.session.prepare("INSERT INTO t (k, c, v, w) VALUES (?, ?, ?, ?)")
    saw.note("prepared twice", again.query_id == insert.query_id)
    for prepared in (insert, named):
        columns = [(column.name, column.type.cql_parameterized_type()) for column in prepared.column_metadata]
        saw.note(f"variables of {prepared.query_string}", [columns, prepared.routing_key_indexes])
    strong = insert.bind((2, 7, "strong", 7))
    strong.consistency_level = ConsistencyLevel.ALL
    saw.ask("consistency ALL", strong)
    saw.ask("after bound", _ALL, (2,))


def write_times(saw: Transcript) -> None:
    for cql in (
        "INSERT INTO t (k, c, v, w) VALUES (3, 1, 'stamped', 1) USING TIMESTAMP 1000",
        "INSERT INTO t (k, c, v) VALUES (3, 1, 'older') USING TIMESTAMP 999",
        "UPDATE t USING TIMESTAMP 2000 AND TTL 1000 SET w = 2 WHERE k = 3 AND c = 1",
        "INSERT INTO t (k, c, v, w) VALUES (3, 2, 'brief', 1) USING TTL 86400",
        "DELETE v FROM t USING TIMESTAMP 500 WHERE k = 3 AND c = 1",
    ):
        saw.ask(cql, cql)
    stamped = saw.session.prepare("UPDATE t USING TIMESTAMP ? AND TTL ? SET v = ? WHERE k = ? AND c = ?")
    saw.ask("write time bound", stamped, (1500, 5000, "bound", 3, 3))
    saw.ask("by the driver", "INSERT INTO t (k, c, v, s) VALUES (3, 4, 'driver', 's')")
    saw.ask("by the driver, bound", saw.session.prepare("UPDATE t SET v = 'p' WHERE k = 3 AND c = 5"))
    rows = saw.session.execute(
        "SELECT c, v, w, writetime(v), writetime(w), ttl(v), ttl(w) FROM t WHERE k = 3"
    )
    # A time to live is read while it runs down.
    saw.note("write times", [[*row[:5], *(ttl and round(ttl / 100) for ttl in row[5:])] for row in rows])
    saw.session.use_client_timestamp = False
    saw.ask("no write time by the driver", "INSERT INTO t (k, c, v) VALUES (3, 6, 'server')")
    row = saw.session.execute("SELECT writetime(v) FROM t WHERE k = 3 AND c = 6").one()
    saw.note("write time is now", 1.7e15 < row[0] < 2.5e15)
    saw.session.use_client_timestamp = True


def batches(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, ?)")
    remove = saw.session.prepare("DELETE FROM t WHERE k = ? AND c = ?")
    for number, kind in enumerate((BatchType.LOGGED, BatchType.UNLOGGED)):
        batch = BatchStatement(kind, consistency_level=ConsistencyLevel.ONE)
        batch.add(insert, (4, number, "prepared"))
        batch.add("INSERT INTO t (k, c, v) VALUES (4, %s, 'text')", (number + 10,))
        batch.add(SimpleStatement("UPDATE t SET s = 'both', w = 1 WHERE k = 4 AND c = 30"))
        batch.add(insert.bind((5, number, UNSET_VALUE if saw.options.protocol_version > 3 else None)))
        batch.add(remove, (4, 99))
        saw.ask(f"batch of {kind}", batch)
    saw.ask("empty batch", BatchStatement())
    stamped = BatchStatement()
    stamped.add("INSERT INTO t (k, c, v) VALUES (4, 50, 'x') USING TIMESTAMP 77")
    stamped.add(insert, (4, 51, "y"))
    saw.ask("batch with a write time", stamped)
    for begin in ("BEGIN BATCH", "BEGIN UNLOGGED BATCH", "BEGIN BATCH USING TIMESTAMP 4321"):
        cql = (
            f"{begin} INSERT INTO t (k, c, v) VALUES (6, 1, 'a;b'); "
            "UPDATE t SET w = 3 WHERE k = 6 AND c = 1 DELETE FROM t WHERE k = 6 AND c = 2; APPLY BATCH;"
        )
        saw.ask(begin, cql)
        saw.ask(f"after {begin}", _ALL, (6,))
    texts = saw.session.prepare(
        "BEGIN BATCH INSERT INTO t (k, c, v) VALUES (?, ?, ?); UPDATE t SET w = ? WHERE k = ? AND c = ?; "
        "APPLY BATCH"
    )
    saw.ask("prepared BEGIN BATCH", texts, (6, 8, "eight", 8, 6, 8))
    saw.refused(
        "prepared SELECT in a batch", _with(BatchStatement(), saw.session.prepare("SELECT * FROM t"), ())
    )
    saw.refused("counter batch of rows", _with(BatchStatement(BatchType.COUNTER), insert, (4, 60, "no")))
    for key in (4, 5, 6):
        saw.ask(f"after batches: {key}", _ALL, (key,))


def _with(batch: BatchStatement, statement: object, values: object) -> BatchStatement:
    batch.add(statement, values)
    return batch


if __name__ == "__main__":
    # Two runs are compared, so that the driver's own write times must not come from the clock.
    with conversation(timestamp_generator=itertools.count(1_700_000_000_000_000).__next__) as saw:
        saw.create(_TABLE)
        simple(saw)
        bound(saw)
        write_times(saw)
        batches(saw)
