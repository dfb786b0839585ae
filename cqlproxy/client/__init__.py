"""For programs that steer, watch or feed a running proxy: its admin API as typed calls.

    async with MigrationProxyClient("http://127.0.0.1:8080") as proxy:
        await proxy.set_mode("dual_write_async")
        print((await proxy.stats()).mirror_lag_seconds)

`MigrationOrchestrator` walks proxies through the phases of a migration. Nothing here imports what serves:
a program that has this package needs no event loop of ours and no driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cqlproxy.client.errors import (
    AnsweredError,
    ClientError,
    RefusedError,
    ServerFailureError,
    UnauthorisedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from cqlproxy.client.address import AdminAddress, tls_context
    from cqlproxy.client.client import MigrationProxyClient
    from cqlproxy.client.migration.orchestrator import MigrationOrchestrator
    from cqlproxy.client.migration.plan import Plan, load_plan

# Imported when they are first used, so that a command that needs one of them does not wait for the others.
_HOMES = {
    "AdminAddress": "cqlproxy.client.address",
    "tls_context": "cqlproxy.client.address",
    "MigrationProxyClient": "cqlproxy.client.client",
    "MigrationOrchestrator": "cqlproxy.client.migration.orchestrator",
    "Plan": "cqlproxy.client.migration.plan",
    "load_plan": "cqlproxy.client.migration.plan",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


__all__ = [
    "AdminAddress",
    "AnsweredError",
    "ClientError",
    "MigrationOrchestrator",
    "MigrationProxyClient",
    "Plan",
    "RefusedError",
    "ServerFailureError",
    "UnauthorisedError",
    "UnreachableError",
    "load_plan",
    "tls_context",
]
