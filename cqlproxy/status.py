"""What `/status` says: the state of all parts at a glance, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cqlproxy import __version__
from cqlproxy.metrics import JournalState, Metrics

TOTALS: Final = (
    "total_writes",
    "successful_writes",
    "failed_writes",
    "filtered_writes",
    "mirrored_writes",
    "dropped_writes",
    "retried_writes",
    "dead_letters",
    "queue_depth",
    "journal_depth",
    "mirror_lag_seconds",
    "validated_reads",
    "consistency_mismatches",
)
"""The figures of `/stats` that stand here as well."""


def status(
    metrics: Metrics,
    *,
    reasons: Sequence[str],
    mode: Mapping[str, object],
    clusters: Mapping[str, bool],
    mirrors: Sequence[Mapping[str, object]],
    journal: JournalState | None,
    rules: Mapping[str, object],
) -> dict[str, object]:
    """``reasons``: why clients cannot be served, if they cannot. ``clusters``: by name, whether a node is
    connected. ``journal`` is None without one. The others are as their own endpoints show them.
    """
    figures = metrics.snapshot()
    nodes = list(metrics.gauges.nodes())
    return {
        "version": __version__,
        "ready": not reasons,
        "reasons": list(reasons),
        "uptime_seconds": figures["uptime_seconds"],
        "last_run": figures["last_run"],
        "mode": dict(mode),
        "clusters": [
            {
                "name": name,
                "ready": ready,
                "nodes": [
                    {"address": node.address, "up": node.up, "circuit": node.circuit}
                    for node in nodes
                    if node.cluster == name
                ],
            }
            for name, ready in clusters.items()
        ],
        "mirrors": list(mirrors),
        "journal": None
        if journal is None
        else {"bytes": journal.bytes, "failing": journal.failing, "unprotected": journal.unprotected},
        "clients": {
            "connections": figures["client_connections"],
            "requests_under_way": figures["requests_under_way"],
        },
        "rules": dict(rules),
        "totals": {name: figures[name] for name in TOTALS},
    }
