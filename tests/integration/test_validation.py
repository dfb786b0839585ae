"""Reads are compared between two real nodes: what differs for good is reported, and nothing else is.

All reads of this module's proxy are compared. Rows are made to differ by writing to one node behind its back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cqlproxy.validation.skipped import Skipped
from frame_codec import (
    Execute,
    Opcode,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    Result,
    Rows,
    decode_result,
    response_start,
)
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.integration.transcripts import both_ways
from tests.nodes import CassandraNode, ProxyProcess

RECHECK_MS = 1_500
HELD, FREE = 7, 8
RULES: dict[str, object] = {
    "table_blacklist": ["watched.migrations"],
    "tenant_blacklist": [str(HELD)],
    "tenant_columns": ["owner"],
}
SCHEMA = (
    "CREATE KEYSPACE watched WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE watched.rows (k int, c int, v text, PRIMARY KEY (k, c))",
    "CREATE TABLE watched.migrations (k int PRIMARY KEY, v text)",
    "CREATE TABLE watched.owned (k int, owner int, v text, PRIMARY KEY (k, owner))",
    "CREATE TABLE watched.fleeting (k int PRIMARY KEY, v text, w text)",
    "CREATE TABLE watched.counted (k int PRIMARY KEY, n counter)",
    "CREATE TABLE watched.decided (k int PRIMARY KEY, v int)",
)
MISMATCHES = "proxy_consistency_mismatches_total"


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    """Once both clusters' schemas are known to it."""
    proxy = start_module_proxy(rules=RULES, validation_percentage=100, validation_recheck_ms=RECHECK_MS)
    with RawClient(proxy) as client:
        client.start()
        for text in SCHEMA:
            ask(client, text)
        proxy.wait_copied()
        for name in ("rows", "owned", "fleeting", "counted", "decided"):

            def is_known(table: str = f"watched.{name}") -> bool:
                validated = proxy.count("validated_reads")
                ask(client, f"SELECT * FROM {table} WHERE k = 0")
                proxy.wait_until(settled, 20, what="a comparison")
                return proxy.count("validated_reads") > validated

            proxy.wait_until(lambda stats: is_known(), 30, what=f"a read of {name} that is compared")
    return proxy


def settled(stats: dict[str, object]) -> bool:
    """Whether no read is being compared."""
    return stats["validations_under_way"] == 0


def skipped(proxy: ProxyProcess, reason: Skipped) -> int:
    counts = proxy.stats()["validation_skipped_by_reason"]
    assert isinstance(counts, dict)
    count: int = counts.get(reason.value, 0)
    return count


def ask(client: RawClient, request: str | Query | Prepare | Execute) -> Result:
    """The RESULT of a request."""
    if isinstance(request, str):
        request = Query(request, QueryParameters())
    client.request(request)
    frame = client.frame()
    assert frame is not None, "the connection was closed instead"
    _, flags, _, opcode, body = frame
    assert opcode == Opcode.RESULT, body
    return decode_result(body, 4, response_start(body, flags))


def on(node: CassandraNode, *texts: str) -> None:
    """Behind the proxy's back."""
    with RawClient(node) as client:
        client.start()
        for text in texts:
            ask(client, text)


@contextmanager
def comparing(proxy: ProxyProcess) -> Iterator[tuple[RawClient, Callable[[], tuple[int, int]]]]:
    """A client, and how many reads have been compared since, and how many of them differed: at the end."""
    before = [proxy.count(name) for name in ("validated_reads", "consistency_mismatches")]

    def outcome() -> tuple[int, int]:
        proxy.wait_until(settled, 20, what="the end of all comparisons")
        compared, differing = (
            proxy.count(name) - was
            for name, was in zip(("validated_reads", "consistency_mismatches"), before, strict=True)
        )
        return int(compared), int(differing)

    with RawClient(proxy) as client:
        client.start()
        yield client, outcome


