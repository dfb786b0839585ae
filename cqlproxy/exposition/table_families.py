"""What is said by table: copies, what the rules hold back, reads that differ; and of the rules themselves.

Names of tables come from clients, so each family tells the first ``table_counts.MAX_SERIES`` combinations
apart and counts the rest under ``table_counts.OTHER``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cqlproxy.exposition.family import Family, Row, by_reason, counter, counters, gauge, gauges
from cqlproxy.metrics import Metrics
from cqlproxy.validation.skipped import Skipped

_TABLE: Final = ("keyspace", "table")
_REASON_AND_TABLE: Final = ("reason", *_TABLE)


def _rules_info(metrics: Metrics) -> Iterable[Row]:
    rules = metrics.gauges.rules()
    if rules is not None:
        yield (rules.content_hash,), 1


def _rules_loaded(metrics: Metrics) -> Iterable[Row]:
    rules = metrics.gauges.rules()
    if rules is not None:
        yield (), rules.loaded_at


def _rules_stale(metrics: Metrics) -> Iterable[Row]:
    rules = metrics.gauges.rules()
    if rules is not None:
        yield (), int(rules.stale)


TABLES: Final[tuple[Family, ...]] = (
    counters(
        "proxy_mirrored_writes_total",
        _TABLE,
        "Copies that a cluster acknowledged, by each table that they write.",
        lambda m: m.mirrored_by_table.items(),
        "A table that the application writes and that is not here: see the two families of the rules.",
    ),
    counters(
        "proxy_mirror_failed_writes_total",
        _REASON_AND_TABLE,
        "Copies that did not arrive, sent or not, by each table that they write.",
        lambda m: m.undelivered_by_table.items(),
        "As `proxy_mirror_failed_total` and `proxy_mirror_dropped_total`: these tables differ.",
    ),
    counters(
        "proxy_filtered_writes_total",
        _REASON_AND_TABLE,
        "Mutations held back by the rules.",
        lambda m: m.filtered.items(),
        "A table or reason that nobody meant: `cqlproxy filters test` tells what the rules do with a"
        " statement."
        " `unclassified`: the proxy did not understand what it writes.",
    ),
    counters(
        "proxy_would_filter_writes_total",
        _REASON_AND_TABLE,
        "Mutations copied that the rules would hold back if they were enforced.",
        lambda m: m.would_filter.items(),
        "What to look at before `enforce: true`.",
    ),
)

VALIDATION: Final[tuple[Family, ...]] = (
    gauge("proxy_validations_under_way", "Reads that are being compared.", lambda m: m.validation.under_way),
    counter(
        "proxy_validated_reads_total",
        "Reads compared between the clusters, equal or not.",
        lambda m: m.validation.validated,
        "Stands still with `validation_percentage` above 0: `proxy_validation_skipped_total` says why.",
    ),
    counter(
        "proxy_validation_rechecks_total",
        "Reads that differed at first, and so were read once more on both clusters.",
        lambda m: m.validation.rechecks,
    ),
    counters(
        "proxy_consistency_mismatches_total",
        _TABLE,
        "Reads that differed between the clusters, and still did when they were read once more.",
        lambda m: m.validation.mismatches.items(),
        "Any: rows that differ; the log has their keys. Look for dead letters, drops and one-sided writes"
        " of that"
        " table, and for what was written past the proxy or before the copying began.",
    ),
    counters(
        "proxy_validation_skipped_total",
        ("reason",),
        "Reads chosen to be compared that were not, by reason.",
        lambda m: by_reason(m.validation.skipped, Skipped),
        "`not_connected`, `no_answer`, `refused`: the other cluster, or its schema.",
    ),
)

RULES: Final[tuple[Family, ...]] = (
    gauges(
        "proxy_rules_info",
        ("hash",),
        "Always 1; the label says which content of the rules file is in force. None without a rules file.",
        _rules_info,
        "Different hashes between proxies of one application for longer than a rollout.",
    ),
    gauges(
        "proxy_rules_loaded_timestamp_seconds",
        (),
        "When the rules in force were read, in seconds since the epoch.",
        _rules_loaded,
    ),
    gauges(
        "proxy_rules_stale",
        (),
        "1 while the rules file cannot be used and older rules are in force, else 0.",
        _rules_stale,
        "1: the log and `cqlproxy check-config` say what is wrong with the file.",
    ),
    counter(
        "proxy_rules_reload_failures_total",
        "Times that the rules file was read and could not be used.",
        lambda m: m.rules_reload_failures,
    ),
)
