"""What is said of clients: connections, logins, and those that were beyond a limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cqlproxy.exposition.family import Family, Row, by_reason, counter, counters, gauge
from cqlproxy.frontend.limits import Ended, Turned
from cqlproxy.metrics import Metrics


def _logins(metrics: Metrics) -> Iterable[Row]:
    yield ("ok",), metrics.logins_ok
    yield ("refused",), metrics.logins_refused
    yield ("too_many",), metrics.logins_too_many
    yield ("undecided",), metrics.logins_undecided


CLIENTS: Final[tuple[Family, ...]] = (
    gauge(
        "proxy_client_connections",
        "Client connections that are open.",
        lambda m: m.client_connections,
        "0 while the application runs: it does not come here. Near the limit: raise `listen.max_clients`.",
    ),
    gauge(
        "proxy_client_connections_limit",
        "How many there may be: `listen.max_clients`, or as many as there are descriptors for.",
        lambda m: m.gauges.clients_limit,
    ),
    # Not proxy_client_connections_total: OpenMetrics would take it for the same family as the gauge.
    counter(
        "proxy_client_connections_accepted_total",
        "Client connections accepted.",
        lambda m: m.client_connections_total,
        "A high rate: a client that connects for each request, or is turned away and comes again.",
    ),
    counters(
        "proxy_clients_turned_away_total",
        ("reason",),
        "Connections that were not served, by the limit that they were beyond, or by what TLS failed for.",
        lambda m: by_reason(m.clients_turned_away, Turned),
        "Any: a client outside of `listen.allowed_networks`, one connection too many, or `tls_...`:"
        " certificates.",
    ),
    counters(
        "proxy_clients_ended_total",
        ("reason",),
        "Connections that the proxy ended, by the limit that their clients went beyond.",
        lambda m: by_reason(m.clients_ended, Ended),
        "`unread_...`: a client that does not read. `handshake_seconds`: something that is no CQL client."
        " The log"
        " has the addresses.",
    ),
    counter(
        "proxy_accepting_paused_total",
        "Times that no connection could be accepted, since there was no descriptor left.",
        lambda m: m.accepting_paused,
        "Any: raise the limit of open files; see `process_max_fds`.",
    ),
    gauge(
        "proxy_prepared_statements",
        "Prepared statements that are remembered.",
        lambda m: m.gauges.prepared_statements(),
        "At `max_prepared_statements`: clients put values into the texts that they prepare.",
    ),
    gauge(
        "proxy_keyspaces_in_use",
        "Keyspaces with connections of their own, on both clusters.",
        lambda m: m.gauges.keyspaces_in_use(),
    ),
    counter(
        "proxy_keyspaces_refused_total",
        "Requests in one keyspace more than may have connections, told OVERLOADED; failed ones as well.",
        lambda m: m.keyspaces_refused,
        "Any: raise `max_keyspaces`, or have texts name their keyspace.",
    ),
    counters(
        "proxy_logins_total",
        ("outcome",),
        "Logins of clients, by what came of them: ok, refused, too_many, undecided.",
        _logins,
        "`refused`: wrong passwords. `too_many`: raise `max_users`. `undecided`: the cluster that is asked"
        " is away.",
    ),
    gauge(
        "proxy_users",
        "Users with connections of their own to the clusters.",
        lambda m: m.gauges.users(),
    ),
    counter(
        "proxy_users_revoked_total",
        "Users disconnected because a cluster accepts their credentials no more.",
        lambda m: m.users_revoked,
        "Passwords that were changed on a cluster and not in the application.",
    ),
    counter(
        "proxy_protocol_errors_total",
        "Frames from clients that broke the protocol.",
        lambda m: m.protocol_errors,
        "Any but a scanner's: TLS spoken to a port without it, or a faulty client; the log has the address.",
    ),
    counter("proxy_events_forwarded_total", "Events sent to clients.", lambda m: m.events_forwarded),
)
