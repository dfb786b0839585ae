"""The dashboard of each proxy: its clients, the nodes that it reaches, its process and its files."""

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

OF = 'cluster=~"$cluster"'
NODE = "{{node}} ({{cluster}}), {{instance}}"
BY_NODE = "instance, cluster, node"
LATENCY = "proxy_request_latency_seconds"
CERTIFICATES = "proxy_certificate_expiry_timestamp_seconds"
CIRCUIT = {0: ("used", GOOD), 1: ("tried", WORRYING), 2: ("passed over", BAD)}


def sections() -> Sequence[tuple[str, Iterable[Builder[Panel]]]]:
    """Titles, and the panels below each."""
    return [
        ("Requests", _requests()),
        ("Clients", _clients()),
        ("Clusters and nodes", _nodes()),
        ("Process", _process()),
        ("Files and versions", _files()),
    ]


def _requests() -> Iterable[Builder[Panel]]:
    yield lines(
        "Requests of clients",
        "Reads and writes answered, well or not.",
        Query(per_second(f"{LATENCY}_count", by="instance, kind"), "{{kind}}, {{instance}}"),
        unit="reqps",
    )
    yield lines(
        "Latency, p99",
        "From a client's request to its answer.",
        Query(quantile(0.99, LATENCY, by="instance, kind"), "{{kind}}, {{instance}}"),
        unit="s",
    )
    yield lines(
        "Failed",
        "Reads and writes answered with an error, and those that the proxy answered since no"
        " node did in time.",
        Query(per_second("proxy_reads_failed_total"), "reads, {{instance}}"),
        Query(per_second("proxy_errors_total", by="instance, source"), "errors of {{source}}, {{instance}}"),
        Query(per_second("proxy_requests_timed_out_total"), "timed out, {{instance}}"),
        unit="reqps",
    )
    yield lines(
        "Under way",
        "Requests taken and not answered, as a share of listen.max_requests.",
        Query(f"{chosen('proxy_requests_under_way')} / {chosen('proxy_requests_limit')}", "{{instance}}"),
        unit="percentunit",
        highest=1,
    )
    yield lines(
        "Refused",
        "Requests answered with OVERLOADED at once, by the limit that they were beyond.",
        Query(per_second("proxy_requests_refused_total", by="instance, reason"), "{{reason}}, {{instance}}"),
        Query(per_second("proxy_keyspaces_refused_total"), "max_keyspaces, {{instance}}"),
        unit="reqps",
    )
    yield lines(
        "Statements",
        "Prepared again on a node that had forgotten them, and texts that were not understood"
        " (served, not copied).",
        Query(per_second("proxy_reprepared_statements_total"), "prepared again, {{instance}}"),
        Query(per_second("proxy_unclassified_statements_total"), "not understood, {{instance}}"),
        unit="reqps",
    )


