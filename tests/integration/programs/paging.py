"""10,000 rows by pages of 100: plain and prepared, in both orders, and resumed by hand."""

import hashlib
from collections.abc import Iterable

from cassandra.cluster import ResultSet
from cassandra.concurrent import execute_concurrent
from cassandra.query import BatchStatement, BatchType, SimpleStatement

from tests.integration.programs.transcript import Transcript, conversation

ROWS = 10_000
PARTITIONS = 10
PAGE = 100


def fill(saw: Transcript) -> None:
    saw.create("CREATE TABLE numbers (k int, c int, v text, PRIMARY KEY (k, c))")
    insert = saw.session.prepare("INSERT INTO numbers (k, c, v) VALUES (?, ?, ?)")
    batches = []
    for first in range(0, ROWS, PAGE * PARTITIONS):
        for k in range(PARTITIONS):
            batch = BatchStatement(BatchType.UNLOGGED)
            for number in range(first + k, first + PAGE * PARTITIONS, PARTITIONS):
                batch.add(insert, (k, number, f"row {number}"))
            batches.append((batch, None))
    execute_concurrent(saw.session, batches, concurrency=20)


def digest(rows: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()


def paged(saw: Transcript, label: str, result: ResultSet) -> None:
    """Walk through all pages, and write down how long each was and what was on it."""
    sizes, rows = [], []
    while True:
        sizes.append(len(result.current_rows))
        rows += result.current_rows
        if not result.has_more_pages:
            break
        result.fetch_next_page()
    saw.note(label, {"pages": sizes, "rows": len(rows), "first": repr(rows[0]), "digest": digest(rows)})


def walks(saw: Transcript) -> None:
    execute = saw.session.execute
    paged(saw, "all", execute(SimpleStatement("SELECT k, c, v FROM numbers", fetch_size=PAGE)))
    paged(saw, "limited", execute(SimpleStatement("SELECT * FROM numbers LIMIT 250", fetch_size=PAGE)))
    paged(saw, "not paged", execute(SimpleStatement("SELECT v FROM numbers WHERE k = 1", fetch_size=None)))
    for order in ("ASC", "DESC"):
        cql = f"SELECT c, v FROM numbers WHERE k = %s ORDER BY c {order}"
        paged(saw, order, execute(SimpleStatement(cql, fetch_size=PAGE), (3,)))
        statement = saw.session.prepare(cql.replace("%s", "?"))
        statement.fetch_size = PAGE
        paged(saw, f"prepared {order}", execute(statement, (4,)))
    whole = saw.session.prepare("SELECT * FROM numbers")
    whole.fetch_size = PAGE
    paged(saw, "prepared, all", execute(whole))
    paged(
        saw,
        "page of one",
        execute(SimpleStatement("SELECT c FROM numbers WHERE k IN (1, 2) LIMIT 30", fetch_size=1)),
    )
    paged(
        saw,
        "filtered",
        execute(SimpleStatement("SELECT c FROM numbers WHERE c > 9000 ALLOW FILTERING", fetch_size=PAGE)),
    )
    saw.ask("counted over pages", SimpleStatement("SELECT count(*) FROM numbers", fetch_size=PAGE))


def resumed(saw: Transcript) -> None:
    statement = SimpleStatement("SELECT k, c FROM numbers", fetch_size=PAGE)
    result = saw.session.execute(statement)
    first = list(result.current_rows)
    state = result.paging_state
    rest = saw.session.execute(statement, paging_state=state)
    paged(saw, "from a paging state", rest)
    again = saw.session.execute(statement, paging_state=state)
    saw.note("the same paging state twice", digest(again.current_rows))
    saw.note("before it", digest(first))
    prepared = saw.session.prepare("SELECT c FROM numbers WHERE k = ?")
    prepared.fetch_size = PAGE
    state = saw.session.execute(prepared, (5,)).paging_state
    paged(saw, "prepared, from a paging state", saw.session.execute(prepared, (5,), paging_state=state))
    saw.fails("no paging state", lambda: saw.session.execute(statement, paging_state=b"\x00nonsense"))


if __name__ == "__main__":
    with conversation() as saw:
        fill(saw)
        walks(saw)
        resumed(saw)