def test_rows_that_are_the_same_are_compared_and_that_is_all(proxy: ProxyProcess) -> None:
    with comparing(proxy) as (client, outcome):
        for c in range(20):
            ask(client, f"INSERT INTO watched.rows (k, c, v) VALUES (1, {c}, 'v{c}')")
        proxy.wait_copied()
        rechecks = proxy.count("validation_rechecks")
        for text in (
            "SELECT * FROM watched.rows WHERE k = 1",
            "SELECT v FROM watched.rows WHERE k = 1 ORDER BY c DESC LIMIT 3",
            "SELECT JSON * FROM watched.rows WHERE k = 1",
            "SELECT count(*), max(c) FROM watched.rows",
            "SELECT c, ttl(v), writetime(v), token(k) FROM watched.rows WHERE k IN (1, 2)",
            "SELECT DISTINCT k FROM watched.rows",
        ):
            assert isinstance(ask(client, text), Rows)
        assert outcome() == (6, 0)
        assert proxy.count("validation_rechecks") == rechecks


def test_a_row_changed_behind_the_proxys_back_is_reported_with_its_key(
    proxy: ProxyProcess, shadow: CassandraNode
) -> None:
    with comparing(proxy) as (client, outcome):
        ask(client, "INSERT INTO watched.rows (k, c, v) VALUES (41, 1, 'Ann')")
        ask(client, "INSERT INTO watched.rows (k, c, v) VALUES (41, 2, 'Bob')")
        proxy.wait_copied()
        on(
            shadow,
            "UPDATE watched.rows SET v = 'Eve' WHERE k = 41 AND c = 1",
            "DELETE FROM watched.rows WHERE k = 41 AND c = 2",
        )
        ask(client, "SELECT * FROM watched.rows WHERE k = 41")
        assert outcome() == (1, 1)
        # The same by EXECUTE: counted again, and told once.
        prepared = ask(client, Prepare("SELECT * FROM watched.rows WHERE k = ?"))
        assert isinstance(prepared, Prepared)
        by_id = Execute(prepared.id, QueryParameters(values=((41).to_bytes(4, "big"),), skip_metadata=True))
        rows = ask(client, by_id)
        assert isinstance(rows, Rows)
        assert [row[-1] for row in rows.rows] == [b"Ann", b"Bob"]
        assert outcome() == (2, 2)
    told = [line for line in proxy.log.read_text().splitlines() if "the clusters differ" in line]
    assert len(told) == 1
    for part in ("watched.rows k=41: ", '(c=1) v is "Ann" on the primary and "Eve" on the shadow',
                 "(c=2) is only on the primary"):  # fmt: skip
        assert part in told[0]
    metrics = proxy.get("/metrics")[1].decode()
    assert f'{MISMATCHES}{{keyspace="watched",table="rows"}} 2\n' in metrics


def test_a_row_that_is_the_same_a_moment_later_is_no_mismatch(
    proxy: ProxyProcess, shadow: CassandraNode
) -> None:
    with comparing(proxy) as (client, outcome):
        ask(client, "INSERT INTO watched.fleeting (k, v, w) VALUES (1, 'new', 'x')")
        proxy.wait_copied()
        rechecks = proxy.count("validation_rechecks")
        on(shadow, "UPDATE watched.fleeting SET v = 'old' WHERE k = 1")
        ask(client, "SELECT * FROM watched.fleeting WHERE k = 1")
        proxy.wait_until(lambda stats: stats["validation_rechecks"] == rechecks + 1, 10, what="a difference")
        on(shadow, "UPDATE watched.fleeting SET v = 'new' WHERE k = 1")
        assert outcome() == (1, 0)


def test_a_row_that_goes_on_changing_is_no_mismatch(proxy: ProxyProcess, shadow: CassandraNode) -> None:
    changing = skipped(proxy, Skipped.CHANGING)
    with comparing(proxy) as (client, outcome):
        ask(client, "INSERT INTO watched.fleeting (k, v) VALUES (2, 'first')")
        proxy.wait_copied()
        rechecks = proxy.count("validation_rechecks")
        on(shadow, "UPDATE watched.fleeting SET v = 'zeroth' WHERE k = 2")
        ask(client, "SELECT * FROM watched.fleeting WHERE k = 2")
        proxy.wait_until(lambda stats: stats["validation_rechecks"] == rechecks + 1, 10, what="a difference")
        on(shadow, "UPDATE watched.fleeting SET v = 'first' WHERE k = 2")
        on(shadow, "UPDATE watched.fleeting SET w = 'more' WHERE k = 2")
        assert outcome() == (0, 0)
    assert skipped(proxy, Skipped.CHANGING) == changing + 1