def _clients() -> Iterable[Builder[Panel]]:
    yield lines(
        "Connections",
        "Client connections that are open, as a share of those that may be.",
        Query(
            f"{chosen('proxy_client_connections')} / {chosen('proxy_client_connections_limit')}",
            "{{instance}}",
        ),
        unit="percentunit",
        highest=1,
    )
    yield lines(
        "Who comes",
        "Connections accepted. Many with few open ones: clients that cannot stay, or a pool"
        " that does not keep them.",
        Query(per_second("proxy_client_connections_accepted_total"), "accepted, {{instance}}"),
        Query(per_second("proxy_accepting_paused_total"), "no descriptor left, {{instance}}"),
        unit="cps",
    )
    yield lines(
        "Who is sent away",
        "Connections not let in, or ended, by the limit that they were beyond, and frames that"
        " broke the protocol.",
        Query(per_second("proxy_clients_turned_away_total", by="reason"), "not let in: {{reason}}"),
        Query(per_second("proxy_clients_ended_total", by="reason"), "ended: {{reason}}"),
        Query(f"sum({per_second('proxy_protocol_errors_total')})", "broke the protocol"),
        unit="cps",
    )
    yield lines(
        "Logins",
        "By what came of them. refused: wrong credentials. undecided: the cluster could not be asked.",
        Query(per_second("proxy_logins_total", by="outcome"), "{{outcome}}"),
        Query(f"sum({per_second('proxy_users_revoked_total')})", "revoked"),
        unit="cps",
    )
    yield lines(
        "Users, keyspaces, statements",
        "Users and keyspaces with connections of their own, and prepared statements that are remembered.",
        Query(of_all("sum", "proxy_users"), "users, {{instance}}"),
        Query(of_all("sum", "proxy_keyspaces_in_use"), "keyspaces, {{instance}}"),
        Query(of_all("sum", "proxy_prepared_statements"), "prepared, {{instance}}"),
    )
    yield lines(
        "Events and admin port",
        "Schema changes told to clients, and requests to the admin port that had not its token.",
        Query(per_second("proxy_events_forwarded_total"), "events, {{instance}}"),
        Query(per_second("proxy_admin_refused_total"), "admin port refused, {{instance}}"),
        unit="reqps",
    )


def _nodes() -> Iterable[Builder[Panel]]:
    yield states(
        "Clusters",
        "Whether a node of the cluster is connected.",
        Query(of_all("min", "proxy_cluster_up", OF, by="instance, cluster"), "{{cluster}}, {{instance}}"),
        {0: ("away", BAD), 1: ("there", GOOD)},
    )
    yield states(
        "Nodes",
        "Whether the proxy can use the node.",
        Query(of_all("min", "proxy_node_up", OF, by=BY_NODE), NODE),
        {0: ("down", BAD), 1: ("up", GOOD)},
    )
    state = " or ".join(
        f"{value} * {chosen('proxy_node_circuit', OF, equal('state', name))}"
        for value, name in enumerate(("closed", "half_open", "open"))
    )
    yield states(
        "Nodes passed over",
        "A node on which requests time out one after the other is passed over, where there are others.",
        Query(f"sum by ({BY_NODE}) ({state})", NODE),
        CIRCUIT,
    )
    yield lines(
        "Lost with a connection",
        "Requests that were under way on a node when its connection was lost.",
        Query(per_second("proxy_node_requests_lost_total", OF, by=BY_NODE), NODE),
        unit="reqps",
        width=12,
    ).height(6)
    yield lines(
        "Connections to nodes",
        "Open ones, those of users and keyspaces included.",
        Query(of_all("sum", "proxy_node_connections", OF, by=BY_NODE), NODE),
        width=12,
    )
    yield lines(
        "Under way on nodes",
        "Requests and copies sent and not answered. One node with far more than its fellows is slow.",
        Query(of_all("sum", "proxy_node_requests_under_way", OF, by=BY_NODE), NODE),
        width=12,
    )


