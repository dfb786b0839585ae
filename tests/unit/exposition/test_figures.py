"""The Prometheus text, read back with Prometheus' own client library."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cqlproxy import __version__
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.exposition import Exposition
from cqlproxy.metrics import (
    PROXY,
    CertificateState,
    ClusterUp,
    Gauges,
    JournalState,
    Metrics,
    MirrorState,
    NodeState,
    RulesState,
    WatchedState,
)
from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun
from frame_codec import ErrorCode

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text(metrics: Metrics) -> str:
    return asyncio.run(Exposition(metrics).render())[0].decode()


def samples(metrics: Metrics) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text(metrics))
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Mode.DUAL_WRITE_ASYNC)


def test_plain_counters_and_gauges(metrics: Metrics) -> None:
    names = {
        "reads_total": "proxy_reads_total",
        "reads_failed": "proxy_reads_failed_total",
        "requests_timed_out": "proxy_requests_timed_out_total",
        "unclassified_statements": "proxy_unclassified_statements_total",
        "reprepared": "proxy_reprepared_statements_total",
        "client_connections": "proxy_client_connections",
        "client_connections_total": "proxy_client_connections_accepted_total",
        "protocol_errors": "proxy_protocol_errors_total",
        "events_forwarded": "proxy_events_forwarded_total",
        "unhandled_errors": "proxy_unhandled_errors_total",
        "accepting_paused": "proxy_accepting_paused_total",
        "admin_refused": "proxy_admin_refused_total",
        "mode_changes": "proxy_mode_changes_total",
        "rules_reload_failures": "proxy_rules_reload_failures_total",
        "one_sided_writes": "proxy_one_sided_writes_total",
    }
    for number, attribute in enumerate(names, start=1):
        setattr(metrics, attribute, number)
    found = samples(metrics)
    assert [value(found, name) for name in names.values()] == list(range(1, len(names) + 1))


def test_certificates_and_watched_files(metrics: Metrics) -> None:
    metrics.gauges.certificates = lambda: [CertificateState("listen.tls", "cert_file", 1_800_000_000.5)]
    metrics.gauges.watched = lambda: [
        WatchedState("listen.tls", 2, True),
        WatchedState("admin.token_file", 0, False),
    ]
    found = samples(metrics)
    expiry = "proxy_certificate_expiry_timestamp_seconds"
    assert value(found, expiry, section="listen.tls", file="cert_file") == 1_800_000_000.5
    failures = "proxy_security_files_reload_failures_total"
    assert value(found, failures, section="listen.tls") == 2
    assert value(found, "proxy_security_files_stale", section="listen.tls") == 1
    assert value(found, "proxy_security_files_stale", section="admin.token_file") == 0


def test_writes_by_target_and_status(metrics: Metrics) -> None:
    observed = (
        (metrics.write_latency_ok, (10, 2)),
        (metrics.write_latency_error, (3, 0)),
        (metrics.copy_latency_ok, (4, 5)),
    )
    for histograms, counts in observed:
        for histogram, count in zip(histograms, counts, strict=True):
            for _ in range(count):
                histogram.observe(0.001)
    metrics.count_mirror_failed("error")
    metrics.count_mirror_failed("timeout")
    metrics.count_mirror_failed("timeout", Side.PRIMARY)
    metrics.count_dropped("queue_full")
    metrics.validation.validated = 9
    metrics.validation.mismatches.add([("ks", "t")])
    metrics.validation.skip("more_pages")
    found = samples(metrics)
    assert value(found, "proxy_writes_total", target="primary", status="ok") == 14
    assert value(found, "proxy_writes_total", target="primary", status="error") == 4
    assert value(found, "proxy_writes_total", target="shadow", status="ok") == 7
    assert value(found, "proxy_writes_total", target="shadow", status="error") == 2
    failed = "proxy_mirror_failed_total"
    assert value(found, failed, target="shadow", reason="timeout") == 1
    assert value(found, failed, target="primary", reason="timeout") == 1
    assert value(found, "proxy_mirror_dropped_total", target="shadow", reason="queue_full") == 1
    assert value(found, "proxy_validated_reads_total") == 9
    assert value(found, "proxy_consistency_mismatches_total", keyspace="ks", table="t") == 1
    assert value(found, "proxy_validation_skipped_total", reason="more_pages") == 1


def test_latencies(metrics: Metrics) -> None:
    metrics.read_latency.observe(0.0002)
    metrics.write_latency_ok[Side.PRIMARY].observe(0.0002)
    metrics.write_latency_ok[Side.PRIMARY].observe(0.0007)
    metrics.write_latency_error[Side.PRIMARY].observe(30)
    metrics.copy_latency_ok[Side.SHADOW].observe(0.3)
    metrics.copy_latency_error[Side.SHADOW].observe(2)
    found = samples(metrics)

    def writes(suffix: str, target: str, status: str, **le: str) -> float:
        return value(found, f"proxy_write_latency_seconds_{suffix}", target=target, status=status, **le)

    assert [
        writes("bucket", "primary", "ok", le=le) for le in ("0.0001", "0.00025", "0.0005", "0.001", "+Inf")
    ] == [0, 1, 1, 2, 2]
    assert writes("sum", "primary", "ok") == pytest.approx(0.0009)
    assert writes("bucket", "primary", "error", le="10.0") == 0
    assert writes("count", "primary", "error") == 1
    assert writes("count", "shadow", "ok") == 1
    assert writes("sum", "shadow", "error") == 2

    assert value(found, "proxy_request_latency_seconds_count", kind="read") == 1
    assert value(found, "proxy_request_latency_seconds_count", kind="write") == 3
    assert value(found, "proxy_request_latency_seconds_sum", kind="write") == pytest.approx(30.0009)
    assert value(found, "proxy_request_latency_seconds_bucket", kind="write", le="0.001") == 2


def test_filtered_writes_with_names_that_need_escaping(metrics: Metrics) -> None:
    metrics.count_filtered("tenant", 'My"Ks', "a\\b\nc")
    metrics.count_filtered("tenant", 'My"Ks', "a\\b\nc")
    assert (
        value(
            samples(metrics),
            "proxy_filtered_writes_total",
            reason="tenant",
            keyspace='My"Ks',
            table="a\\b\nc",
        )
        == 2
    )


def test_what_rules_that_are_not_enforced_would_hold_back_is_counted_apart(metrics: Metrics) -> None:
    metrics.count_would_filter("table", "ks", "t")

    found = samples(metrics)

    labels = {"reason": "table", "keyspace": "ks", "table": "t"}
    assert value(found, "proxy_would_filter_writes_total", **labels) == 1
    assert ("proxy_filtered_writes_total", frozenset(labels.items())) not in found


def test_copies_by_table(metrics: Metrics) -> None:
    metrics.mirrored_by_table.add([("ks", "a"), ("ks", "b")])
    metrics.mirrored_by_table.add([("ks", "a")])
    metrics.mirrored_by_table.add([(None, "c")])
    metrics.undelivered_by_table.add("queue_full", "ks", "a")
    found = samples(metrics)
    assert value(found, "proxy_mirrored_writes_total", keyspace="ks", table="a") == 2
    assert value(found, "proxy_mirrored_writes_total", keyspace="ks", table="b") == 1
    assert value(found, "proxy_mirrored_writes_total", keyspace="", table="c") == 1
    failed = "proxy_mirror_failed_writes_total"
    assert value(found, failed, reason="queue_full", keyspace="ks", table="a") == 1


@pytest.mark.parametrize("stale", [False, True])
def test_the_rules_in_force(metrics: Metrics, stale: bool) -> None:
    metrics.gauges = Gauges(rules=lambda: RulesState("c0ffee", 1_700_000_000.25, stale))
    found = samples(metrics)
    assert value(found, "proxy_rules_info", hash="c0ffee") == 1
    assert value(found, "proxy_rules_loaded_timestamp_seconds") == 1_700_000_000.25
    assert value(found, "proxy_rules_stale") == float(stale)


def test_gauges_are_read_at_the_scrape(metrics: Metrics) -> None:
    depth = 0
    metrics.gauges = Gauges(
        ready=lambda: depth > 0,
        config_stale=lambda: depth > 0,
        clients_limit=100,
        requests_limit=200,
        requests_under_way=lambda: depth,
        clusters=lambda: [ClusterUp("primary", True), ClusterUp("shadow", False)],
        nodes=lambda: [
            NodeState("primary", "10.0.0.1", True, connections=2, requests_under_way=depth),
            NodeState("shadow", "::1", False, "open", 3),
        ],
    )
    depth = 4
    found = samples(metrics)
    assert value(found, "proxy_ready") == 1
    assert value(found, "proxy_config_stale") == 1
    assert value(found, "proxy_client_connections_limit") == 100
    assert value(found, "proxy_requests_limit") == 200
    assert value(found, "proxy_requests_under_way") == 4
    assert value(found, "proxy_cluster_up", cluster="primary") == 1
    assert value(found, "proxy_cluster_up", cluster="shadow") == 0
    assert value(found, "proxy_node_up", cluster="primary", node="10.0.0.1") == 1
    assert value(found, "proxy_node_up", cluster="shadow", node="::1") == 0
    assert value(found, "proxy_node_connections", cluster="primary", node="10.0.0.1") == 2
    assert value(found, "proxy_node_requests_under_way", cluster="primary", node="10.0.0.1") == 4
    assert value(found, "proxy_node_requests_lost_total", cluster="shadow", node="::1") == 3
    states = ("closed", "open", "half_open")
    for cluster, node, one in (("primary", "10.0.0.1", "closed"), ("shadow", "::1", "open")):
        for state in states:
            shown = value(found, "proxy_node_circuit", cluster=cluster, node=node, state=state)
            assert shown == float(state == one)


@pytest.mark.parametrize("last_run", LastRun)
def test_a_run_that_was_killed_is_seen(metrics: Metrics, last_run: LastRun) -> None:
    metrics.last_run = last_run
    assert value(samples(metrics), "proxy_last_run_unclean") == float(last_run is LastRun.UNCLEAN)


def test_what_runs(metrics: Metrics) -> None:
    found = samples(metrics)
    (labels,) = [dict(labels) for name, labels in found if name == "proxy_build_info"]
    assert labels["version"] == __version__
    in_force = {
        dict(labels)["mode"]: value for (name, labels), value in found.items() if name == "proxy_mode"
    }
    assert in_force == {mode.value: float(mode is Mode.DUAL_WRITE_ASYNC) for mode in Mode}


def test_the_mirrors_are_shown_by_target_and_the_journal_as_a_whole(metrics: Metrics) -> None:
    shadow = MirrorState(
        "shadow",
        window=128,
        circuit="half_open",
        journal_depth=7,
        paused=True,
        depth=5,
        depth_limit=50,
        depth_bytes=500,
        depth_bytes_limit=5_000,
        in_flight=3,
        lag_seconds=1.5,
    )
    metrics.gauges = Gauges(
        mirrors=lambda: [shadow, MirrorState("primary", window=64)],
        journal=lambda: JournalState(
            bytes=4096, dead_letters=3, unprotected=2, failing=True, limit_bytes=8192
        ),
    )
    metrics.retried[Side.SHADOW] = 4
    metrics.expired[Side.SHADOW] = 5
    metrics.circuit_opened[Side.PRIMARY] = 6
    found = samples(metrics)
    expected = {
        "proxy_mirror_window": (128, 64),
        "proxy_mirror_queue_depth": (5, 0),
        "proxy_mirror_queue_limit": (50, 0),
        "proxy_mirror_queue_bytes": (500, 0),
        "proxy_mirror_queue_limit_bytes": (5_000, 0),
        "proxy_mirror_in_flight": (3, 0),
        "proxy_mirror_lag_seconds": (1.5, 0),
        "proxy_mirror_paused": (1, 0),
        "proxy_journal_depth": (7, 0),
        "proxy_mirror_retries_total": (4, 0),
        "proxy_mirror_expired_total": (5, 0),
        "proxy_mirror_circuit_opened_total": (0, 6),
    }
    for name, values in expected.items():
        assert tuple(value(found, name, target=target) for target in ("shadow", "primary")) == values, name
    assert [
        value(found, "proxy_mirror_circuit", target="shadow", state=state)
        for state in ("closed", "open", "half_open")
    ] == [0, 0, 1]
    assert value(found, "proxy_mirror_circuit", target="primary", state="closed") == 1
    assert value(found, "proxy_journal_bytes") == 4096
    assert value(found, "proxy_journal_limit_bytes") == 8192
    assert value(found, "proxy_journal_failing") == 1
    assert value(found, "proxy_journal_unprotected_total") == 2
    assert value(found, "proxy_dead_letters") == 3


def test_errors_by_whose_they_are_and_kind(metrics: Metrics) -> None:
    metrics.count_error("primary", ErrorCode.UNAVAILABLE)
    metrics.count_error(PROXY, ErrorCode.OVERLOADED)
    metrics.count_error(PROXY, 0x7FFF)
    metrics.count_copy_error(Side.SHADOW, ErrorCode.INVALID)
    metrics.count_copy_unanswered(Side.SHADOW, Failure.CONNECTION_LOST.value)
    found = samples(metrics)
    assert value(found, "proxy_errors_total", source="primary", error="unavailable") == 1
    assert value(found, "proxy_errors_total", source="proxy", error="overloaded") == 1
    assert value(found, "proxy_errors_total", source="proxy", error="other") == 1
    assert value(found, "proxy_mirror_errors_total", target="shadow", error="invalid") == 1
    assert value(found, "proxy_mirror_errors_total", target="shadow", error="connection_lost") == 1


def test_what_is_counted_by_a_constant_is_there_before_it_is_counted_first(metrics: Metrics) -> None:
    """``rate`` and ``increase`` do not see the step with which a series begins."""
    found = samples(metrics)
    for name, labels in (
        ("proxy_errors_total", {"source": "shadow", "error": "write_timeout"}),
        ("proxy_mirror_errors_total", {"target": "shadow", "error": "timeout"}),
        ("proxy_mirror_failed_total", {"target": "shadow", "reason": "rejected"}),
        ("proxy_mirror_dropped_total", {"target": "primary", "reason": "journal_full"}),
        ("proxy_requests_refused_total", {"reason": "max_requests"}),
        ("proxy_clients_turned_away_total", {"reason": "max_clients"}),
        ("proxy_clients_ended_total", {"reason": "idle_seconds"}),
        ("proxy_validation_skipped_total", {"reason": "no_answer"}),
        ("proxy_writes_total", {"target": "shadow", "status": "error"}),
    ):
        assert value(found, name, **labels) == 0


def test_the_lag_of_the_event_loop(metrics: Metrics) -> None:
    metrics.loop_lag.observe(0.004)
    found = samples(metrics)
    assert value(found, "proxy_event_loop_lag_seconds_count") == 1
    assert value(found, "proxy_event_loop_lag_seconds_bucket", le="0.0025") == 0
    assert value(found, "proxy_event_loop_lag_seconds_bucket", le="0.005") == 1
