"""Both clusters of a configuration, tried and compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cassandra import DriverException, RequestExecutionException

from cqlproxy.cluster.backend import Backend, ConnectError
from cqlproxy.cluster.side import Side
from cqlproxy.config import Config
from cqlproxy.configured_clusters import ConfiguredClusters
from cqlproxy.modes import Mode
from cqlproxy.preflight.clocks import clock_findings
from cqlproxy.preflight.finding import Finding
from cqlproxy.preflight.permissions import Needed, permission_findings
from cqlproxy.preflight.schemas import Keyspace, read_schema, schema_findings
from cqlproxy.security_files import SecurityFiles
from filters import Governor, Reason, Rules
from frame_codec import PROTOCOL_V3, PROTOCOL_V4

LONGEST_SECONDS: Final = 30.0
"""How long a cluster is tried."""

_SCHEMA: Final = ("CREATE", "ALTER", "DROP")


@dataclass
class InspectedCluster:
    """What was seen of one cluster that could be reached."""

    name: str
    release: str
    nodes: list[str]
    """The addresses of those that are up, and of the others with the word."""
    keyspaces: int
    tables: int
    """Those of the application."""


@dataclass
class Inspected:
    """All that was seen."""

    clusters: list[InspectedCluster] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


async def inspect_clusters(
    config: Config, rules: Rules, files: SecurityFiles, clock: Callable[[], float] = time.time
) -> Inspected:
    """Connect to both clusters, compare them, and leave them as they were.

    ``rules`` and ``files`` are what ``config`` names; ``clock`` is this machine's, in seconds since 1970.
    """
    seen = Inspected()
    clusters = ConfiguredClusters(config, files)
    sides = [Side.PRIMARY] if config.shadow is None else [Side.PRIMARY, Side.SHADOW]
    opened = await asyncio.gather(*(_opened(clusters, side, seen) for side in sides))
    try:
        schemas: list[dict[str, Keyspace]] = []
        for side, backend in zip(sides, opened, strict=True):
            if backend is not None:
                schemas.append(read_schema(backend.schema))
                await _look_at(side, backend, schemas[-1], seen, clock)
        primary = opened[0]
        if primary is not None:
            copied = _copied(schemas[0], rules)
            if len(schemas) == 2:
                seen.findings += schema_findings(
                    schemas[0], schemas[1], lambda keyspace, table: table in copied.get(keyspace, ())
                )
            for side, backend in zip(sides, opened, strict=True):
                if backend is not None:
                    account = (config.primary, config.shadow)[side]
                    assert account is not None
                    needed = _needed(side, config, copied)
                    seen.findings += await permission_findings(backend, account.username, needed)
    finally:
        await asyncio.gather(*(backend.close() for backend in opened if backend is not None))
    return seen


async def _opened(clusters: ConfiguredClusters, side: Side, seen: Inspected) -> Backend | None:
    """The cluster, connected in the version that the proxy needs; None, and a finding, when it cannot be."""
    backend = clusters.backend(side)
    try:
        await _connect(backend)
    except ConnectError as error:
        await backend.close()
        finding = Finding("connection", True, str(error))
        if _is_of_version(error):
            other = clusters.backend(side, PROTOCOL_V3)
            try:
                await _connect(other)
            except ConnectError:
                spoken = "neither that nor version 3"
            else:
                spoken = "version 3 only"
            finally:
                await other.close()
            finding = Finding(
                "protocol",
                True,
                f"the proxy speaks version {PROTOCOL_V4} of the native protocol with both clusters, the"
                f" {backend.name} speaks {spoken}: there is no common version",
            )
        seen.findings.append(finding)
        return None
    return backend


async def _connect(backend: Backend) -> None:
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await backend.connect()
    except TimeoutError:
        raise ConnectError(
            f"the {backend.name} cluster did not answer within {LONGEST_SECONDS:g} s"
        ) from None


def _is_of_version(error: ConnectError) -> bool:
    return "protocol version" in str(error).lower() or "protocol_version" in str(error)


async def _look_at(
    side: Side, backend: Backend, schema: dict[str, Keyspace], seen: Inspected, clock: Callable[[], float]
) -> None:
    hosts: list[Any] = sorted(backend.schema.all_hosts(), key=str)
    governor = Governor(Rules())
    own = [
        keyspace
        for name, keyspace in schema.items()
        if governor.table(name, "any").verdict.reason is not Reason.SYSTEM
    ]
    (local,) = await backend.rows("SELECT release_version FROM system.local")
    seen.clusters.append(
        InspectedCluster(
            side.label,
            local.release_version,
            [str(host.address) if host.is_up else f"{host.address} (down)" for host in hosts],
            len(own),
            sum(len(keyspace.tables) for keyspace in own),
        )
    )
    try:
        seen.findings += await clock_findings(backend, clock)
    except (DriverException, RequestExecutionException) as error:
        told = f"the clocks of the {side.label}'s nodes cannot be read: {' '.join(str(error).split())}"
        seen.findings.append(Finding("clock", False, told))


def _copied(schema: dict[str, Keyspace], rules: Rules) -> dict[str, list[str]]:
    """The tables by keyspace of which writes are copied, whatever their tenants."""
    governor = Governor(rules)
    found = {
        name: [table for table in keyspace.tables if governor.table(name, table).verdict.copy]
        for name, keyspace in schema.items()
    }
    return {name: tables for name, tables in found.items() if tables}


def _needed(side: Side, config: Config, tables: dict[str, list[str]]) -> Needed:
    schema = _SCHEMA if config.mirror.schema_changes else ()
    if side is Side.PRIMARY:
        reads = ("SELECT",) if config.validation_percentage else ()
        now = config.mode is Mode.SHADOW_PRIMARY or bool(reads)
        when = "to compare reads" if reads else "for the copies back in shadow_primary"
        return Needed(tables, (*reads, "MODIFY"), (), now, when)
    assert config.shadow is not None
    if config.shadow.auth == "client" and not config.validation_percentage:
        return Needed(tables, ("MODIFY",), schema, True, "for copies")
    return Needed(tables, ("SELECT", "MODIFY"), schema, True, "for copies, and for reads when it answers")
