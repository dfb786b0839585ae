"""The dashboard for the wall: who answers, whether the copies arrive, whether the clusters agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from monitoring.panels import (
    BAD,
    GOOD,
    NEUTRAL,
    WORRYING,
    Query,
    chosen,
    equal,
    figure,
    lines,
    of_all,
    per_second,
    quantile,
    rows,
    states,
    within,
)

FIRING = 'ALERTS{alertname=~"Cqlproxy.+", alertstate="firing"}'

PHASES = {
    1: ("primary_only", NEUTRAL),
    2: ("dual_write_async", "light-blue"),
    3: ("dual_write_sync", "yellow"),
    4: ("shadow_primary", "light-green"),
    5: ("target_only", GOOD),
}
"""The modes in the order of a migration."""


def sections() -> Sequence[tuple[str, Iterable[Builder[Panel]]]]:
    """Titles, and the panels below each."""
    return [
        ("Where we are", _where()),
        ("What clients see", _clients()),
        ("Copies", _copies()),
        ("Do the clusters agree?", _agreement()),
    ]


def _where() -> Iterable[Builder[Panel]]:
    phase = " or ".join(
        f"{number} * {chosen('proxy_mode', equal('mode', name))}" for number, (name, _) in PHASES.items()
    )
    yield states(
        "Phase of each proxy",
        "The write mode in force. All proxies go through the phases from left to right; one"
        " that is in another"
        " phase than the rest for long has been forgotten.",
        Query(f"sum by (job, instance) ({phase})", "{{instance}}"),
        PHASES,
        width=14,
    )
    yield rows(
        "Alerts that fire",
        "Those of cqlproxy, by Prometheus' rules. Each has a runbook in docs/runbooks.",
        Query(
            f"max by (alertname, severity, instance) ({FIRING})",
            "",
        ),
        width=10,
    ).height(6)
    yield figure(
        "Proxies ready",
        "How many of them can serve clients now.",
        Query(f"sum({chosen('proxy_ready')})", "ready"),
    )
    yield figure(
        "Proxies not ready",
        "Scraped, but not able to serve clients: the cluster that answers is not reached, or"
        " they start or stop.",
        Query(f"count({chosen('proxy_ready')}) - sum({chosen('proxy_ready')})", "not ready"),
        steps={1: BAD},
    )
    yield figure(
        "Lag of copies",
        "Age of the oldest copy in memory that has not arrived, of all proxies.",
        Query(f"max({chosen('proxy_mirror_lag_seconds')})", "lag"),
        unit="s",
        steps={2: WORRYING, 10: BAD},
    )
    yield figure(
        "Copies that wait",
        "In memory and in the journals, for both clusters.",
        Query(f"sum({chosen('proxy_mirror_queue_depth')}) + sum({chosen('proxy_journal_depth')})", "waiting"),
        steps={10000: WORRYING, 100000: BAD},
    )
    yield figure(
        "Dead letters",
        "Copies given up and kept: the other cluster lacks them until somebody replays them.",
        Query(f"sum({chosen('proxy_dead_letters')})", "dead letters"),
        steps={1: BAD},
    )
    yield figure(
        "Copies lost",
        "Dropped within the time that is shown, since there was no room for them: gone for good.",
        Query(f"sum({within('proxy_mirror_dropped_total')})", "lost"),
        steps={1: BAD},
        now=True,
    )


def _clients() -> Iterable[Builder[Panel]]:
    yield lines(
        "Requests",
        "Reads, and writes by the cluster that has answered them or that they were copied to.",
        Query(f"sum({per_second('proxy_reads_total')})", "reads"),
        Query(per_second("proxy_writes_total", 'status="ok"', by="target"), "writes on the {{target}}"),
        unit="reqps",
    )
    yield lines(
        "Latency",
        "From a client's request to its answer, over all chosen proxies.",
        Query(quantile(0.5, "proxy_request_latency_seconds", by="kind"), "{{kind}} p50"),
        Query(quantile(0.99, "proxy_request_latency_seconds", by="kind"), "{{kind}} p99"),
        unit="s",
    )
    yield lines(
        "Errors that clients were answered with",
        "By the error and by whose it is: a cluster's own, or one of the proxy (a time-out, a limit).",
        Query(per_second("proxy_errors_total", by="source, error"), "{{error}} of {{source}}"),
        unit="reqps",
    )


def _copies() -> Iterable[Builder[Panel]]:
    yield lines(
        "Lag",
        "Age of the oldest copy in memory that has not arrived. Milliseconds when all is well.",
        Query(of_all("max", "proxy_mirror_lag_seconds", by="instance, target"), "{{instance}} to {{target}}"),
        unit="s",
    )
    yield lines(
        "Waiting",
        "Copies in memory, and those on disk, that go when the cluster takes them.",
        Query(of_all("sum", "proxy_mirror_queue_depth", by="target"), "in memory for the {{target}}"),
        Query(of_all("sum", "proxy_journal_depth", by="target"), "in journals for the {{target}}"),
    )
    yield lines(
        "Not copied",
        "Held back by the rules, as is meant; given up (dead letters) or lost, as is not.",
        Query(per_second("proxy_filtered_writes_total", by="reason"), "held back: {{reason}}"),
        Query(per_second("proxy_mirror_failed_total", by="reason"), "given up: {{reason}}"),
        Query(per_second("proxy_mirror_dropped_total", by="reason"), "lost: {{reason}}"),
        unit="wps",
    )
    yield lines(
        "Latency by cluster",
        "Writes and copies that succeeded, by the cluster that they were for: what the new one will be like.",
        Query(quantile(0.5, "proxy_write_latency_seconds", 'status="ok"', by="target"), "{{target}} p50"),
        Query(quantile(0.99, "proxy_write_latency_seconds", 'status="ok"', by="target"), "{{target}} p99"),
        unit="s",
    )
    yield lines(
        "Nodes in use",
        "Nodes that the proxies can use, by cluster, as the proxy sees it that sees the fewest.",
        Query(f"min by (cluster) ({of_all('sum', 'proxy_node_up', by='cluster, instance')})", "{{cluster}}"),
    )
    yield lines(
        "Room in the journals",
        "How full the fullest is. When it is full, the oldest copies are lost, or clients wait.",
        Query(
            f"{chosen('proxy_journal_bytes')} / ({chosen('proxy_journal_limit_bytes')} > 0)", "{{instance}}"
        ),
        unit="percentunit",
        highest=1,
    )


def _agreement() -> Iterable[Builder[Panel]]:
    yield figure(
        "Reads that differed",
        "Within the time that is shown: read on both clusters twice, and not the same.",
        Query(f"sum({within('proxy_consistency_mismatches_total')})", "differed"),
        steps={1: BAD},
        now=True,
    )
    yield figure(
        "Reads compared",
        "Within the time that is shown. 0: nothing is known, since validation_percentage is 0"
        " or nobody reads.",
        Query(f"sum({within('proxy_validated_reads_total')})", "compared"),
        now=True,
    )
    yield lines(
        "Compared and different",
        "Reads compared a second, and those that still differed when they were read again, by table.",
        Query(f"sum({per_second('proxy_validated_reads_total')})", "compared"),
        Query(
            per_second("proxy_consistency_mismatches_total", by="keyspace, table"),
            "differ: {{keyspace}}.{{table}}",
        ),
        unit="reqps",
        width=16,
    )
