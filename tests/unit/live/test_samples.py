"""Rates and latencies of a second, from counters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.cluster.side import Side
from cqlproxy.live.samples import FIELDS, counters, quantile, sample
from cqlproxy.metrics import LATENCY_BOUNDS, LatencyHistogram, Metrics, MirrorState
from cqlproxy.modes import Mode

BUCKETS = len(LATENCY_BOUNDS) + 1


def difference(
    do: Callable[[Metrics], None], *, mode: Mode = Mode.DUAL_WRITE_ASYNC, seconds: float = 1.0
) -> dict[str, float | None]:
    """The sample of the time in which ``do`` was done, by field."""
    metrics = Metrics(mode)
    # What was before is in no rate.
    metrics.read_latency.observe(5.0)
    metrics.write_latency_ok[Side.PRIMARY].observe(5.0)
    metrics.count_filtered("table", "ks", "t")
    before = counters(metrics, metrics.snapshot())
    do(metrics)
    figures = metrics.snapshot()
    row = sample(1000.0, seconds, before, counters(metrics, figures), mode, figures)
    return dict(zip(FIELDS, row, strict=True))


def test_nothing_is_no_latency() -> None:
    found = difference(lambda _: None)
    assert {name for name, value in found.items() if value is None} == {
        f"{side}_{name}" for side in ("primary", "shadow") for name in ("p50_ms", "p99_ms")
    }
    assert {value for name, value in found.items() if value is not None and name != "time"} == {0}


@pytest.mark.parametrize(
    ("mode", "answering", "other"),
    [(Mode.DUAL_WRITE_ASYNC, "primary", "shadow"), (Mode.SHADOW_PRIMARY, "shadow", "primary")],
)
def test_reads_are_the_answering_clusters_and_copies_the_others(
    mode: Mode, answering: str, other: str
) -> None:
    side = Side.PRIMARY if answering == "primary" else Side.SHADOW

    def do(metrics: Metrics) -> None:
        for _ in range(6):
            metrics.read_latency.observe(0.0007)
        metrics.reads_failed += 2
        for _ in range(4):
            metrics.write_latency_ok[side].observe(0.0007)
        metrics.write_latency_error[side].observe(0.0007)
        metrics.copy_latency_ok[side.other].observe(0.02)
        metrics.copy_latency_error[side.other].observe(0.02)

    found = difference(do, mode=mode, seconds=2.0)
    assert [found[f"{answering}_{name}"] for name in ("reads", "writes", "errors")] == [3.0, 2.5, 1.5]
    assert [found[f"{other}_{name}"] for name in ("reads", "writes", "errors")] == [0, 1.0, 0.5]
    latency, copied = found[f"{answering}_p50_ms"], found[f"{other}_p99_ms"]
    assert latency is not None
    assert 0.5 < latency < 1
    assert copied is not None
    assert 10 < copied <= 25


def test_what_waits_and_what_was_lost() -> None:
    def do(metrics: Metrics) -> None:
        metrics.gauges.mirrors = lambda: [MirrorState("shadow", depth=7, lag_seconds=1.23456)]
        metrics.count_filtered("table", "ks", "t")
        metrics.count_dropped("queue_full", 3)
        metrics.count_mirror_failed("refused")

    found = difference(do)
    names = ("waiting_in_memory", "waiting_in_journal", "lag_seconds", "held_back", "lost")
    assert [found[name] for name in names] == [7, 0, 1.235, 1, 4]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50), st.sampled_from((0.01, 0.5, 0.99, 1.0)))
def test_a_quantile_is_in_the_bucket_of_the_right_observation(seen: list[float], share: float) -> None:
    histogram = LatencyHistogram()
    for seconds in seen:
        histogram.observe(seconds)
    found = quantile(histogram.counts, share)
    assert found is not None
    ordered = sorted(seen)
    right = ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
    bounds = (0.0, *LATENCY_BOUNDS)
    bucket = next((i for i, bound in enumerate(LATENCY_BOUNDS) if right <= bound), None)
    if bucket is None:
        assert found == LATENCY_BOUNDS[-1]
    else:
        assert bounds[bucket] <= found <= LATENCY_BOUNDS[bucket]


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile([0] * BUCKETS, 0.5) is None
