"""The dashboard of the copies: queue, attempts, journal, dead letters, rules, and reads compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from monitoring.panels import (
    BAD,
    GOOD,
    WORRYING,
    Query,
    chosen,
    equal,
    lines,
    of_all,
    per_second,
    quantile,
    rows,
    states,
    within,
)

TO = 'target=~"$cluster"'
PAIR = "{{instance}} to {{target}}"
CIRCUIT = {0: ("closed", GOOD), 1: ("half_open", WORRYING), 2: ("open", BAD)}
LATENCY = "proxy_write_latency_seconds"
BY_TABLE = "keyspace, table"


def sections() -> Sequence[tuple[str, Iterable[Builder[Panel]]]]:
    """Titles, and the panels below each."""
    return [
        ("Waiting", _waiting()),
        ("Delivery", _delivery()),
        ("Journal and dead letters", _journal()),
        ("By table", _tables()),
        ("Reads compared", _compared()),
    ]


def _waiting() -> Iterable[Builder[Panel]]:
    yield lines(
        "Lag",
        "Age of the oldest copy in memory that has not arrived.",
        Query(of_all("max", "proxy_mirror_lag_seconds", TO, by="instance, target"), PAIR),
        unit="s",
    )
    yield lines(
        "Queue",
        "Share of mirror.max_requests that waits in memory. What comes beyond goes to the"
        " journal, is lost, or"
        " makes clients wait: mirror.overflow.",
        Query(f"{chosen('proxy_mirror_queue_depth', TO)} / {chosen('proxy_mirror_queue_limit', TO)}", PAIR),
        unit="percentunit",
        highest=1,
    )
    yield lines(
        "Bytes in the queue",
        "Share of mirror.max_bytes that the copies in memory hold.",
        Query(
            f"{chosen('proxy_mirror_queue_bytes', TO)} / {chosen('proxy_mirror_queue_limit_bytes', TO)}", PAIR
        ),
        unit="percentunit",
        highest=1,
    )
    yield lines(
        "Under way",
        "Copies that are sent and not answered, and how many may be: the window grows while the"
        " cluster keeps up,"
        " and is halved when it does not.",
        Query(of_all("sum", "proxy_mirror_in_flight", TO, by="instance, target"), PAIR),
        Query(of_all("sum", "proxy_mirror_window", TO, by="instance, target"), f"window, {PAIR}"),
    )
    state = " or ".join(
        f"{value} * {chosen('proxy_mirror_circuit', TO, equal('state', name))}"
        for value, (name, _) in CIRCUIT.items()
    )
    yield states(
        "Circuit",
        "Open: copies failed one after the other, so that the cluster is spared for 30 s. Half"
        " open: it is tried"
        " with a few.",
        Query(f"sum by (instance, target) ({state})", PAIR),
        CIRCUIT,
        width=8,
    ).height(8)
    yield states(
        "Paused",
        "Whether somebody has told the copies to wait (`cqlproxy mirror pause`).",
        Query(of_all("max", "proxy_mirror_paused", TO, by="instance, target"), PAIR),
        {0: ("going", GOOD), 1: ("paused", WORRYING)},
        width=8,
    ).height(8)


def _delivery() -> Iterable[Builder[Panel]]:
    yield lines(
        "Delivered",
        "Copies and writes that the cluster acknowledged, and those that failed for good.",
        Query(per_second("proxy_writes_total", TO, by="target, status"), "{{target}} {{status}}"),
        unit="wps",
    )
    yield lines(
        "Latency",
        "Of writes and of each attempt to copy one, by cluster; attempts that fail on their own.",
        Query(quantile(0.5, LATENCY, TO, by="target, status"), "{{target}} {{status}} p50"),
        Query(
            quantile(0.99, LATENCY, TO, by="target, status"),
            "{{target}} {{status}} p99",
        ),
        unit="s",
    )
    yield lines(
        "Attempts that failed",
        "By the error that the cluster gave, or timeout and connection_lost. Most are tried again.",
        Query(per_second("proxy_mirror_errors_total", TO, by="target, error"), "{{target}}: {{error}}"),
        unit="wps",
    )
    yield lines(
        "Further attempts",
        "Attempts to deliver a copy after its first one, and how often the circuit has opened.",
        Query(per_second("proxy_mirror_retries_total", TO, by="target"), "again, to the {{target}}"),
        Query(per_second("proxy_mirror_circuit_opened_total", TO, by="target"), "circuit opened, {{target}}"),
        unit="wps",
    )
    yield lines(
        "Not delivered",
        "Given up (each is a dead letter), lost since there was no room, or sent when their time to live had"
        " passed, so that they live for a second.",
        Query(per_second("proxy_mirror_failed_total", TO, by="target, reason"), "given up: {{reason}}"),
        Query(per_second("proxy_mirror_dropped_total", TO, by="target, reason"), "lost: {{reason}}"),
        Query(per_second("proxy_mirror_expired_total", TO, by="target"), "expired"),
        unit="wps",
    )
    yield lines(
        "Refused by one side",
        "Writes in dual_write_sync that the answering cluster refused and the other may have applied.",
        Query(per_second("proxy_one_sided_writes_total"), "{{instance}}"),
        unit="wps",
    )


def _journal() -> Iterable[Builder[Panel]]:
    yield lines(
        "Copies on disk",
        "They wait in the journal for their cluster, oldest first.",
        Query(of_all("sum", "proxy_journal_depth", TO, by="instance, target"), PAIR),
    )
    yield lines(
        "Size of the journal",
        "What is in use of its file, and the limit (mirror.journal_max_bytes).",
        Query(of_all("sum", "proxy_journal_bytes"), "{{instance}}"),
        Query(of_all("sum", "proxy_journal_limit_bytes"), "limit of {{instance}}"),
        unit="bytes",
    )
    yield lines(
        "Time until it is full",
        "If it goes on growing as in the last half hour; no line while it does not grow.",
        Query(
            f"({chosen('proxy_journal_limit_bytes')} - {chosen('proxy_journal_bytes')})"
            f" / (deriv({chosen('proxy_journal_bytes')}[30m]) > 0)",
            "{{instance}}",
        ),
        unit="s",
    )
    yield lines(
        "Dead letters",
        "Copies given up that are kept: cqlproxy dead-letters list.",
        Query(of_all("sum", "proxy_dead_letters"), "{{instance}}"),
    )
    yield states(
        "Can the journal be written?",
        "While it cannot, what memory cannot hold is lost.",
        Query(of_all("max", "proxy_journal_failing"), "{{instance}}"),
        {0: ("yes", GOOD), 1: ("no", BAD)},
        width=8,
    ).height(8)
    yield lines(
        "In memory only",
        "Copies that should stand in the journal as well and could not be written: a kill would lose them.",
        Query(per_second("proxy_journal_unprotected_total"), "{{instance}}"),
        unit="wps",
    )


def _tables() -> Iterable[Builder[Panel]]:
    yield lines(
        "Copied, by table",
        "The ten tables with most copies that have arrived.",
        Query(
            f"topk(10, {per_second('proxy_mirrored_writes_total', by=BY_TABLE)})", "{{keyspace}}.{{table}}"
        ),
        unit="wps",
        width=12,
    )
    yield rows(
        "Did not arrive, by table",
        "Copies given up or lost within the time that is shown.",
        Query(within("proxy_mirror_failed_writes_total", by=f"reason, {BY_TABLE}"), ""),
    )
    yield rows(
        "Held back by the rules",
        "Mutations that were not copied within the time that is shown, since the rules say so.",
        Query(within("proxy_filtered_writes_total", by=f"reason, {BY_TABLE}"), ""),
    )
    yield rows(
        "Would be held back",
        "Mutations that rules which are not enforced (`enforce: false`) would hold back.",
        Query(within("proxy_would_filter_writes_total", by=f"reason, {BY_TABLE}"), ""),
    )


def _compared() -> Iterable[Builder[Panel]]:
    yield lines(
        "Compared",
        "Reads run on both clusters, those read once more since they differed at first, and those under way.",
        Query(per_second("proxy_validated_reads_total"), "compared, {{instance}}"),
        Query(per_second("proxy_validation_rechecks_total"), "read again, {{instance}}"),
        Query(of_all("sum", "proxy_validations_under_way"), "under way, {{instance}}"),
        unit="reqps",
    )
    yield lines(
        "Chosen and not compared",
        "By reason; docs/runbooks/mismatches.md says what a large share of them means.",
        Query(per_second("proxy_validation_skipped_total", by="reason"), "{{reason}}"),
        unit="reqps",
        stacked=True,
    )
    yield rows(
        "Differ, by table",
        "Reads that differed both times, within the time that is shown.",
        Query(within("proxy_consistency_mismatches_total", by=BY_TABLE), ""),
        width=8,
    )
