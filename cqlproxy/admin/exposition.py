"""The counters of metrics.py under their Prometheus names, in Prometheus' text format.

Made anew at each scrape, so that counting costs an addition and no more. Label values are bounded: targets,
kinds, statuses and reasons are constants, nodes are the clusters', tables are bounded by Metrics.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cqlproxy import __version__
from cqlproxy.admin.security_exposition import security
from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.cluster.side import Side
from cqlproxy.metrics import LATENCY_BOUNDS, JournalState, LatencyHistogram, Metrics, MirrorState
from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun
from cqlproxy.validation.counts import ValidationCounts


def render(metrics: Metrics) -> bytes:
    """The exposition text of everything in `metrics`, as it is now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_MetricsCollector(metrics))
    return generate_latest(registry)


class _MetricsCollector(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        yield from _process(self._metrics)
        yield from _requests(self._metrics)
        yield from _copies(self._metrics)
        yield from _by_table(self._metrics)
        yield from _validation(self._metrics.validation)
        yield from _rules(self._metrics)
        yield from _clients(self._metrics)
        yield from _nodes(self._metrics)
        yield from security(self._metrics)


def _process(metrics: Metrics) -> Iterable[Metric]:
    build = GaugeMetricFamily(
        "proxy_build_info", "Always 1; the labels say what runs.", labels=["version", "python"]
    )
    build.add_metric([__version__, platform.python_version()], 1)
    yield build
    yield _gauge("proxy_uptime_seconds", "Seconds since the proxy started.", metrics.uptime_seconds)
    mode = GaugeMetricFamily(
        "proxy_mode", "1 for the write mode in force, 0 for the others.", labels=["mode"]
    )
    for known in Mode:
        mode.add_metric([known.value], float(known is metrics.mode))
    yield mode
    yield _counter("proxy_mode_changes_total", "Times that the mode was switched.", metrics.mode_changes)
    yield _counter(
        "proxy_unhandled_errors_total",
        "Errors in the background that nobody handled: bugs of the proxy.",
        metrics.unhandled_errors,
    )
    yield _gauge(
        "proxy_write_clock_ahead_seconds",
        "How far write times are ahead of the system's clock, when that has stepped back.",
        metrics.gauges.write_clock_ahead_seconds(),
    )
    yield _gauge(
        "proxy_last_run_unclean",
        "1 when the run before this one was killed, so that copies in its memory are lost, else 0.",
        float(metrics.last_run is LastRun.UNCLEAN),
    )


def _requests(metrics: Metrics) -> Iterable[Metric]:
    yield _counter("proxy_reads_total", "Reads received from clients.", metrics.reads_total)
    yield _counter("proxy_reads_failed_total", "Reads answered with an error.", metrics.reads_failed)

    writes = CounterMetricFamily(
        "proxy_writes_total",
        "Mutations answered to clients and copies settled, by the cluster that they were for and by outcome.",
        labels=["target", "status"],
    )
    for side in Side:
        ok = metrics.write_latency_ok[side].count + metrics.copy_latency_ok[side].count
        writes.add_metric([side.label, "ok"], ok)
        failed = metrics.write_latency_error[side].count + metrics.copies_failed[side]
        writes.add_metric([side.label, "error"], failed)
    yield writes

    write_latency = HistogramMetricFamily(
        "proxy_write_latency_seconds",
        "Time of a mutation, or of one attempt to copy it, by the cluster that it was for and by outcome.",
        labels=["target", "status"],
    )
    for side in Side:
        _add_histogram(
            write_latency,
            [side.label, "ok"],
            metrics.write_latency_ok[side],
            metrics.copy_latency_ok[side],
        )
        _add_histogram(
            write_latency,
            [side.label, "error"],
            metrics.write_latency_error[side],
            metrics.copy_latency_error[side],
        )
    yield write_latency

    # The histograms of writes are disjoint, so that a write is observed once and shown in both families.
    request_latency = HistogramMetricFamily(
        "proxy_request_latency_seconds",
        "Time from a client's request to its answer, by kind of request.",
        labels=["kind"],
    )
    _add_histogram(request_latency, ["read"], metrics.read_latency)
    _add_histogram(request_latency, ["write"], *metrics.write_latency_ok, *metrics.write_latency_error)
    yield request_latency

    yield _counter(
        "proxy_requests_timed_out_total",
        "Requests answered by the proxy because the cluster did not answer in time.",
        metrics.requests_timed_out,
    )
    yield _counter(
        "proxy_unclassified_statements_total",
        "Statements whose text could not be understood: served, never copied.",
        metrics.unclassified_statements,
    )
    yield _counter(
        "proxy_reprepared_statements_total",
        "Statements prepared again on a node that had forgotten them.",
        metrics.reprepared,
    )


def _copies(metrics: Metrics) -> Iterable[Metric]:
    yield _by_reason("proxy_mirror_failed_total", "Copies given up after an attempt.", metrics.mirror_failed)
    yield _by_reason("proxy_mirror_dropped_total", "Copies that were never sent.", metrics.dropped)
    yield _counter("proxy_mirror_retries_total", "Further attempts to deliver a copy.", metrics.retried)
    gauges = metrics.gauges
    yield _gauge("proxy_mirror_queue_depth", "Copies taken and not yet settled.", gauges.queue_depth())
    yield _gauge("proxy_mirror_queue_bytes", "Bytes that those copies hold.", gauges.queue_bytes())
    yield _gauge("proxy_mirror_in_flight", "Copies sent and not yet answered.", gauges.mirror_in_flight())
    yield _gauge(
        "proxy_mirror_lag_seconds",
        "Age of the oldest copy that is not settled.",
        gauges.mirror_lag_seconds(),
    )
    yield _counter(
        "proxy_mirror_expired_total",
        "Copies sent when their time to live had passed; they live for a second.",
        metrics.expired,
    )
    yield _counter(
        "proxy_mirror_circuit_opened_total",
        "Times that a cluster failed so often in a row that it was spared for a while.",
        metrics.circuit_opened,
    )
    yield from _by_target(list(gauges.mirrors()))
    yield from _journal(gauges.journal())


def _by_target(mirrors: list[MirrorState]) -> Iterable[Metric]:
    window = GaugeMetricFamily(
        "proxy_mirror_window", "Copies that may be under way at the same time.", labels=["target"]
    )
    circuit = GaugeMetricFamily(
        "proxy_mirror_circuit",
        "1 for the state that a cluster's circuit breaker is in, 0 for the others.",
        labels=["target", "state"],
    )
    depth = GaugeMetricFamily("proxy_journal_depth", "Copies that wait in the journal.", labels=["target"])
    for mirror in mirrors:
        window.add_metric([mirror.target], mirror.window)
        for state in CircuitState:
            circuit.add_metric([mirror.target, state.value], float(state.value == mirror.circuit))
        depth.add_metric([mirror.target], mirror.journal_depth)
    yield from (window, circuit, depth)


def _journal(journal: JournalState) -> Iterable[Metric]:
    yield _gauge("proxy_journal_bytes", "Bytes of the journal's file that are in use.", journal.bytes)
    yield _gauge("proxy_journal_failing", "1 while the journal cannot be written.", float(journal.failing))
    yield _counter(
        "proxy_journal_unprotected_total",
        "Copies in memory that should stand in the journal as well, and could not be written.",
        journal.unprotected,
    )
    yield _gauge("proxy_dead_letters", "Copies given up that are kept to be looked at.", journal.dead_letters)


def _by_table(metrics: Metrics) -> Iterable[Metric]:
    for name, documentation, counts in (
        (
            "proxy_filtered_writes_total",
            "Mutations held back from the shadow by the rules.",
            metrics.filtered,
        ),
        (
            "proxy_would_filter_writes_total",
            "Mutations copied that the rules would hold back if they were enforced.",
            metrics.would_filter,
        ),
        (
            "proxy_mirror_failed_writes_total",
            "Copies that did not arrive, sent or not, by reason and by each table that they write.",
            metrics.undelivered_by_table,
        ),
    ):
        family = CounterMetricFamily(name, documentation, labels=["reason", "keyspace", "table"])
        for key, count in counts.items():
            family.add_metric(key, count)
        yield family
    mirrored = CounterMetricFamily(
        "proxy_mirrored_writes_total",
        "Copies that the shadow acknowledged, by each table that they write.",
        labels=["keyspace", "table"],
    )
    for names, count in metrics.mirrored_by_table.items():
        mirrored.add_metric([name or "" for name in names], count)
    yield mirrored


def _validation(counts: ValidationCounts) -> Iterable[Metric]:
    yield _gauge("proxy_validations_under_way", "Reads that are being compared.", counts.under_way)
    yield _counter(
        "proxy_validated_reads_total", "Reads compared between the clusters, equal or not.", counts.validated
    )
    yield _counter(
        "proxy_validation_rechecks_total",
        "Reads that differed at first, and so were read once more on both clusters.",
        counts.rechecks,
    )
    mismatches = CounterMetricFamily(
        "proxy_consistency_mismatches_total",
        "Reads that differed between the clusters, and still did when they were read once more.",
        labels=["keyspace", "table"],
    )
    for names, count in counts.mismatches.items():
        mismatches.add_metric([name or "" for name in names], count)
    yield mismatches
    yield _by_reason(
        "proxy_validation_skipped_total",
        "Reads chosen to be compared that were not, by reason.",
        counts.skipped,
    )


def _rules(metrics: Metrics) -> Iterable[Metric]:
    yield _counter(
        "proxy_rules_reload_failures_total",
        "Times that the rules file was read and could not be used.",
        metrics.rules_reload_failures,
    )
    rules = metrics.gauges.rules()
    if rules is None:
        return
    info = GaugeMetricFamily(
        "proxy_rules_info",
        "Always 1; the label says which content of the rules file is in force.",
        labels=["hash"],
    )
    info.add_metric([rules.content_hash], 1)
    yield info
    yield _gauge(
        "proxy_rules_loaded_timestamp_seconds",
        "When the rules in force were read, in seconds since the epoch.",
        rules.loaded_at,
    )
    yield _gauge(
        "proxy_rules_stale",
        "1 while the rules file cannot be used and older rules are in force, else 0.",
        float(rules.stale),
    )


def _clients(metrics: Metrics) -> Iterable[Metric]:
    yield _gauge("proxy_client_connections", "Client connections that are open.", metrics.client_connections)
    # Not proxy_client_connections_total: OpenMetrics would take it for the same family as the gauge.
    yield _counter(
        "proxy_client_connections_accepted_total",
        "Client connections accepted.",
        metrics.client_connections_total,
    )
    yield _by_reason(
        "proxy_clients_turned_away_total",
        "Connections that were not served, by the limit that they were beyond.",
        metrics.clients_turned_away,
    )
    yield _by_reason(
        "proxy_clients_ended_total",
        "Connections that the proxy ended, by the limit that their clients went beyond.",
        metrics.clients_ended,
    )
    yield _counter(
        "proxy_accepting_paused_total",
        "Times that no connection could be accepted, since there was no descriptor left.",
        metrics.accepting_paused,
    )
    gauges = metrics.gauges
    yield _gauge(
        "proxy_requests_under_way",
        "Requests of clients that were taken and are not answered.",
        gauges.requests_under_way(),
    )
    yield _by_reason(
        "proxy_requests_refused_total",
        "Requests that the proxy answered with OVERLOADED, by the limit; in no other count of requests.",
        metrics.requests_refused,
    )
    yield _gauge(
        "proxy_prepared_statements",
        "Prepared statements that are remembered.",
        gauges.prepared_statements(),
    )
    yield _gauge(
        "proxy_keyspaces_in_use",
        "Keyspaces with connections of their own, on both clusters.",
        gauges.keyspaces_in_use(),
    )
    yield _counter(
        "proxy_keyspaces_refused_total",
        "Requests in one keyspace more than may have connections, told OVERLOADED; failed ones as well.",
        metrics.keyspaces_refused,
    )
    logins = CounterMetricFamily(
        "proxy_logins_total", "Logins of clients, by what came of them.", labels=["outcome"]
    )
    logins.add_metric(["ok"], metrics.logins_ok)
    logins.add_metric(["refused"], metrics.logins_refused)
    logins.add_metric(["too_many"], metrics.logins_too_many)
    logins.add_metric(["undecided"], metrics.logins_undecided)
    yield logins
    yield _gauge("proxy_users", "Users with connections of their own to the clusters.", gauges.users())
    yield _counter(
        "proxy_users_revoked_total",
        "Users disconnected because a cluster accepts their credentials no more.",
        metrics.users_revoked,
    )
    yield _counter(
        "proxy_protocol_errors_total",
        "Frames from clients that broke the protocol.",
        metrics.protocol_errors,
    )
    yield _counter("proxy_events_forwarded_total", "Events sent to clients.", metrics.events_forwarded)


def _nodes(metrics: Metrics) -> Iterable[Metric]:
    family = GaugeMetricFamily(
        "proxy_node_up", "1 while the proxy can use the node, else 0.", labels=["cluster", "node"]
    )
    circuit = GaugeMetricFamily(
        "proxy_node_circuit",
        "1 for the state that a node's circuit breaker is in, 0 for the others.",
        labels=["cluster", "node", "state"],
    )
    lost = CounterMetricFamily(
        "proxy_node_requests_lost_total",
        "Requests that were under way on connections to the node when they were lost.",
        labels=["cluster", "node"],
    )
    for node in metrics.gauges.nodes():
        lost.add_metric([node.cluster, node.address], node.requests_lost)
        family.add_metric([node.cluster, node.address], float(node.up))
        for state in CircuitState:
            labels = [node.cluster, node.address, state.value]
            circuit.add_metric(labels, float(state.value == node.circuit))
    yield from (family, circuit, lost)


def _counter(name: str, documentation: str, value: int) -> Metric:
    return CounterMetricFamily(name, documentation, value=value)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _by_reason(name: str, documentation: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=["reason"])
    for reason, count in counts.items():
        family.add_metric([reason], count)
    return family


def _add_histogram(family: HistogramMetricFamily, labels: list[str], *parts: LatencyHistogram) -> None:
    counts = [sum(column) for column in zip(*(part.counts for part in parts), strict=True)]
    bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
    family.add_metric(
        labels,
        buckets=list(zip(bounds, accumulate(counts), strict=True)),
        sum_value=sum(part.total_seconds for part in parts),
    )
