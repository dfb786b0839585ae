"""What keys of the configuration say of each other: contradictions, and what is most likely not meant.

Each is one line in the form of every other problem, `path.to.key: what is wrong`.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cqlproxy.config.values import is_loopback
from frame_codec import ConsistencyLevel

if TYPE_CHECKING:
    from cqlproxy.config import ClusterAddress, Config


def clashes(config: Config, file: Path) -> list[str]:
    """Why a configuration, read from `file`, cannot be used although each key by itself is right."""
    problems = []
    if (config.admin.host, config.admin.port) == (config.listen.host, config.listen.port):
        problems.append(f"admin.port: {config.admin.port} is taken by listen.port on the same host")
    if config.shadow is not None:
        addresses = {(host, config.primary.port) for host in config.primary.contact_points}
        if both := _common(addresses, config.shadow):
            problems.append(
                f"shadow.contact_points: {both} is in the primary as well: two clusters are needed"
            )
    if config.mirror.journal == "always" and config.mirror.overflow == "drop":
        problems.append(
            "mirror.overflow: drop contradicts mirror.journal: always, which keeps every copy until it has"
            " arrived; use spill, or block"
        )
    if config.tracing is not None and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
        problems.append(
            "tracing: needs OpenTelemetry, which is not installed: pip install 'cqlproxy[otel]', or leave"
            " the section out"
        )
    return problems + _of_accounts(config) + _of_tls(config) + _of_admin(config) + _shared_files(config, file)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _of_accounts(config: Config) -> list[str]:
    problems = []
    for name, cluster in (("primary", config.primary), ("shadow", config.shadow)):
        if cluster is None:
            continue
        if cluster.password is not None and cluster.password_file is not None:
            problems.append(f"{name}.password_file: there is a {name}.password as well: give one of them")
        if cluster.username is None and (cluster.password is not None or cluster.password_file is not None):
            problems.append(f"{name}.username: is required with a password")
        if cluster.username is not None and cluster.password is None and cluster.password_file is None:
            problems.append(f"{name}.password_file: is required with username (or else password)")
    if config.primary.auth == "service":
        problems.append(
            "primary.auth: service would let every client in with the rights of the proxy: on the primary,"
            " clients have their own"
        )
    return problems


def _of_tls(config: Config) -> list[str]:
    problems = []
    for name, cluster in (("primary", config.primary), ("shadow", config.shadow)):
        tls = None if cluster is None else cluster.tls
        if tls is not None and (tls.cert_file is None) != (tls.key_file is None):
            missing, given = ("cert", "key") if tls.cert_file is None else ("key", "cert")
            problems.append(f"{name}.tls.{missing}_file: is required with {given}_file")
    return problems


def _of_admin(config: Config) -> list[str]:
    admin = config.admin
    problems = []
    if admin.token is not None and admin.token_file is not None:
        problems.append("admin.token_file: there is an admin.token as well: give one of them")
    if admin.token is None and admin.token_file is None and not is_loopback(admin.host):
        problems.append(
            f"admin.host: other machines can reach {admin.host}, and there is no token, so whoever does could"
            " switch modes and read dead letters: set admin.token_file (or admin.token), or use 127.0.0.1"
        )
    return problems


def doubts(config: Config) -> list[str]:
    """One line for each thing that is allowed but most likely not meant."""
    own = {(config.listen.host, config.listen.port)}
    found = [
        f"{name}: {_common(own, cluster)} is also where the proxy listens: it would be its own client"
        for name, cluster in (("primary", config.primary), ("shadow", config.shadow))
        if cluster is not None and _common(own, cluster)
    ]
    mirror = config.mirror
    if mirror.journal == "off" and mirror.overflow == "spill":
        found.append(
            "mirror.overflow: spill is into the journal, and mirror.journal is off: a copy for which there is"
            " no room is dropped; say drop or block if that is meant"
        )
    if mirror.journal != "off" and not mirror.pin_timestamps:
        found.append(
            "mirror.pin_timestamps: false, and the journal delivers copies late: each gets the time of its"
            " delivery and hides what was written since; use true, or mirror.journal: off"
        )
    if mirror.consistency is ConsistencyLevel.ANY:
        found.append(
            "mirror.consistency: ANY counts a copy as delivered when no replica has it yet, and counters"
            " cannot be written with it; use ONE or more"
        )
    if config.admin.tls is None and not is_loopback(config.admin.host):
        found.append(
            "admin.tls: is not given, so the token crosses the network as it is: whoever reads it has it"
        )
    for name, cluster in (("primary", config.primary), ("shadow", config.shadow)):
        if cluster is not None and cluster.tls is not None and not cluster.tls.check_hostname:
            found.append(
                f"{name}.tls.check_hostname: false, so whoever has any certificate of the authority"
                " can pose as a node"
            )
    return found


def _shared_files(config: Config, file: Path) -> list[str]:
    """Each file has one use: what is written there would destroy what another key keeps."""
    taken = {os.path.normpath(file): "the configuration itself"}
    if config.filters is not None:
        taken[os.path.normpath(config.filters.rules_file)] = "filters.rules_file"
    problems = []
    for key, path in (("state_file", config.state_file), ("mirror.journal_path", config.mirror.journal_path)):
        other = taken.setdefault(os.path.normpath(path), key)
        if other != key:
            problems.append(f"{key}: {path} is also {other}: each needs a file of its own")
    return problems


def _common(addresses: set[tuple[str, int]], cluster: ClusterAddress) -> str:
    """The first contact point of `cluster` that is among `addresses`, else the empty text."""
    for host in cluster.contact_points:
        if (host, cluster.port) in addresses:
            return f"[{host}]:{cluster.port}" if ":" in host else f"{host}:{cluster.port}"
    return ""