def test_what_the_rules_hold_back_differs_by_intention(proxy: ProxyProcess) -> None:
    held = skipped(proxy, Skipped.HELD_BACK)
    unknown = skipped(proxy, Skipped.TENANT_UNKNOWN)
    with comparing(proxy) as (client, outcome):
        ask(client, "INSERT INTO watched.migrations (k, v) VALUES (1, 'x')")
        for owner in (HELD, FREE):
            ask(client, f"INSERT INTO watched.owned (k, owner, v) VALUES (1, {owner}, 'x')")
        proxy.wait_copied()
        ask(client, "SELECT * FROM watched.migrations")
        ask(client, f"SELECT v FROM watched.owned WHERE k = 1 AND owner = {HELD}")
        assert outcome() == (0, 0)
        assert skipped(proxy, Skipped.HELD_BACK) == held + 2
        # Its rows tell whose they are, or they do not.
        rows = ask(client, "SELECT * FROM watched.owned WHERE k = 1")
        assert isinstance(rows, Rows)
        assert len(rows.rows) == 2
        ask(client, "SELECT v FROM watched.owned WHERE k = 1")
        assert outcome() == (1, 0)
        assert skipped(proxy, Skipped.TENANT_UNKNOWN) == unknown + 1


def test_a_row_of_a_free_tenant_is_found_among_held_ones(proxy: ProxyProcess, shadow: CassandraNode) -> None:
    with comparing(proxy) as (client, outcome):
        for owner in (HELD, FREE):
            ask(client, f"INSERT INTO watched.owned (k, owner, v) VALUES (2, {owner}, 'x')")
        proxy.wait_copied()
        on(shadow, f"UPDATE watched.owned SET v = 'y' WHERE k = 2 AND owner = {FREE}")
        ask(client, "SELECT * FROM watched.owned WHERE k = 2")
        assert outcome() == (1, 1)
    assert f'watched.owned k=2: (owner={FREE}) v is "x" on the primary' in proxy.log.read_text()


def test_copies_on_their_way_are_no_mismatches(proxy: ProxyProcess) -> None:
    """Each write is read at once, before its copy arrives or while it does."""
    with comparing(proxy) as (client, outcome):
        for number in range(20):
            for write, table in (
                ("UPDATE watched.counted SET n = n + 1 WHERE k = 1", "counted"),
                (f"UPDATE watched.decided SET v = {number} WHERE k = 1 IF v != {number}", "decided"),
                (f"INSERT INTO watched.rows (k, c, v) VALUES (3, {number}, 'x')", "rows"),
                (f"DELETE FROM watched.rows WHERE k = 3 AND c = {number - 3}", "rows"),
            ):
                ask(client, write)
                key = 3 if table == "rows" else 1
                ask(client, f"SELECT * FROM watched.{table} WHERE k = {key}")
        compared, differing = outcome()
        assert differing == 0
        assert compared >= 10
        proxy.wait_copied()
        for table in ("counted", "decided", "rows"):
            ask(client, f"SELECT * FROM watched.{table} WHERE k IN (1, 3)")
        assert outcome() == (compared + 3, 0)


@pytest.mark.parametrize(
    ("program", "options", "at_least"),
    [
        # Fewer than they read: in the first seconds of a table its reads are not compared.
        ("paging", (), 3),
        ("native_types", ("--protocol-version=3",), 50),
        ("nested_types", ("--protocol-version=4",), 50),
    ],
)
def test_a_client_sees_the_same_while_all_its_reads_are_compared(
    program: str,
    options: tuple[str, ...],
    at_least: int,
    proxy: ProxyProcess,
    primary: CassandraNode,
    root: Path,
) -> None:
    with comparing(proxy) as (_, outcome):
        transcripts = both_ways(program, primary, proxy, *options, name=f"watched_{program}", root=root)
        assert transcripts.differences() == {}
        compared, differing = outcome()
    assert differing == 0
    assert compared >= at_least
    assert "ended by an error" not in proxy.log.read_text()
