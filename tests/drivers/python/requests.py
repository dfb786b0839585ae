"""Features 13 to 16 and 19 to 24: batches, paging, names, and what goes along with a request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import BatchStatement, BatchType, SimpleStatement

from tests.drivers.python.notes import KEYSPACE, REPLICATED_ONCE, Feature, described, rows_of

_SIMPLE = "https://docs.datastax.com/en/developer/python-driver/3.29/getting_started/#passing-parameters-to-cql-queries"
_INSERT = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)"
_LEVELS = ("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE")


def batches(session: Session) -> None:
    feature = Feature("batches", session)
    insert = session.prepare(_INSERT)
    for step, kind, first in (("logged", BatchType.LOGGED, 1), ("unlogged", BatchType.UNLOGGED, 4)):
        batch = BatchStatement(kind)
        batch.add(f"INSERT INTO items (k, c, v) VALUES (4, {first}, 'text')")
        batch.add("INSERT INTO items (k, c, v) VALUES (%s, %s, %s)", (4, first + 1, "valued"))
        batch.add(insert, (4, first + 2, "prepared"))
        feature.execute(step, batch)
    counters = BatchStatement(BatchType.COUNTER)
    counters.add(session.prepare("UPDATE hits SET n = n + ? WHERE page = ?"), (5, "shop"))
    counters.add("UPDATE hits SET n = n + 7 WHERE page = 'home'")
    feature.execute("counter", counters)
    timed = BatchStatement()
    timed.add(insert, (4, 7, "timed"))
    with _at(session, 1_000_000):
        feature.execute("with timestamp", timed)
    feature.execute(
        "text",
        "BEGIN UNLOGGED BATCH INSERT INTO items (k, c, v) VALUES (4, 8, 'x');"
        " DELETE FROM items WHERE k = 4 AND c = 1; APPLY BATCH",
    )
    feature.execute("rows", "SELECT c, v FROM items WHERE k = 4")
    feature.execute("counters", "SELECT page, n FROM hits")
    feature.execute("write time", "SELECT writetime(v) FROM items WHERE k = 4 AND c = 7")


@contextmanager
def _at(session: Session, microseconds: int) -> Iterator[None]:
    """Requests get this timestamp: the driver takes it from the cluster's generator."""
    usual = session.cluster.timestamp_generator
    session.cluster.timestamp_generator = lambda: microseconds
    yield
    session.cluster.timestamp_generator = usual


def paging(session: Session) -> None:
    feature = Feature("paging", session)
    insert = session.prepare("INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)")
    for number in range(50):
        session.execute(insert, (5, number, f"row {number}", number))
    select = SimpleStatement("SELECT c, v FROM items WHERE k = 5", fetch_size=7)
    result = session.execute(select)
    sizes, columns, state = [], [], None
    while True:
        sizes.append(str(len(result.current_rows)))
        columns += [str(row[0]) for row in result.current_rows]
        if len(sizes) == 2:
            state = result.paging_state
        if not result.has_more_pages:
            break
        result.fetch_next_page()
    feature.note("pages", sizes)
    feature.note("all", columns)
    feature.attempt("resumed", lambda: str(session.execute(select, paging_state=state).current_rows[0][0]))
    prepared = session.prepare("SELECT c, v FROM items WHERE k = ?")
    prepared.fetch_size = 7
    result = session.execute(prepared, (5,))
    sizes = [str(len(result.current_rows))]
    while result.has_more_pages:
        result.fetch_next_page()
        sizes.append(str(len(result.current_rows)))
    feature.note("prepared", sizes)


def named_values(session: Session) -> None:
    feature = Feature("named values", session)
    insert = session.prepare("INSERT INTO items (k, c, v) VALUES (:key, :column, :value)")
    feature.execute("prepared", insert, {"value": "named", "column": 1, "key": 6})
    feature.unsupported(
        "plain", "values of plain statements are written into the text by the driver", _SIMPLE
    )
    feature.execute("rows", "SELECT c, v FROM items WHERE k = 6")


def use(session: Session) -> None:
    feature = Feature("use", session)
    other = f"{KEYSPACE}_b"
    session.execute(f"CREATE KEYSPACE {other} {REPLICATED_ONCE}")
    session.execute(f"CREATE TABLE {other}.t (k int PRIMARY KEY, v text)")
    session.execute(f"INSERT INTO {other}.t (k, v) VALUES (1, 'there')")
    session.execute(f"USE {other}")
    feature.execute("other", "SELECT k, v FROM t")
    session.execute(f"USE {KEYSPACE}")
    feature.execute("back", "SELECT count(*) FROM many")
    feature.execute("missing", f"USE {KEYSPACE}_none")
    feature.execute("still", "SELECT count(*) FROM many")