def _process() -> Iterable[Builder[Panel]]:
    yield lines(
        "Processor",
        "Cores in use. The event loop has one at most; the journal's thread adds a little.",
        Query(per_second("process_cpu_seconds_total"), "{{instance}}"),
    )
    yield lines(
        "Memory",
        "Resident, and the address space, of which much is never touched.",
        Query(of_all("sum", "process_resident_memory_bytes"), "resident, {{instance}}"),
        Query(of_all("sum", "process_virtual_memory_bytes"), "virtual, {{instance}}"),
        unit="bytes",
    )
    yield lines(
        "Lateness of the event loop",
        "How late a task comes that is to run every tenth of a second: every request waits as long.",
        Query(quantile(0.5, "proxy_event_loop_lag_seconds"), "p50, {{instance}}"),
        Query(quantile(0.99, "proxy_event_loop_lag_seconds"), "p99, {{instance}}"),
        unit="s",
    )
    yield lines(
        "File descriptors",
        "Share of those that the process may open. At 100 % nobody is accepted.",
        Query(f"{chosen('process_open_fds')} / {chosen('process_max_fds')}", "{{instance}}"),
        unit="percentunit",
        highest=1,
    )
    yield lines(
        "Garbage collection",
        "Collections of each generation, and objects that could not be freed.",
        Query(
            per_second("python_gc_collections_total", by="instance, generation"),
            "generation {{generation}}, {{instance}}",
        ),
        Query(per_second("python_gc_objects_collected_total", by="instance"), "objects freed, {{instance}}"),
        Query(per_second("python_gc_objects_uncollectable_total", by="instance"), "not freed, {{instance}}"),
        unit="ops",
    )
    yield lines(
        "Running for",
        "Time since the process was started. A drop to 0 is a restart.",
        Query(f"time() - {of_all('max', 'process_start_time_seconds')}", "{{instance}}"),
        unit="s",
    )
    yield rows(
        "Errors nobody expected, switches, kills",
        "Bugs of the proxy (each with a traceback in the log) and switches of the mode within"
        " the time that is shown,"
        " and whether the run before this one was killed.",
        Query(
            f'label_replace({within("proxy_unhandled_errors_total")}, "what", "unexpected errors", "", "")'
            f' or label_replace({within("proxy_mode_changes_total")}, "what", "switches of the mode", "", "")'
            f' or label_replace({of_all("max", "proxy_last_run_unclean")}, "what", "killed before", "", "")',
            "",
        ),
        width=8,
    )
    yield lines(
        "Clock set back",
        "How far write times are ahead of the machine's clock, when that has stepped back.",
        Query(of_all("max", "proxy_write_clock_ahead_seconds"), "{{instance}}"),
        unit="s",
    )
    yield lines(
        "Trace spans",
        "OpenTelemetry spans by what became of them; none while tracing is off.",
        Query(per_second("proxy_trace_spans_total", by="outcome"), "{{outcome}}"),
        unit="ops",
    )


def _files() -> Iterable[Builder[Panel]]:
    yield rows(
        "Versions",
        "What runs, and since when each is in its mode (seconds).",
        Query(
            f"(time() - {chosen('proxy_mode_set_timestamp_seconds')})"
            f" * on (job, instance) group_right () {chosen('proxy_build_info')}",
            "",
        ),
        unit="s",
    )
    yield rows(
        "Rules in force",
        "By the hash of their file, and how long ago it was read. Proxies of one fleet should have one hash.",
        Query(
            f"(time() - {chosen('proxy_rules_loaded_timestamp_seconds')})"
            f" * on (job, instance) group_right () {chosen('proxy_rules_info')}",
            "",
        ),
        unit="s",
    )
    yield rows(
        "Certificates",
        "Time until each file's certificate, or the last of its authorities, expires.",
        Query(
            f"sort({of_all('min', CERTIFICATES, by='instance, section, file')} - time())",
            "",
        ),
        unit="s",
    )
    yield states(
        "Files that cannot be used",
        "What was read before stays in force. Rules, configuration, and each section with"
        " certificates or a token.",
        Query(
            f'label_replace({of_all("max", "proxy_rules_stale")}, "section", "rules", "", "")'
            f' or label_replace({of_all("max", "proxy_config_stale")}, "section", "configuration", "", "")'
            f" or {of_all('max', 'proxy_security_files_stale', by='instance, section')}",
            "{{section}}, {{instance}}",
        ),
        {0: ("in force", GOOD), 1: ("cannot be used", BAD)},
    ).height(8)
    yield lines(
        "Reloads that failed",
        "Times that changed rules, certificates, keys or tokens were read and could not be used.",
        Query(per_second("proxy_rules_reload_failures_total"), "rules, {{instance}}"),
        Query(
            per_second("proxy_security_files_reload_failures_total", by="instance, section"),
            "{{section}}, {{instance}}",
        ),
        unit="ops",
        width=24,
    )
