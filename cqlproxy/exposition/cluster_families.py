"""What is said of the clusters and their nodes, of certificates, and of who had no token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.exposition.family import Family, Row, Rows, counter, counters, gauges
from cqlproxy.metrics import Metrics, NodeState

_NODE: Final = ("cluster", "node")


def _clusters(metrics: Metrics) -> Iterable[Row]:
    for cluster, up in metrics.gauges.clusters():
        yield (cluster,), int(up)


def _of_nodes(value: Callable[[NodeState], float]) -> Rows:
    def rows(metrics: Metrics) -> Iterable[Row]:
        for node in metrics.gauges.nodes():
            yield (node.cluster, node.address), value(node)

    return rows


def _circuits(metrics: Metrics) -> Iterable[Row]:
    for node in metrics.gauges.nodes():
        for state in CircuitState:
            yield (node.cluster, node.address, state.value), int(state.value == node.circuit)


def _certificates(metrics: Metrics) -> Iterable[Row]:
    for certificate in metrics.gauges.certificates():
        yield (certificate.section, certificate.file), certificate.expires_at


def _stale(metrics: Metrics) -> Iterable[Row]:
    for watched in metrics.gauges.watched():
        yield (watched.section,), int(watched.stale)


def _reload_failures(metrics: Metrics) -> Iterable[Row]:
    for watched in metrics.gauges.watched():
        yield (watched.section,), watched.failures


CLUSTERS: Final[tuple[Family, ...]] = (
    gauges(
        "proxy_cluster_up",
        ("cluster",),
        "1 while a node of the cluster is connected, else 0.",
        _clusters,
        "0 for the cluster that answers clients: they get errors. For the other: copies wait.",
    ),
    gauges(
        "proxy_node_up",
        _NODE,
        "1 while the proxy can use the node, else 0.",
        _of_nodes(lambda node: int(node.up)),
        "0: the node is down, or cannot be reached from here. Others of its cluster are used meanwhile.",
    ),
    gauges(
        "proxy_node_circuit",
        ("cluster", "node", "state"),
        "1 for the state that a node's circuit breaker is in, 0 for the others.",
        _circuits,
        "`open`: requests time out there, so that others are used; the node hangs, or its network does.",
    ),
    gauges(
        "proxy_node_connections",
        _NODE,
        "Open connections to the node, but for those of keyspaces and of clients' own users.",
        _of_nodes(lambda node: node.connections),
    ),
    gauges(
        "proxy_node_requests_under_way",
        _NODE,
        "Requests and copies that wait for the node's answer on those connections.",
        _of_nodes(lambda node: node.requests_under_way),
        "Much more than on its fellows: the node is slow.",
    ),
    counters(
        "proxy_node_requests_lost_total",
        _NODE,
        "Requests that were under way on connections to the node when they were lost.",
        _of_nodes(lambda node: node.requests_lost),
        "Without a restart of the node: the network, or something between that ends connections.",
    ),
)

SECURITY: Final[tuple[Family, ...]] = (
    gauges(
        "proxy_certificate_expiry_timestamp_seconds",
        ("section", "file"),
        "When a file's certificate, or the last of its authorities, expires, in seconds since the epoch.",
        _certificates,
        "Less `time()` below two weeks: renew it; a new file is taken without a restart.",
    ),
    gauges(
        "proxy_security_files_stale",
        ("section",),
        "1 while certificates, keys or a token cannot be used, and what was read before is in force, else 0.",
        _stale,
        "1: the log says what is wrong with the files.",
    ),
    counters(
        "proxy_security_files_reload_failures_total",
        ("section",),
        "Times that changed certificates, keys or tokens could not be used.",
        _reload_failures,
    ),
    counter(
        "proxy_admin_refused_total",
        "Requests to the admin port without the right token.",
        lambda m: m.admin_refused,
        "A steady rate: a scraper or a script with an old token.",
    ),
)
