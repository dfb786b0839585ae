"""A primary of three nodes under load, of which one at a time is killed, paused or restarted.

What an application may feel of it: errors for the writes that were under way on that node, and nothing else.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import pytest

from frame_codec import ConsistencyLevel, ErrorCode, Opcode, Query, QueryParameters, Request, WriteTimeout
from tests.integration.conftest import Logged
from tests.integration.paced_load import Asked, PacedLoad, acknowledged, errors, in_words, p99
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess, loopback_address, proxy_settings, start_together
from tests.nodes.cluster import nodes_of_one_cluster

ROUNDS: Final = int(os.environ.get("CQLPROXY_NODE_ROUNDS", "1"))
"""In each round each node suffers one fault; after three, each node has suffered each."""

RATE: Final = int(os.environ.get("CQLPROXY_NODE_RATE", "500"))
"""Requests a second; two cores have three nodes, the proxy and the load to run, and nodes to start."""

ROWS: Final = 500

NOTICED_SECONDS: Final = {"killed": 1.0, "paused": 4.0, "restarted": 1.0}
"""How long after it is gone requests may still meet a node: one that hangs is passed over when it has left a
heartbeat unanswered."""

FOUND_SECONDS: Final = 10.0
"""Within which the proxy knows that a node is away."""

SERVED_SECONDS: Final = 1.0
"""Half of the requests are answered sooner while a node is known to be away; that includes its start, for
which it takes all that two cores have."""


@dataclass
class Fault:
    """What was done to a node; times are of ``time.monotonic()``."""

    kind: str
    node: int
    begun: float
    gone: float
    found: float
    back: float
    settled: float
    lost: list[int]
    """By node, the requests that went down with it."""


@pytest.fixture(scope="module")
def nodes(root: Path, logged: list[Logged]) -> Iterator[list[CassandraNode]]:
    """One cluster."""
    nodes = nodes_of_one_cluster("three", 3, root)
    logged += nodes
    with start_together(*nodes):
        yield nodes
    for node in nodes:
        logged.remove(node)


@pytest.fixture
def proxy(nodes: list[CassandraNode], root: Path, logged: list[Logged]) -> Iterator[ProxyProcess]:
    settings = proxy_settings(
        loopback_address(),
        nodes[0],
        None,
        mode="primary_only",
        primary={"contact_points": [node.address for node in nodes]},
    )
    proxy = ProxyProcess(settings, Path(tempfile.mkdtemp(prefix="three-", dir=root)))
    logged.append(proxy)
    try:
        proxy.start()
        for node in nodes:
            wait_for(proxy, node, up=True)
        yield proxy
    finally:
        proxy.stop()
        logged.remove(proxy)


def seen(proxy: ProxyProcess, node: CassandraNode) -> dict[str, object]:
    """What the proxy says of a node."""
    nodes = cast("list[dict[str, object]]", proxy.stats()["nodes"])
    return next((seen for seen in nodes if seen["address"] == f"{node.address}:{node.port}"), {})


def wait_for(proxy: ProxyProcess, node: CassandraNode, *, up: bool, timeout: float = 60.0) -> None:
    what = f"{node.name} {'up' if up else 'down'}"
    proxy.wait_until(lambda stats: bool(seen(proxy, node).get("up")) is up, timeout, what=what)


def lost(proxy: ProxyProcess, nodes: list[CassandraNode]) -> list[int]:
    return [int(str(seen(proxy, node)["requests_lost"])) for node in nodes]


def ask(client: RawClient, request: Request) -> bytes:
    client.request(request)
    return client.expect(Opcode.RESULT, stream=1)


def with_rows(proxy: ProxyProcess, keyspace: str) -> str:
    """The name of a table with `ROWS` rows on all three nodes."""
    table = f"{keyspace}.t"
    every = QueryParameters(ConsistencyLevel.ALL)
    with RawClient(proxy) as client:
        client.start()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 3}"
        ask(client, Query(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}", every))
        # A coordinator that waits for a replica that is gone asks another one: that is the cluster's part.
        with_retry = f"CREATE TABLE {table} (id bigint PRIMARY KEY, v text) WITH speculative_retry = '50ms'"
        ask(client, Query(with_retry, every))
        for number in range(ROWS):
            ask(client, Query(f"INSERT INTO {table} (id, v) VALUES ({number}, 'there')", every))
    return table


def inflict(kind: str, number: int, nodes: list[CassandraNode], proxy: ProxyProcess) -> Fault:
    """One fault, until the node is back and has been for a while."""
    node = nodes[number]
    before = lost(proxy, nodes)
    begun = time.monotonic()
    {"killed": node.kill, "paused": node.pause, "restarted": node.stop}[kind]()
    gone = time.monotonic()
    wait_for(proxy, node, up=False, timeout=FOUND_SECONDS)
    found = time.monotonic()
    time.sleep(1)
    node.resume() if kind == "paused" else node.start()
    wait_for(proxy, node, up=True)
    back = time.monotonic()
    time.sleep(3)
    after = lost(proxy, nodes)
    changes = [now - earlier for now, earlier in zip(after, before, strict=True)]
    return Fault(kind, number, begun, gone, found, back, time.monotonic(), changes)


def test_a_node_that_fails_costs_what_was_under_way_there_and_no_more(
    nodes: list[CassandraNode], proxy: ProxyProcess
) -> None:
    table = with_rows(proxy, "three_nodes")
    faults = []
    with PacedLoad(proxy, table, rows=ROWS, rate=RATE) as load:
        time.sleep(5)
        for turn in range(ROUNDS):
            for number in range(len(nodes)):
                kind = ("killed", "paused", "restarted")[(number + turn) % 3]
                faults.append(inflict(kind, number, nodes, proxy))
                load.check()
        asked = load.end()
    tell(asked, faults)
    begun = min(request.sent for request in asked)
    assert len(asked) / (max(request.sent for request in asked) - begun) > 0.98 * RATE
    accounted = []
    for fault in faults:
        came = [request for request in errors(asked) if fault.begun <= request.answered < fault.settled]
        # Reads first: they should not be there.
        told = "\n".join(in_words(request, fault.gone) for request in sorted(came, key=by_kind)[:20])
        # What a node refuses while it ends in order, another one does.
        refused = [request for request in came if is_refusal(request)]
        assert refused == [], told
        accounted += came
        assert all(request.sent < fault.gone + NOTICED_SECONDS[fault.kind] for request in came), told
        # Reads go to the next replica; writes, of which nobody knows whether they were applied, do not.
        assert all(r.kind == "write" and isinstance(r.error, WriteTimeout) for r in came), told
        if came:
            # They fail at once: when the proxy gives up the connection, which it does in time.
            at = [request.answered for request in came]
            assert max(at) - min(at) < 1.0, told
            assert fault.begun < min(at) < fault.gone + FOUND_SECONDS, told
        assert len(came) <= fault.lost[fault.node], told
        assert sum(fault.lost) == fault.lost[fault.node], "nothing was lost on the nodes that were well"
        away = [request.seconds for request in asked if fault.found < request.sent < fault.back]
        assert statistics.median(away) < SERVED_SECONDS
    unaccounted = [request for request in errors(asked) if request not in accounted]
    assert unaccounted == [], "\n".join(in_words(request, begun) for request in unaccounted[:20])
    assert 0 <= written(proxy, table) - acknowledged(asked) <= len(errors(asked))
    assert proxy.stats()["unhandled_errors"] == 0


def by_kind(request: Asked) -> str:
    return request.kind


def is_refusal(request: Asked) -> bool:
    """Whether the node itself has said that it did not run this."""
    return request.error is not None and request.error.code == ErrorCode.OVERLOADED


def written(proxy: ProxyProcess, table: str) -> int:
    """How many rows the load wrote that two nodes of three agree on."""
    with RawClient(proxy) as client:
        client.start()
        body = ask(client, Query(f"SELECT count(*) FROM {table}", QueryParameters(ConsistencyLevel.QUORUM)))
    return int.from_bytes(body[-8:], "big") - ROWS


def tell(asked: list[Asked], faults: list[Fault]) -> None:
    """The figures, for those who run this with ``pytest -s``; times are of requests that succeeded."""
    well = [request for request in asked if request.error is None]
    begun = min(request.sent for request in asked)
    calm = [request for request in asked if request.sent < faults[0].begun - 0.5]
    seconds = max(request.sent for request in asked) - begun
    rate = len(asked) / seconds
    print(f"\n{len(asked)} requests, {rate:.0f}/s for {seconds:.0f} s; {len(errors(asked))} errors")
    print(
        f"before: median {1000 * statistics.median(r.seconds for r in calm):.1f} ms, p99 {p99(calm):.1f} ms"
    )
    for fault in faults:
        came = [request for request in errors(asked) if fault.begun <= request.answered < fault.settled]
        spans = {
            "until found": (fault.begun, fault.found),
            "away": (fault.found, fault.back),
            "after": (fault.back, fault.settled),
        }
        times = [
            f"p99 {name} ({end - begin:.1f} s) {p99(r for r in well if begin <= r.sent < end):.1f} ms"
            for name, (begin, end) in spans.items()
        ]
        longest = max((request.seconds for request in came), default=0.0)
        print(
            f"{fault.kind} node {fault.node + 1}: found after {fault.found - fault.gone:.1f} s,"
            f" {fault.lost[fault.node]} requests under way there, of which {len(came)} failed,"
            f" after {longest:.1f} s at most; " + ", ".join(times)
        )
