"""Proxies that are measured when the environment names their programs: ``ZDM_PROXY``, ``CQL_PROXY``."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.contestants.contestant import Clusters, Contestant, started_program
from benchmarks.proxy_under_load import Measured
from tests.nodes import loopback_address
from tests.nodes.addresses import ADMIN_PORT, NATIVE_PORT

ZDM: Final = "zdm"
"""The name of the ZDM proxy, which writes to both clusters and answers when both have."""
CQL_PROXY: Final = "cql-proxy"
"""The name of cql-proxy, which writes to one."""


def others() -> list[Contestant]:
    """Those whose programs are named."""
    found = []
    if program := os.environ.get("ZDM_PROXY"):
        found.append(Contestant(ZDM, lambda running, clusters: start_zdm(running, clusters, Path(program))))
    if other := os.environ.get("CQL_PROXY"):
        found.append(
            Contestant(CQL_PROXY, lambda running, clusters: start_cql_proxy(running, clusters, Path(other)))
        )
    return found


def start_zdm(running: ExitStack, clusters: Clusters, program: Path) -> Measured:
    """Start a ZDM proxy with its defaults, but room for more connections."""
    address = loopback_address()
    return started_program(running, ZDM, [program], address, zdm_environment(address, clusters))


def zdm_environment(address: str, clusters: Clusters) -> dict[str, str]:
    """The settings of a ZDM proxy that listens at `address`."""
    settings = {
        "PROXY_LISTEN_ADDRESS": address,
        "PROXY_LISTEN_PORT": str(NATIVE_PORT),
        "PROXY_MAX_CLIENT_CONNECTIONS": "4000",
        "METRICS_ADDRESS": address,
        "METRICS_PORT": str(ADMIN_PORT),
    }
    for side, cluster in (("ORIGIN", clusters.primary), ("TARGET", clusters.shadow)):
        settings[f"{side}_CONTACT_POINTS"] = cluster.address
        settings[f"{side}_PORT"] = str(cluster.port)
        # Required, though the clusters do not ask.
        settings[f"{side}_USERNAME"] = settings[f"{side}_PASSWORD"] = "cassandra"
    return {f"ZDM_{name}": value for name, value in settings.items()}


def start_cql_proxy(running: ExitStack, clusters: Clusters, program: Path) -> Measured:
    """Start a cql-proxy with its defaults."""
    address = loopback_address()
    return started_program(running, CQL_PROXY, [program, *cql_proxy_options(address, clusters)], address)


def cql_proxy_options(address: str, clusters: Clusters) -> list[str]:
    """The command line of a cql-proxy that listens at `address`."""
    primary = clusters.primary
    return [
        *("--contact-points", primary.address, "--port", str(primary.port)),
        *("--bind", f"{address}:{NATIVE_PORT}", "--database-type", "cassandra"),
    ]
