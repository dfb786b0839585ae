"""What is said of copies: those that wait, how long, what became of the others; and of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.cluster.request import Failure
from cqlproxy.cluster.side import Side
from cqlproxy.exposition.family import Family, Row, Rows, by_pair, counter, counters, gauge, gauges
from cqlproxy.exposition.request_families import ERRORS, SIDES
from cqlproxy.journal import Reason
from cqlproxy.metrics import Metrics, MirrorState

_TARGET: Final = ("target",)
_NO_ANSWER: Final = tuple(failure.value.replace(" ", "_") for failure in Failure)
_DROPPED: Final = ("queue_full", "journal_full", "shutdown")


def _of_mirrors(value: Callable[[MirrorState], float]) -> Rows:
    def rows(metrics: Metrics) -> Iterable[Row]:
        for mirror in metrics.gauges.mirrors():
            yield (mirror.target,), value(mirror)

    return rows


def _by_side(counts: Callable[[Metrics], list[int]]) -> Rows:
    def rows(metrics: Metrics) -> Iterable[Row]:
        for side, count in zip(Side, counts(metrics), strict=True):
            yield (side.label,), count

    return rows


def _circuits(metrics: Metrics) -> Iterable[Row]:
    for mirror in metrics.gauges.mirrors():
        for state in CircuitState:
            yield (mirror.target, state.value), int(state.value == mirror.circuit)


COPIES: Final[tuple[Family, ...]] = (
    gauges(
        "proxy_mirror_queue_depth",
        _TARGET,
        "Copies in memory that are not settled: those that wait, and those under way.",
        _of_mirrors(lambda mirror: mirror.depth),
        "Rises: the target takes less than is written, or is away (`proxy_cluster_up`,"
        " `proxy_mirror_circuit`,"
        " `proxy_mirror_paused`). At the limit copies go to the journal, or as `mirror.overflow` says.",
    ),
    gauges(
        "proxy_mirror_queue_limit",
        _TARGET,
        "How many there may be (`mirror.max_requests`).",
        _of_mirrors(lambda mirror: mirror.depth_limit),
    ),
    gauges(
        "proxy_mirror_queue_bytes",
        _TARGET,
        "Bytes that those copies hold.",
        _of_mirrors(lambda mirror: mirror.depth_bytes),
        "As the queue's depth; large rows meet this limit first.",
    ),
    gauges(
        "proxy_mirror_queue_limit_bytes",
        _TARGET,
        "How many they may hold (`mirror.max_bytes`).",
        _of_mirrors(lambda mirror: mirror.depth_bytes_limit),
    ),
    gauges(
        "proxy_mirror_in_flight",
        _TARGET,
        "Copies sent and not yet answered.",
        _of_mirrors(lambda mirror: mirror.in_flight),
    ),
    gauges(
        "proxy_mirror_lag_seconds",
        _TARGET,
        "Age of the oldest copy in memory that is not settled.",
        _of_mirrors(lambda mirror: round(mirror.lag_seconds, 6)),
        "Above a few seconds: the target is so far behind. A switch to it waits for that.",
    ),
    gauges(
        "proxy_mirror_window",
        _TARGET,
        "Copies that may be under way at the same time: grows while the target keeps up, shrinks when it"
        " fails.",
        _of_mirrors(lambda mirror: mirror.window),
        "Small for long: the target is overloaded or times out, see `proxy_mirror_errors_total`.",
    ),
    gauges(
        "proxy_mirror_circuit",
        ("target", "state"),
        "1 for the state that a cluster's circuit breaker is in, 0 for the others.",
        _circuits,
        "`open`: the target fails and is spared; it is tried again by itself. Copies wait meanwhile.",
    ),
    counters(
        "proxy_mirror_circuit_opened_total",
        _TARGET,
        "Times that a cluster failed so often in a row that it was spared for a while.",
        _by_side(lambda m: m.circuit_opened),
        "Again and again: the target comes and goes; look at its nodes.",
    ),
    gauges(
        "proxy_mirror_paused",
        _TARGET,
        "1 while an operator holds copies back, else 0.",
        _of_mirrors(lambda mirror: int(mirror.paused)),
        "1 for longer than was meant: `cqlproxy mirror resume`. `cqlproxy mirror show` says who paused it.",
    ),
    counters(
        "proxy_mirror_errors_total",
        ("target", "error"),
        "Attempts to deliver a copy that failed: the protocol's name of the error, `timeout`,"
        " `connection_lost`.",
        lambda m: by_pair(m.copy_errors, SIDES, (*ERRORS, *_NO_ANSWER)),
        "`invalid`, `unauthorized`: the schema or the permissions differ between the clusters. `overloaded`,"
        " `write_timeout`, `timeout`: the target cannot keep up. `unprepared` after a restart is as it"
        " should be.",
    ),
    counters(
        "proxy_mirror_retries_total",
        _TARGET,
        "Further attempts to deliver a copy.",
        _by_side(lambda m: m.retried),
        "A steady rate: the target fails now and then, see `proxy_mirror_errors_total`.",
    ),
    counters(
        "proxy_mirror_failed_total",
        ("target", "reason"),
        "Copies given up. With a journal each is a dead letter.",
        lambda m: by_pair(m.mirror_failed, SIDES, Reason),
        "Any: rows that the target lacks. `cqlproxy dead-letters` shows and replays them; `rejected` needs"
        " its"
        " cause mended first, `unconfirmed` somebody who looks.",
    ),
    counters(
        "proxy_mirror_dropped_total",
        ("target", "reason"),
        "Copies that were never sent and are not kept.",
        lambda m: by_pair(m.dropped, SIDES, _DROPPED),
        "Any: rows that the target lacks and nobody can replay. Copy those tables again, and give the queue"
        " or"
        " the journal more room (`queue_full`, `journal_full`), or keep a journal (`shutdown`).",
    ),
    counters(
        "proxy_mirror_expired_total",
        _TARGET,
        "Copies sent when their time to live had passed; they live for a second.",
        _by_side(lambda m: m.expired),
        "Harmless: the original is gone as well. Many: the lag is longer than what is written lives.",
    ),
    gauges(
        "proxy_journal_depth",
        _TARGET,
        "Copies that wait in the journal.",
        _of_mirrors(lambda mirror: mirror.journal_depth),
        "Rises: as the queue's depth. Falls by `mirror.replay_rate` a second at most once the target is"
        " back.",
    ),
    gauge(
        "proxy_journal_bytes",
        "Bytes of the journal's file that are in use.",
        lambda m: m.gauges.journal().bytes,
        "Near `proxy_journal_limit_bytes`: then the oldest copies are dropped, or clients wait, as"
        " `mirror.journal_full` says. Raise `mirror.journal_max_bytes` (live) if the disk has room.",
    ),
    gauge(
        "proxy_journal_limit_bytes",
        "How many there may be (`mirror.journal_max_bytes`); 0 without a journal.",
        lambda m: m.gauges.journal().limit_bytes,
    ),
    gauge(
        "proxy_journal_failing",
        "1 while the journal cannot be written, else 0.",
        lambda m: int(m.gauges.journal().failing),
        "1: the disk is full or broken; the log has its error. Copies stay in memory meanwhile.",
    ),
    counter(
        "proxy_journal_unprotected_total",
        "Copies in memory that should stand in the journal as well, and could not be written.",
        lambda m: m.gauges.journal().unprotected,
        "Any: a proxy that is killed now loses them.",
    ),
    gauge(
        "proxy_dead_letters",
        "Copies given up that are kept to be looked at.",
        lambda m: m.gauges.journal().dead_letters,
        "Above 0: `cqlproxy dead-letters list`. Do not switch before each is replayed or understood.",
    ),
)
