"""What the proxy counts: plain integers that hot code adds to, and histograms of latency.

One `Metrics` per process, made where the proxy is put together and passed to whoever counts. All of it
belongs to the event loop's thread, so that an addition needs no lock. `/metrics` and `/stats` are
made from it when they are asked for: cqlproxy.exposition for Prometheus, `Metrics.snapshot` for JSON.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cqlproxy.cluster.circuit import CircuitState
from cqlproxy.cluster.side import Side
from cqlproxy.modes import Mode
from cqlproxy.state_file import LastRun
from cqlproxy.table_counts import CountsByReason, CountsByTable
from cqlproxy.validation.counts import ValidationCounts
from frame_codec import ErrorCode

LATENCY_BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds, in seconds and inclusive, of a histogram's buckets; one more bucket is above them all."""


class LatencyHistogram:
    """How many observations fell into each bucket, and the sum of them in seconds."""

    __slots__ = ("counts", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS) + 1)
        """Not cumulative: counts[i] holds what is above bound i-1 and at most bound i."""
        self.total_seconds = 0.0

    # Hot path: once per request.
    def observe(self, seconds: float) -> None:
        """Count one observation of `seconds`."""
        self.counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.total_seconds += seconds

    # Hot path: once per read of a connection.
    def observe_all(self, times: Sequence[float]) -> None:
        """Count an observation for each of `times`, in seconds."""
        counts = self.counts
        for seconds in times:
            counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.total_seconds += sum(times)

    @property
    def count(self) -> int:
        """How many observations there were."""
        return sum(self.counts)


class NodeState(NamedTuple):
    """One node as the proxy sees it."""

    cluster: str
    """`primary` or `shadow`."""
    address: str
    up: bool
    circuit: str = CircuitState.CLOSED.value
    """Whether it is passed over since requests time out there: a `CircuitState`."""
    requests_lost: int = 0
    """Requests that were under way there when a connection was lost."""
    connections: int = 0
    """Open ones of the proxy, but for those of keyspaces and of clients' own users."""
    requests_under_way: int = 0
    """Requests and copies that wait for its answer on those."""


class ClusterUp(NamedTuple):
    """Whether a cluster can be used."""

    cluster: str
    """`primary` or `shadow`."""
    up: bool
    """Whether a node of it is connected."""


class RulesState(NamedTuple):
    """The rules file as the proxy knows it."""

    content_hash: str
    """SHA-256 of the content in force."""
    loaded_at: float
    """When it was read, in seconds since the epoch."""
    stale: bool
    """Whether the file cannot be used as it is now, so that older rules are in force."""


class CertificateState(NamedTuple):
    """A file with certificates."""

    section: str
    """Of the configuration, such as `listen.tls`."""
    file: str
    """Its key in there, such as `cert_file`."""
    expires_at: float
    """When the first of a chain, or the last of several authorities, expires, in seconds since the epoch."""


class WatchedState(NamedTuple):
    """Files that are read again when they change."""

    section: str
    """The section or key of the configuration that names them."""
    failures: int
    """Times that changed files could not be used."""
    stale: bool
    """Whether they cannot be used as they are now, so that what was read before is in force."""


class MirrorState(NamedTuple):
    """The copies for one cluster, as their mirror sees it."""

    target: str
    """`primary` or `shadow`."""
    window: int = 1
    """How many copies may be under way to it at the same time."""
    circuit: str = CircuitState.CLOSED.value
    """`closed`: it takes copies; `open`: it fails and is spared; `half_open`: it is tried with a few."""
    journal_depth: int = 0
    """Copies that wait in the journal for it."""
    paused: bool = False
    """Whether an operator holds them back."""
    depth: int = 0
    """Copies in memory that are not settled, those under way included."""
    depth_limit: int = 0
    """How many there may be."""
    depth_bytes: int = 0
    """Bytes that those copies hold."""
    depth_bytes_limit: int = 0
    """How many that may be."""
    in_flight: int = 0
    """Copies under way: sent and not yet answered."""
    lag_seconds: float = 0.0
    """Age of the oldest copy that is not settled; 0 when there is none."""


