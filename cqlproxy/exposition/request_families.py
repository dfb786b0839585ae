"""What is said of clients' requests: how many, how long, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cqlproxy.cluster.side import Side
from cqlproxy.exposition.family import (
    Family,
    Histogram,
    Row,
    by_pair,
    by_reason,
    counter,
    counters,
    gauge,
    histograms,
)
from cqlproxy.frontend.limits import Refused
from cqlproxy.metrics import PROXY, Metrics
from frame_codec import ErrorCode

SIDES: Final = tuple(side.label for side in Side)
_SOURCES: Final = (*SIDES, PROXY)
ERRORS: Final = tuple(code.name.lower() for code in ErrorCode)


def _writes(metrics: Metrics) -> Iterable[Row]:
    for side in Side:
        ok = metrics.write_latency_ok[side].count + metrics.copy_latency_ok[side].count
        yield (side.label, "ok"), ok
        yield (side.label, "error"), metrics.write_latency_error[side].count + metrics.copies_failed[side]


def _write_latency(metrics: Metrics) -> Iterable[Row]:
    for side in Side:
        ok = Histogram.of(metrics.write_latency_ok[side], metrics.copy_latency_ok[side])
        yield (side.label, "ok"), ok
        error = Histogram.of(metrics.write_latency_error[side], metrics.copy_latency_error[side])
        yield (side.label, "error"), error


# The histograms of writes are disjoint, so that a write is observed once and shown in both families.
def _request_latency(metrics: Metrics) -> Iterable[Row]:
    yield ("read",), Histogram.of(metrics.read_latency)
    yield ("write",), Histogram.of(*metrics.write_latency_ok, *metrics.write_latency_error)


REQUESTS: Final[tuple[Family, ...]] = (
    counter("proxy_reads_total", "Reads received from clients.", lambda m: m.reads_total),
    counter(
        "proxy_reads_failed_total",
        "Reads answered with an error.",
        lambda m: m.reads_failed,
        "A rate that rises: `proxy_errors_total` says which errors, and whose.",
    ),
    counters(
        "proxy_writes_total",
        ("target", "status"),
        "Mutations answered to clients and copies settled, by the cluster that they were for and by outcome.",
        _writes,
        "`status=error` on the cluster that answers: clients see it, `proxy_errors_total` says which"
        " errors. On"
        " the other: copies given up, see `proxy_mirror_failed_total`.",
    ),
    histograms(
        "proxy_write_latency_seconds",
        ("target", "status"),
        "Time of a mutation, or of one attempt to copy it, by the cluster that it was for and by outcome.",
        _write_latency,
        "Of the shadow: it is slower than the primary under the same writes. Clients wait for it in"
        " `dual_write_sync` only.",
    ),
    histograms(
        "proxy_request_latency_seconds",
        ("kind",),
        "Time from a client's request to its answer, by kind of request: read, or write (which includes"
        " DDL).",
        _request_latency,
        "Higher than the cluster's own figures: see `proxy_event_loop_lag_seconds`; in `dual_write_sync`, the"
        " slower of the two clusters.",
    ),
    counter(
        "proxy_requests_timed_out_total",
        "Requests answered by the proxy because the cluster did not answer in time.",
        lambda m: m.requests_timed_out,
        "Any: nodes that hang (`proxy_node_circuit`), or a `request_timeout_ms` below the cluster's own.",
    ),
    counters(
        "proxy_errors_total",
        ("source", "error"),
        "Errors that clients' requests were answered with, by who has made them (primary, shadow, proxy) and"
        " kind: the protocol's name.",
        lambda m: by_pair(m.errors, _SOURCES, ERRORS),
        "`source=proxy`: the cluster could not be asked or gave no answer (`unavailable`, `write_timeout`,"
        " `read_timeout`), or a limit was met (`overloaded`); a few `unprepared` after a restart are as they"
        " should be. `source` a cluster: as if the application had asked it directly.",
    ),
    counter(
        "proxy_one_sided_writes_total",
        "Writes awaited on both clusters that the answering one refused and the other may have applied.",
        lambda m: m.one_sided_writes,
        "Any: those rows may differ between the clusters until they are written again; validation finds"
        " them.",
    ),
    counter(
        "proxy_unclassified_statements_total",
        "Statements whose text could not be understood: served, never copied.",
        lambda m: m.unclassified_statements,
        "Any: the log has the texts. If they write, copy those tables by hand, and report it.",
    ),
    counter(
        "proxy_reprepared_statements_total",
        "Statements prepared again on a node that had forgotten them.",
        lambda m: m.reprepared,
        "A steady rate: a node's cache of prepared statements is too small, or clients do not prepare once.",
    ),
    gauge(
        "proxy_requests_under_way",
        "Requests of clients that were taken and are not answered.",
        lambda m: m.gauges.requests_under_way(),
        "Near `proxy_requests_limit`: the cluster answers slower than clients ask; beyond it they are"
        " refused.",
    ),
    gauge(
        "proxy_requests_limit",
        "How many there may be (`listen.max_requests`).",
        lambda m: m.gauges.requests_limit,
    ),
    counters(
        "proxy_requests_refused_total",
        ("reason",),
        "Requests that the proxy answered with OVERLOADED, by the limit; in no other count of requests.",
        lambda m: by_reason(m.requests_refused, Refused),
        "Any: the cluster is slow, or the limit of that name too low for the clients.",
    ),
)