def tracing(session: Session) -> None:
    feature = Feature("tracing", session)

    def traced() -> dict[str, object]:
        result = session.execute("SELECT v FROM items WHERE k = 1 AND c = 1", trace=True)
        trace = result.get_query_trace(max_wait_sec=20)
        return {
            "coordinator": trace.coordinator,
            "request": trace.request_type,
            "events": len(trace.events) > 0,
            "query": trace.parameters.get("query"),
        }

    feature.attempt("trace", traced)


def consistency(session: Session) -> None:
    feature = Feature("consistency", session)
    insert = session.prepare("INSERT INTO items (k, c, v) VALUES (7, 1, 'x')")
    for name in _LEVELS:
        level = ConsistencyLevel.name_to_value[name]
        write = insert.bind(())
        write.consistency_level = level
        read = SimpleStatement("SELECT v FROM items WHERE k = 7 AND c = 1", consistency_level=level)
        said = {}
        for kind, statement in (("write", write), ("read", read)):
            try:
                said[kind] = rows_of(session.execute(statement))
            except Exception as error:
                said[kind] = described(error)
        feature.note(name, said)


def timestamps(session: Session) -> None:
    feature = Feature("timestamps", session)
    insert = session.prepare(_INSERT)
    write_time = "SELECT writetime(v) FROM items WHERE k = 8 AND c = {}"
    with _at(session, 1_234_567_890_123_456):
        session.execute(insert, (8, 1, "x"))
    feature.execute("given", write_time.format(1))
    session.execute("INSERT INTO items (k, c, v) VALUES (8, 2, 'x') USING TIMESTAMP 42")
    feature.execute("in the text", write_time.format(2))
    session.execute(insert, (8, 3, "x"))
    age = time.time() - session.execute(write_time.format(3)).one()[0] / 1e6
    feature.note("default", abs(age) < 600)


def ttl(session: Session) -> None:
    feature = Feature("ttl", session)
    insert = session.prepare("INSERT INTO items (k, c, v) VALUES (9, 1, 'x') USING TTL ?")
    session.execute(insert, (1000,))
    remaining = session.execute("SELECT ttl(v) FROM items WHERE k = 9 AND c = 1").one()[0]
    feature.note("remaining", 900 <= remaining <= 1000)
    feature.execute("none", "SELECT ttl(v) FROM items WHERE k = 1 AND c = 1")


def errors(session: Session, statements: dict[str, str]) -> None:
    feature = Feature("errors", session)
    for name, statement in statements.items():
        feature.execute(name, statement)
        feature.attempt(f"{name} prepared", partial(_prepared, session, statement))
    feature.execute("keyspace exists", f"CREATE KEYSPACE {KEYSPACE} {REPLICATED_ONCE}")
    insert = session.prepare("INSERT INTO items (k, c) VALUES (?, ?)")
    feature.execute("null key", insert, (None, 1))
    batch = BatchStatement(BatchType.UNLOGGED)
    row = session.prepare(_INSERT)
    for number in range(100):
        batch.add(row, (100 + number, 1, "x" * 1000))
    feature.execute("batch too large", batch)


def _prepared(session: Session, statement: str) -> object:
    return rows_of(session.execute(session.prepare(statement)))


def concurrency(session: Session) -> None:
    feature = Feature("concurrency", session)
    insert = session.prepare("INSERT INTO many (k, v) VALUES (?, ?)")
    select = session.prepare("SELECT v FROM many WHERE k = ?")
    together = {"concurrency": 1000, "raise_on_first_error": False}
    done = execute_concurrent_with_args(session, insert, [(i, 7 * i) for i in range(1000)], **together)
    failed = [described(result) for good, result in done if not good]
    feature.note("writes", {"done": str(1000 - len(failed)), "errors": failed})
    done = execute_concurrent_with_args(session, select, [(i,) for i in range(1000)], **together)
    failed = [described(result) for good, result in done if not good]
    total = sum(result.one()[0] for good, result in done if good)
    feature.note("reads", {"done": str(1000 - len(failed)), "sum": str(total), "errors": failed})