class JournalState(NamedTuple):
    """The journal's file; all of it 0 when there is none."""

    bytes: int = 0
    """In use."""
    dead_letters: int = 0
    unprotected: int = 0
    """Copies in memory that should stand in the journal as well, and could not be written."""
    failing: bool = False
    """Whether it cannot be written at the moment."""
    limit_bytes: int = 0
    """How large it may become."""


def _no_mirrors() -> Iterable[MirrorState]:
    return ()


def _no_journal() -> JournalState:
    return JournalState()


def _no_rules() -> RulesState | None:
    return None


def _zero() -> int:
    return 0


def _no_nodes() -> Iterable[NodeState]:
    return ()


def _no_certificates() -> Iterable[CertificateState]:
    return ()


def _no_watched() -> Iterable[WatchedState]:
    return ()


def _no_clusters() -> Iterable[ClusterUp]:
    return ()


def _no_spans() -> Mapping[str, int]:
    return {}


def _false() -> bool:
    return False


@dataclass(slots=True, kw_only=True)
class Gauges:
    """What is read from its owner at each scrape, not counted; each callable is cheap and never fails."""

    ready: Callable[[], bool] = _false
    """Whether clients can be served."""
    config_stale: Callable[[], bool] = _false
    """Whether the configuration file could not be used when it was last read."""
    clients_limit: int = 0
    """How many connections clients may have."""
    requests_limit: int = 0
    """How many requests of clients may be under way."""
    mirrors: Callable[[], Iterable[MirrorState]] = _no_mirrors
    journal: Callable[[], JournalState] = _no_journal
    requests_under_way: Callable[[], int] = _zero
    """Requests of clients that were taken and are not answered."""
    prepared_statements: Callable[[], int] = _zero
    """Prepared statements that are remembered."""
    write_clock_ahead_seconds: Callable[[], float] = _zero
    """How far write times are ahead of the system's clock, which has stepped back; else 0."""
    keyspaces_in_use: Callable[[], int] = _zero
    """Keyspaces with connections of their own, on both clusters."""
    users: Callable[[], int] = _zero
    """Users with connections of their own, on both clusters."""
    spans: Callable[[], Mapping[str, int]] = _no_spans
    """Those of traced requests and copies, by what became of them; see ``tracing.export``."""
    clusters: Callable[[], Iterable[ClusterUp]] = _no_clusters
    nodes: Callable[[], Iterable[NodeState]] = _no_nodes
    certificates: Callable[[], Iterable[CertificateState]] = _no_certificates
    watched: Callable[[], Iterable[WatchedState]] = _no_watched
    rules: Callable[[], RulesState | None] = _no_rules
    """None when no rules file is configured."""


PROXY: Final = "proxy"
"""Whose an error is that no cluster has made."""

_ERROR_NAMES: Final = {int(code): code.name.lower() for code in ErrorCode}


class Pairs(dict[tuple[str, str], int]):
    """Counts by two names, each one of a few: a cluster's, and a reason or a kind."""

    __slots__ = ()

    def add(self, first: str, second: str, count: int = 1) -> None:
        """Count so many more."""
        key = (first, second)
        self[key] = self.get(key, 0) + count

    def by_second(self) -> dict[str, int]:
        """The same by the second name alone."""
        sums: dict[str, int] = {}
        for (_, second), count in self.items():
            sums[second] = sums.get(second, 0) + count
        return sums


