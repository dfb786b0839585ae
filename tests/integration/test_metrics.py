"""docs/metrics.md and ``/metrics`` of a running proxy say the same; traces come to a collector."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bootstrap.environments import CHECKOUT
from frame_codec import Opcode, Query, QueryParameters
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT
from tests.unit.tracing.collector import CLIENT, SERVER, Collector, Seen, running_collector

RULES: dict[str, object] = {"table_blacklist": ["figures.held"]}
SCHEMA = (
    "CREATE KEYSPACE figures WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE figures.rows (k int PRIMARY KEY, v text)",
    "CREATE TABLE figures.held (k int PRIMARY KEY, v text)",
    "CREATE TABLE figures.lost (k int PRIMARY KEY, v text)",
)
SECRET = "nobody-may-read-this"

# Of a proxy without TLS whose rules are enforced: these have no samples.
EMPTY = {
    "proxy_certificate_expiry_timestamp_seconds",
    "proxy_security_files_stale",
    "proxy_security_files_reload_failures_total",
    "proxy_would_filter_writes_total",
}


class Documented(NamedTuple):
    kind: str
    labels: frozenset[str]
    meaning: str


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy, shadow: CassandraNode, collector: Collector) -> ProxyProcess:
    """One that has had something of everything to count, of which every request is traced."""
    proxy = start_module_proxy(
        rules=RULES,
        validation_percentage=100,
        validation_recheck_ms=100,
        tracing={"endpoint": collector.url, "ratio": 1, "max_per_second": 10_000},
    )
    with RawClient(proxy) as client:
        client.start()
        for text in SCHEMA:
            ask(client, text)
        proxy.wait_copied()
        with RawClient(shadow) as direct:
            direct.start()
            ask(direct, "DROP TABLE figures.lost")
            ask(direct, f"INSERT INTO figures.rows (k, v) VALUES (2, '{SECRET}')")
        for table in ("rows", "held", "lost"):
            ask(client, f"INSERT INTO figures.{table} (k, v) VALUES (1, '{SECRET}')")
        ask(client, "SELECT v FROM figures.rows WHERE k = 1")
        ask(client, "SELECT v FROM figures.rows WHERE k = 2")
        assert ask(client, "SELECT nothing FROM figures.rows") == Opcode.ERROR
        proxy.wait_until(
            lambda stats: stats["dead_letters"] == 1 and stats["consistency_mismatches"] == 1,
            30,
            what="a dead letter and a mismatch",
        )
    return proxy


def ask(client: RawClient, text: str) -> int:
    """The opcode of the answer."""
    client.request(Query(text, QueryParameters()))
    frame = client.frame()
    assert frame is not None, "the connection was closed instead"
    return frame[3]


def scrape(proxy: ProxyProcess, accept: str = "") -> tuple[str, str]:
    """The text, and its media type."""
    connection = http.client.HTTPConnection(proxy.address, ADMIN_PORT, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode(), str(answer.getheader("content-type"))
    finally:
        connection.close()


def documented() -> dict[str, Documented]:
    """The rows of the page's tables."""
    page = (CHECKOUT / "docs" / "metrics.md").read_text()
    found = {}
    for row in re.findall(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \| \w* \| (.*?) \| .* \|$", page, re.MULTILINE):
        name, kind, labels, meaning = row
        found[name] = Documented(kind, frozenset(re.findall(r"`(\w+)`", labels)), meaning)
    return found


def test_the_page_and_the_proxy_say_the_same(proxy: ProxyProcess) -> None:
    text, media = scrape(proxy)
    assert media == "text/plain; version=0.0.4; charset=utf-8"
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    page = documented()
    assert {name: one.kind for name, one in page.items()} == kinds
    assert {name: one.meaning for name, one in page.items()} == helps
    labels: dict[str, set[frozenset[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = (
                re.sub(r"_(bucket|sum|count)$", "", sample.name)
                if family.type == "histogram"
                else sample.name
            )
            labels.setdefault(name, set()).add(frozenset(sample.labels.keys() - {"le"}))
    assert page.keys() - labels.keys() == EMPTY
    assert labels == {name: {one.labels} for name, one in page.items() if name not in EMPTY}


def test_what_was_done_is_told(proxy: ProxyProcess) -> None:
    found = dict(line.rsplit(" ", 1) for line in scrape(proxy)[0].splitlines() if line[0] != "#")
    # Of tables, what makes them counts as a write.
    for name in (
        "proxy_ready",
        'proxy_mode{mode="dual_write_async"}',
        'proxy_cluster_up{cluster="shadow"}',
        'proxy_filtered_writes_total{reason="table",keyspace="figures",table="held"}',
        'proxy_mirrored_writes_total{keyspace="figures",table="rows"}',
        'proxy_mirror_failed_total{target="shadow",reason="rejected"}',
        'proxy_mirror_errors_total{target="shadow",error="invalid"}',
        'proxy_mirror_failed_writes_total{reason="rejected",keyspace="figures",table="lost"}',
        'proxy_consistency_mismatches_total{keyspace="figures",table="rows"}',
        'proxy_errors_total{source="primary",error="invalid"}',
        "proxy_dead_letters",
    ):
        assert float(found[name]) >= 1, name


def test_openmetrics_is_for_who_asks_for_it(proxy: ProxyProcess) -> None:
    text, media = scrape(proxy, "application/openmetrics-text; version=1.0.0")
    assert media.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert "# TYPE proxy_reads counter\n" in text


def test_each_request_and_each_copy_has_its_span(proxy: ProxyProcess, collector: Collector) -> None:
    def pair(spans: list[Seen], table: str) -> tuple[Seen, Seen] | None:
        """A write and its copy."""
        requests = {span.span: span for span in spans if span.name == f"INSERT figures.{table}"}
        found = [(requests[span.parent], span) for span in spans if span.parent in requests]
        assert len(found) <= 1
        return found[0] if found else None

    spans = collector.wait_until(
        lambda spans: (
            pair(spans, "rows") is not None
            and pair(spans, "lost") is not None
            and any(span.attributes.get("error.type") == "invalid" for span in spans if span.name == "QUERY")
        )
    )
    written, lost = pair(spans, "rows"), pair(spans, "lost")
    assert written is not None
    assert lost is not None
    for request, copy in (written, lost):
        assert (request.kind, copy.kind) == (SERVER, CLIENT)
        assert request.trace == copy.trace
        assert request.attributes["network.peer.address"] != copy.attributes["network.peer.address"]
    assert "error.type" not in written[1].attributes
    assert lost[1].attributes["error.type"] == "invalid"
    assert pair(spans, "held") is None
    assert SECRET.encode() not in collector.raw
