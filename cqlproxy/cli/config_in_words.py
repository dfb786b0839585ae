"""What a configuration means, as lines for a terminal."""

from __future__ import annotations

from cqlproxy.config import Admin, ClusterAddress, Config, Listen, Mirror
from cqlproxy.config.values import readable_size


def summary(config: Config) -> list[tuple[str, str]]:
    """A word and what it means, line by line; no word where the one above goes on."""
    listen, mirror = config.listen, config.mirror
    advertised = listen.advertised_address or "the address that each client connected to"
    lines = [
        ("mode", config.mode.value),
        ("", f"until it is switched; then that of {config.state_file}"),
        ("listen", f"{_at(listen.host, listen.port)}, advertised as {advertised}"),
        *_client_tls(listen),
        ("", f"frames up to {readable_size(listen.max_frame_bytes)}"),
        ("primary", _cluster(config.primary)),
        ("", f"{config.connect_timeout:g} s to connect at start, {config.request_timeout_ms} ms per request"),
    ]
    if config.shadow is None:
        lines.append(("shadow", "none"))
    else:
        unused = "" if config.mode.uses_shadow else ", unused in this mode"
        lines.append(("shadow", _cluster(config.shadow) + unused))
        if config.shadow.auth == "client":
            lines.append(("", "where it answers, clients' requests run with their own credentials"))
    level = "of the client's request" if mirror.consistency is None else mirror.consistency.name
    lines += [
        ("mirror", f"up to {mirror.max_requests} copies and {readable_size(mirror.max_bytes)} wait"),
        ("", f"what is beyond is {_overflow(mirror)}"),
        ("", f"{mirror.shadow_timeout_ms} ms per attempt to deliver one, with consistency {level}"),
        ("", f"write times are {'pinned' if mirror.pin_timestamps else 'not pinned'}"),
        ("", f"schema changes are {'copied' if mirror.schema_changes else 'not copied'}"),
        *_journal(mirror),
        ("compared", _validation(config)),
        (
            "filters",
            f"rules in {config.filters.rules_file}" if config.filters else "none: nothing is held back",
        ),
        ("admin", _admin(config.admin)),
        ("log", f"{config.log.level}, {config.log.format}"),
    ]
    return lines


def _overflow(mirror: Mirror) -> str:
    if mirror.overflow == "spill":
        return "dropped" if mirror.journal == "off" else "spilled into the journal"
    return "dropped" if mirror.overflow == "drop" else "waited for: clients feel it"


def _journal(mirror: Mirror) -> list[tuple[str, str]]:
    if mirror.journal == "off":
        return [("journal", "off: copies that cannot be delivered are lost")]
    taken = "every copy" if mirror.journal == "always" else "what memory cannot hold or deliver"
    full = "the oldest are dropped" if mirror.journal_full == "drop_oldest" else "clients wait"
    return [
        ("journal", f"{mirror.journal_path}, for {taken}"),
        ("", f"up to {readable_size(mirror.journal_max_bytes)}, then {full}"),
        ("", f"read back with at most {mirror.replay_rate} copies a second"),
    ]


def _validation(config: Config) -> str:
    if not config.validation_percentage:
        return "off"
    return f"{config.validation_percentage:g} % of reads, again after {config.validation_recheck_ms} ms"


def _cluster(cluster: ClusterAddress) -> str:
    points = ", ".join(_at(host, cluster.port) for host in cluster.contact_points)
    where = f"{points}, datacenter {cluster.local_datacenter or 'of the first that answers'}"
    account = "" if cluster.username is None else f", as {cluster.username}"
    return where + account if cluster.tls is None else f"{where}{account}, by TLS"


def _client_tls(listen: Listen) -> list[tuple[str, str]]:
    if listen.tls is None:
        return []
    shown = "" if listen.tls.client_ca_file is None else "; clients must show a certificate"
    return [("", f"TLS with {listen.tls.cert_file}{shown}")]


def _admin(admin: Admin) -> str:
    token = "" if admin.token is None and admin.token_file is None else ", with a token"
    return f"{admin.url}{token}"


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