class Metrics:
    """Every counter of the proxy. Attributes are public: hot code writes `metrics.reads_total += 1`."""

    __slots__ = (
        "_clock",
        "_started",
        "accepting_paused",
        "admin_refused",
        "circuit_opened",
        "client_connections",
        "client_connections_total",
        "clients_ended",
        "clients_turned_away",
        "copies_failed",
        "copy_errors",
        "copy_latency_error",
        "copy_latency_ok",
        "dropped",
        "errors",
        "events_forwarded",
        "expired",
        "filtered",
        "gauges",
        "keyspaces_refused",
        "last_run",
        "logins_ok",
        "logins_refused",
        "logins_too_many",
        "logins_undecided",
        "loop_lag",
        "mirror_failed",
        "mirrored",
        "mirrored_by_table",
        "mode",
        "mode_changes",
        "mode_since",
        "one_sided_writes",
        "protocol_errors",
        "read_latency",
        "reads_failed",
        "reads_total",
        "reprepared",
        "requests_refused",
        "requests_timed_out",
        "retried",
        "rules_reload_failures",
        "unclassified_statements",
        "undelivered_by_table",
        "unhandled_errors",
        "users_revoked",
        "validation",
        "would_filter",
        "write_latency_error",
        "write_latency_ok",
        "writes_failed",
        "writes_ok",
        "writes_total",
    )

    def __init__(self, mode: Mode, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start all counters at 0, and the uptime with them. `clock` gives seconds that never go back."""
        self._clock = clock
        self._started = clock()
        self.mode = mode
        """The mode in force; whoever switches it sets it, and the next two."""
        self.mode_since = 0.0
        """When it was set, in seconds since the epoch."""
        self.mode_changes = 0
        """Times that the mode was switched since this proxy started."""
        self.last_run = LastRun.NONE
        """How the run before this one ended."""
        self.gauges = Gauges()

        self.reads_total = 0
        """Reads received from clients."""
        self.reads_failed = 0
        """Reads answered with an ERROR."""
        self.writes_total = 0
        """Mutations received from clients; less the next two: those that still await their answer."""
        self.writes_ok = 0
        """Mutations answered with a RESULT."""
        self.writes_failed = 0
        """Mutations answered with an ERROR."""
        self.requests_timed_out = 0
        """Requests of any kind that the proxy answered itself, because the cluster did not in time."""
        self.filtered = CountsByReason()
        """Mutations held back, by (reason, keyspace, table): see count_filtered."""
        self.would_filter = CountsByReason()
        """Mutations copied that rules which are not enforced would hold back, by the same."""
        self.unclassified_statements = 0
        """Statements whose text could not be understood: sent to the primary, never copied."""
        self.rules_reload_failures = 0
        """Times that the rules file was read and could not be used."""

        self.errors = Pairs()
        """Errors that clients were answered with, by whose they are and kind: see count_error."""
        self.one_sided_writes = 0
        """Writes awaited on both clusters that the answering one refused and the other may have applied."""
        self.mirrored = 0
        """Copies that the shadow acknowledged."""
        self.mirrored_by_table = CountsByTable()
        """The same by table: a copy of several tables counts for each of them."""
        self.undelivered_by_table = CountsByReason()
        """Copies that did not arrive, sent or not, by (reason, keyspace, table), as above."""
        self.copies_failed = [0, 0]
        """Copies given up, by the `Side` that they were for."""
        self.copy_errors = Pairs()
        """Attempts to deliver a copy that failed, by target and kind: see count_copy_error."""
        self.mirror_failed = Pairs()
        """Copies given up, by target and reason: see count_mirror_failed. With a journal each is a dead
        letter."""
        self.dropped = Pairs()
        """Copies never sent, by target and reason: see count_dropped."""
        self.retried = [0, 0]
        """Further attempts to deliver a copy, by the `Side` that it is for; so are the next two."""
        self.expired = [0, 0]
        """Copies that were sent when their time to live had passed: they live for a second."""
        self.circuit_opened = [0, 0]
        """Times that a cluster failed so often in a row that it was spared for a while."""
        self.reprepared = 0
        """Statements prepared again on a node that had forgotten them."""

        self.validation = ValidationCounts()
        """Reads compared between the clusters."""

        self.client_connections = 0
        """Connections that are open now."""
        self.client_connections_total = 0
        """Connections accepted."""
        self.clients_turned_away: dict[str, int] = {}
        """Connections that were not served, by the limit that they were beyond."""
        self.clients_ended: dict[str, int] = {}
        """Connections that the proxy ended, by the limit that their clients went beyond."""
        self.requests_refused: dict[str, int] = {}
        """Requests answered with OVERLOADED by the proxy, by the limit; in no other count of requests."""
        self.keyspaces_refused = 0
        """Requests in one keyspace more than may have connections, when all of those are at work."""
        self.accepting_paused = 0
        """Times that no connection could be accepted, since there was no descriptor left."""
        self.logins_ok = 0
        """Clients that a cluster has let in."""
        self.logins_refused = 0
        """Logins with wrong credentials, by a cluster's word."""
        self.logins_too_many = 0
        """Logins with the right credentials of users who are one too many."""
        self.logins_undecided = 0
        """Logins that came to no end, for reasons that are not the client's."""
        self.users_revoked = 0
        """Users whose clients were disconnected, since a cluster accepts their credentials no more."""
        self.unhandled_errors = 0
        """Errors in the background that nobody handled: bugs of the proxy, each with a line in the log."""
        self.loop_lag = LatencyHistogram()
        """How late the sweep was, each time: everything else on the event loop had to wait as long."""
        self.admin_refused = 0
        """Requests to the admin port without the right token."""
        self.protocol_errors = 0
        """Frames from clients that broke the protocol."""
        self.events_forwarded = 0
        """Events sent to clients, one for each client that registered."""

        self.read_latency = LatencyHistogram()
        """From a read's arrival to its answer, whatever the answer."""
        self.write_latency_ok = (LatencyHistogram(), LatencyHistogram())
        """By `Side` of the cluster that answered: from a mutation's arrival to its RESULT."""
        self.write_latency_error = (LatencyHistogram(), LatencyHistogram())
        """By `Side` of the cluster that was to answer: from a mutation's arrival to its ERROR."""
        self.copy_latency_ok = (LatencyHistogram(), LatencyHistogram())
        """By `Side` that it is for: from the sending of a copy to its RESULT."""
        self.copy_latency_error = (LatencyHistogram(), LatencyHistogram())
        """By `Side`: from the sending of a copy to its ERROR, the loss of its connection, or its timeout."""

    # Hot path: once per mutation held back.
    def count_filtered(self, reason: str, keyspace: str | None, table: str | None) -> None:
        """Count a mutation that the governor held back; None where the name is not known."""
        self.filtered.add(reason, keyspace, table)

    def count_would_filter(self, reason: str, keyspace: str | None, table: str | None) -> None:
        """Count a mutation copied only because the rules are not enforced, as count_filtered does."""
        self.would_filter.add(reason, keyspace, table)

    def count_mirror_failed(self, reason: str, side: Side = Side.SHADOW) -> None:
        """Count a copy given up after it was sent. `reason` is one of a few constants, never a message."""
        self.copies_failed[side] += 1
        self.mirror_failed.add(side.label, reason)

    def count_dropped(self, reason: str, copies: int = 1, side: Side = Side.SHADOW) -> None:
        """Count copies that were never sent. `reason` is one of a few constants, never a message."""
        self.dropped.add(side.label, reason, copies)

    def count_error(self, source: str, code: int) -> None:
        """Count an error that a client is answered with.

        `source` is the name of the cluster that has made it, or `PROXY`; `code` is the protocol's.
        """
        self.errors.add(source, _ERROR_NAMES.get(code, "other"))

    def count_copy_error(self, side: Side, code: int) -> None:
        """Count an attempt to deliver a copy that `side` answered with an error."""
        self.copy_errors.add(side.label, _ERROR_NAMES.get(code, "other"))

    def count_copy_unanswered(self, side: Side, failure: str) -> None:
        """Count an attempt that had no answer: `failure` is a `Failure`'s value."""
        self.copy_errors.add(side.label, failure.replace(" ", "_"))

    def count_turned_away(self, reason: str) -> None:
        """Count a connection that is not served. `reason` is one of a few constants, as below."""
        self.clients_turned_away[reason] = self.clients_turned_away.get(reason, 0) + 1

    def count_ended_client(self, reason: str) -> None:
        """Count a connection that the proxy ends."""
        self.clients_ended[reason] = self.clients_ended.get(reason, 0) + 1

    def count_refused_requests(self, reason: str, requests: int) -> None:
        """Count requests that are answered with OVERLOADED."""
        self.requests_refused[reason] = self.requests_refused.get(reason, 0) + requests

    @property
    def writes_under_way(self) -> int:
        """Mutations that still await their answer."""
        return self.writes_total - self.writes_ok - self.writes_failed

    @property
    def uptime_seconds(self) -> float:
        """Seconds since this object was made."""
        return self._clock() - self._started

    def snapshot(self) -> dict[str, object]:
        """The figures that `/stats` shows, as JSON types."""
        gauges = self.gauges
        mirrors = list(gauges.mirrors())
        journal = gauges.journal()
        return {
            "mode": self.mode.value,
            "mode_since": self.mode_since,
            "mode_changes": self.mode_changes,
            "last_run": self.last_run.value,
            "uptime_seconds": round(self.uptime_seconds, 3),
            "total_reads": self.reads_total,
            "failed_reads": self.reads_failed,
            "total_writes": self.writes_total,
            "successful_writes": self.writes_ok,
            "failed_writes": self.writes_failed,
            "filtered_writes": sum(self.filtered.values()),
            "filtered_by_reason": self.filtered.by_reason(),
            "would_filter_writes": sum(self.would_filter.values()),
            "would_filter_by_reason": self.would_filter.by_reason(),
            "one_sided_writes": self.one_sided_writes,
            "mirrored_writes": self.mirrored,
            "failed_copies": sum(self.mirror_failed.values()),
            "failed_copies_by_reason": self.mirror_failed.by_second(),
            "dropped_writes": sum(self.dropped.values()),
            "dropped_by_reason": self.dropped.by_second(),
            "retried_writes": sum(self.retried),
            "queue_depth": sum(state.depth for state in mirrors),
            "queue_bytes": sum(state.depth_bytes for state in mirrors),
            "in_flight_copies": sum(state.in_flight for state in mirrors),
            "mirror_lag_seconds": round(max((state.lag_seconds for state in mirrors), default=0.0), 6),
            "expired_writes": sum(self.expired),
            "circuit_opened": sum(self.circuit_opened),
            "mirrors": [state._asdict() for state in mirrors],
            "journal_depth": sum(state.journal_depth for state in mirrors),
            "journal_bytes": journal.bytes,
            "journal_failing": journal.failing,
            "unprotected_writes": journal.unprotected,
            "dead_letters": journal.dead_letters,
            **self.validation.snapshot(),
            "unclassified_statements": self.unclassified_statements,
            "rules_reload_failures": self.rules_reload_failures,
            "requests_timed_out": self.requests_timed_out,
            "reprepared_statements": self.reprepared,
            "client_connections": self.client_connections,
            "client_connections_total": self.client_connections_total,
            "clients_turned_away": dict(self.clients_turned_away),
            "clients_ended": dict(self.clients_ended),
            "accepting_paused": self.accepting_paused,
            "requests_under_way": gauges.requests_under_way(),
            "requests_refused": dict(self.requests_refused),
            "prepared_statements": gauges.prepared_statements(),
            "keyspaces_in_use": gauges.keyspaces_in_use(),
            "keyspaces_refused": self.keyspaces_refused,
            "users": gauges.users(),
            "logins_ok": self.logins_ok,
            "logins_refused": self.logins_refused,
            "logins_too_many": self.logins_too_many,
            "logins_undecided": self.logins_undecided,
            "users_revoked": self.users_revoked,
            "write_clock_ahead_seconds": gauges.write_clock_ahead_seconds(),
            "unhandled_errors": self.unhandled_errors,
            "protocol_errors": self.protocol_errors,
            "events_forwarded": self.events_forwarded,
            "nodes": [node._asdict() for node in gauges.nodes()],
        }
