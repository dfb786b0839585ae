"""For programs that steer, watch or feed a running proxy: its admin API as typed calls.

Nothing here imports what serves:
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

# Imported when they are first used, so that a command that needs one of them does not wait for the others.
_HOMES = {
    "AdminAddress": "cqlproxy.client.address",
    "tls_context": "cqlproxy.client.address",
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
    "RefusedError",
    "ServerFailureError",
    "UnauthorisedError",
    "UnreachableError",
    "tls_context",
]
