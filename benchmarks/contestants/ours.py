"""cqlproxy in its modes and variants.

Unless said otherwise all features are on: routing by token, a governor with rules, metrics, timeouts, pinned
timestamps, and a journal for what does not fit into memory.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import UUID

from benchmarks.contestants.contestant import Clusters, Contestant
from benchmarks.proxy_under_load import ROOM, Measured, measured, started_proxy
from tests.nodes import ProxyProcess
from tests.nodes.proxy import PROGRAM

OURS: Final = "cqlproxy"
"""The name of cqlproxy in dual_write_async with all features on: of which the figures speak."""

RULES: Final[Mapping[str, object]] = {
    # Columns of by_key and of ten_columns; no tenant of the load is among the values.
    "tenant_columns": ["tenant", "key"],
    "tenant_blacklist": [*(str(UUID(int=number)) for number in range(1, 101)), *map(str, range(-100, 0))],
    "table_blacklist": ["*.migrations", "audit.*", "shop.tmp_*"],
}

_DUAL: Final = "dual_write_async"
_MODES: Final = ("primary_only", _DUAL, "dual_write_sync", "shadow_primary", "target_only")

_MIRROR: Final[Mapping[str, Mapping[str, object]]] = {
    "off": {**ROOM, "journal": "off", "overflow": "drop"},
    # The default rate of replay spares the cluster that receives; here it would only make it last longer.
    "overflow": {**ROOM, "journal": "overflow", "replay_rate": 1_000_000},
    "always": {**ROOM, "journal": "always", "replay_rate": 1_000_000},
}


def launched(
    running: ExitStack,
    clusters: Clusters,
    *,
    mode: str = _DUAL,
    journal: str = "overflow",
    rules: Mapping[str, object] | None = RULES,
    program: Sequence[str | Path] = PROGRAM,
) -> ProxyProcess:
    """A proxy that runs and is ready. program: see `ProxyProcess`."""
    return started_proxy(
        running,
        clusters.primary,
        clusters.shadow,
        rules=rules,
        program=program,
        mode=mode,
        mirror=_MIRROR[journal],
    )


def contestant(
    name: str,
    *,
    mode: str = _DUAL,
    journal: str = "overflow",
    rules: Mapping[str, object] | None = RULES,
) -> Contestant:
    """cqlproxy with these settings."""

    def start(running: ExitStack, clusters: Clusters) -> Measured:
        return measured(launched(running, clusters, mode=mode, journal=journal, rules=rules))

    return Contestant(name, start)


def usual() -> Contestant:
    """The one that the figures speak of."""
    return contestant(OURS)


def variants() -> list[Contestant]:
    """The other modes, without rules and journal, and with a journal of every copy."""
    return [
        *(contestant(f"{OURS} {mode}", mode=mode) for mode in _MODES if mode != _DUAL),
        contestant(f"{OURS}, no rules, no journal", rules=None, journal="off"),
        contestant(f"{OURS}, journal always", journal="always"),
    ]
