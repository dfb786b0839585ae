"""cqlproxy in its modes and variants.

Unless said otherwise all features are on: routing by token, a governor with rules, metrics, timeouts, pinned
timestamps, and a journal for what does not fit into memory.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final
from uuid import UUID

from benchmarks.contestants.contestant import Clusters, Contestant
from benchmarks.proxy_under_load import ROOM, Measured, measured, started_proxy
from tests.nodes import ProxyProcess

RULES: Final[Mapping[str, object]] = {
    # Of by_key and of ten_columns; no tenant of the load is among the values.
    "tenant_columns": ["tenant", "key"],
    "tenant_blacklist": [*(str(UUID(int=number)) for number in range(1, 101)), *map(str, range(-100, 0))],
    "table_blacklist": ["*.migrations", "audit.*", "shop.tmp_*"],
}

MODES: Final = ("primary_only", "dual_write_async", "dual_write_sync", "shadow_primary", "target_only")


def launched(
    running: ExitStack,
    clusters: Clusters,
    *,
    mode: str = "dual_write_async",
    journal: str = "overflow",
    rules: Mapping[str, object] | None = RULES,
) -> ProxyProcess:
    """A proxy that runs and is ready."""
    mirror = {**ROOM, "journal": journal, "overflow": "drop" if journal == "off" else "spill"}
    return started_proxy(
        running,
        clusters.primary,
        clusters.shadow,
        rules=rules,
        mode=mode,
        mirror=mirror | _replay_all(journal),
    )


def _replay_all(journal: str) -> dict[str, object]:
    # The default spares the cluster that receives; here it would only make a replay last longer.
    return {} if journal == "off" else {"replay_rate": 1_000_000}


def contestant(
    name: str,
    *,
    mode: str = "dual_write_async",
    journal: str = "overflow",
    rules: Mapping[str, object] | None = RULES,
) -> Contestant:
    """cqlproxy with these settings."""

    def start(running: ExitStack, clusters: Clusters) -> Measured:
        return measured(launched(running, clusters, mode=mode, journal=journal, rules=rules))

    return Contestant(name, start)


OURS: Final = "cqlproxy"
"""The name of cqlproxy in dual_write_async with all features on: of which the figures speak."""


def usual() -> Contestant:
    """The one that the figures speak of."""
    return contestant(OURS)


def variants() -> list[Contestant]:
    """The other modes, without rules and journal, and with a journal of every copy."""
    return [
        *(contestant(f"{OURS} {mode}", mode=mode) for mode in MODES if mode != "dual_write_async"),
        contestant(f"{OURS}, no rules, no journal", rules=None, journal="off"),
        contestant(f"{OURS}, journal always", journal="always"),
    ]
