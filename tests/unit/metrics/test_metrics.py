"""Counters, histograms and the figures of /stats."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.side import Side
from cqlproxy.metrics import (
    LATENCY_BOUNDS,
    Gauges,
    JournalState,
    LatencyHistogram,
    Metrics,
    MirrorState,
    NodeState,
)
from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.0001, 0), (0.000101, 1), (0.001, 3), (0.0011, 4), (10.0, 15), (10.1, 16), (1e9, 16)],
)
def test_an_observation_falls_into_the_bucket_whose_bound_includes_it(seconds: float, bucket: int) -> None:
    histogram = LatencyHistogram()
    histogram.observe(seconds)
    assert histogram.counts.index(1) == bucket
    assert (histogram.count, histogram.total_seconds) == (1, seconds)


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_a_histogram_counts_as_a_list_would(observed: list[float]) -> None:
    histogram = LatencyHistogram()
    for seconds in observed:
        histogram.observe(seconds)
    for index, bound in enumerate(LATENCY_BOUNDS):
        assert sum(histogram.counts[: index + 1]) == sum(seconds <= bound for seconds in observed)
    assert histogram.count == len(observed)
    assert histogram.total_seconds == pytest.approx(sum(observed))


def test_the_bounds_ascend_from_100_microseconds_to_10_seconds() -> None:
    assert list(LATENCY_BOUNDS) == sorted(set(LATENCY_BOUNDS))
    assert (LATENCY_BOUNDS[0], LATENCY_BOUNDS[-1]) == (0.0001, 10.0)


def test_a_misspelt_counter_cannot_be_added_to_by_mistake() -> None:
    assert not hasattr(Metrics(Mode.PRIMARY_ONLY), "__dict__")
    assert not hasattr(LatencyHistogram(), "__dict__")


def test_a_new_snapshot_is_all_zeros() -> None:
    now = 100.0
    snapshot = Metrics(Mode.PRIMARY_ONLY, clock=lambda: now).snapshot()
    assert snapshot.pop("mode") == "primary_only"
    assert snapshot.pop("last_run") == "none"
    assert snapshot.pop("nodes") == []
    assert snapshot.pop("mirrors") == []
    assert {value for value in snapshot.values() if not isinstance(value, dict)} == {0}
    assert [key for key, value in snapshot.items() if value == {}] == [
        "filtered_by_reason",
        "would_filter_by_reason",
        "failed_copies_by_reason",
        "dropped_by_reason",
        "validation_skipped_by_reason",
        "clients_turned_away",
        "clients_ended",
        "requests_refused",
    ]


def test_a_snapshot_shows_what_was_counted_and_what_the_gauges_say() -> None:
    now = 100.0
    metrics = Metrics(Mode.PRIMARY_ONLY, clock=lambda: now)
    metrics.mode = Mode.DUAL_WRITE_ASYNC
    metrics.mode_since = 1_700_000_000.5
    metrics.mode_changes = 2
    metrics.last_run = LastRun.UNCLEAN
    metrics.gauges = Gauges(
        mirrors=lambda: [
            MirrorState("shadow", depth=2, depth_bytes=200, in_flight=2, lag_seconds=0.25),
            MirrorState("primary", depth=1, depth_bytes=100, lag_seconds=0.125),
        ],
        nodes=lambda: [NodeState("primary", "10.0.0.1", True), NodeState("shadow", "10.0.1.1", False)],
    )
    metrics.reads_total = 11
    metrics.reads_failed = 1
    metrics.writes_total = 10
    metrics.writes_ok = 8
    metrics.writes_failed = 2
    metrics.mirrored = 5
    metrics.retried[Side.SHADOW] = 4
    metrics.client_connections = 6
    metrics.client_connections_total = 7
    metrics.count_filtered("tenant", "ks", "t")
    metrics.count_would_filter("table", "ks", "t")
    metrics.rules_reload_failures = 3
    metrics.count_mirror_failed("timeout")
    metrics.count_mirror_failed("timeout")
    metrics.count_dropped("queue_full")
    metrics.validation.validated = 9
    metrics.validation.rechecks = 6
    metrics.validation.mismatches.add([("ks", "t"), ("ks", "u")])
    metrics.validation.skip("more_pages")
    now = 160.5
    snapshot = metrics.snapshot()
    assert snapshot == json.loads(json.dumps(snapshot))
    assert (
        snapshot.items()
        >= {
            "mode": "dual_write_async",
            "mode_since": 1_700_000_000.5,
            "mode_changes": 2,
            "last_run": "unclean",
            "uptime_seconds": 60.5,
            "total_reads": 11,
            "failed_reads": 1,
            "total_writes": 10,
            "successful_writes": 8,
            "failed_writes": 2,
            "filtered_writes": 1,
            "would_filter_writes": 1,
            "rules_reload_failures": 3,
            "mirrored_writes": 5,
            "failed_copies": 2,
            "dropped_writes": 1,
            "validated_reads": 9,
            "validation_rechecks": 6,
            "consistency_mismatches": 2,
            "retried_writes": 4,
            "queue_depth": 3,
            "queue_bytes": 300,
            "in_flight_copies": 2,
            "mirror_lag_seconds": 0.25,
            "client_connections": 6,
            "client_connections_total": 7,
        }.items()
    )
    assert snapshot["filtered_by_reason"] == {"tenant": 1}
    assert snapshot["would_filter_by_reason"] == {"table": 1}
    assert snapshot["failed_copies_by_reason"] == {"timeout": 2}
    assert snapshot["dropped_by_reason"] == {"queue_full": 1}
    assert snapshot["validation_skipped_by_reason"] == {"more_pages": 1}
    same = {"circuit": "closed", "requests_lost": 0, "connections": 0, "requests_under_way": 0}
    assert snapshot["nodes"] == [
        {"cluster": "primary", "address": "10.0.0.1", "up": True, **same},
        {"cluster": "shadow", "address": "10.0.1.1", "up": False, **same},
    ]


def test_a_snapshot_shows_the_mirrors_and_the_journal() -> None:
    metrics = Metrics(Mode.DUAL_WRITE_ASYNC)
    metrics.gauges = Gauges(
        mirrors=lambda: [
            MirrorState("shadow", window=128, circuit="open", journal_depth=7),
            MirrorState("primary", window=64, circuit="closed", journal_depth=2),
        ],
        journal=lambda: JournalState(bytes=4096, dead_letters=3, unprotected=2, failing=True),
    )
    metrics.count_dropped("journal_full", 12)
    snapshot = metrics.snapshot()
    assert snapshot == json.loads(json.dumps(snapshot))
    assert isinstance(snapshot["mirrors"], list)
    shown = [(state["target"], state["window"], state["circuit"]) for state in snapshot["mirrors"]]
    assert shown == [("shadow", 128, "open"), ("primary", 64, "closed")]
    expected = {
        "journal_depth": 9,
        "journal_bytes": 4096,
        "journal_failing": True,
        "unprotected_writes": 2,
        "dead_letters": 3,
        "dropped_writes": 12,
    }
    assert snapshot.items() >= expected.items()
