"""After a workload of every kind of statement both clusters hold the same, in each mode and across switches.

What cannot be the same is listed, with the reason, in workload.py: `BY_VALUE`. $CQLPROXY_OPERATIONS is the
number of operations of all modes and the switches together.
"""

import os
import time
from pathlib import Path

import pytest

from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.modes import switch
from tests.integration.workload import EXPIRED_AFTER, FILLED, Workload, WorkloadResult
from tests.nodes import CassandraNode, ProxyProcess

OPERATIONS = int(os.environ.get("CQLPROXY_OPERATIONS", "50000"))
RATE = 1_500
"""Operations a second that are asked for; a machine that gives less runs the same test more slowly."""

WRITING_BOTH = ("dual_write_async", "dual_write_sync", "shadow_primary")
SHARE = OPERATIONS // (len(WRITING_BOTH) + 1)
ROUND = ("dual_write_sync", "shadow_primary", "dual_write_async", "shadow_primary", "dual_write_sync")
"""Modes in the order in which they are switched to."""


def converged(
    proxy: ProxyProcess, load: Workload, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> WorkloadResult:
    """Assert that all of a load succeeded, and that both clusters have the same when its copies are there."""
    said = load.result()
    assert said["errors"] == []
    proxy.wait_copied(120)
    stats = proxy.stats()
    assert (stats["failed_copies"], stats["dropped_writes"], stats["failed_writes"]) == (0, 0, 0), stats
    assert stats["unclassified_statements"] == 0, stats
    time.sleep(EXPIRED_AFTER)  # what was to expire soon is then gone from both
    on_primary, on_shadow = contents_of_both(primary, shadow, load.keyspace, root=root)
    sizes = {table: len(on_primary[f"{load.keyspace}.{table}"]) for table in FILLED}
    found = differences(on_primary, on_shadow, by_value=load.by_value)
    assert found == [], "\n".join(found)
    # Not a comparison of nothing.
    assert min(sizes.values()) > 50, sizes
    assert said["applied"] > said["sent"] / 100
    assert said["not_applied"] > said["sent"] / 100
    assert min(said["kinds"].values()) > 0
    return said


@pytest.mark.parametrize("mode", WRITING_BOTH)
def test_both_clusters_are_the_same_after_a_workload(
    mode: str, start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mode=mode)
    load = Workload(
        proxy,
        f"all_{mode}",
        operations=SHARE,
        rate=RATE,
        seed=WRITING_BOTH.index(mode),
        root=root,
    )
    said = converged(proxy, load, primary, shadow, root)
    assert said["sent"] == SHARE


def test_both_clusters_are_the_same_after_switches_under_load(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mode="dual_write_async")
    load = Workload(proxy, "switched", operations=SHARE, rate=RATE, seed=9, root=root)
    for part, mode in enumerate(ROUND, start=1):
        wait_answered(proxy, SHARE * part // (len(ROUND) + 1))
        switch(proxy, mode)
        assert load.is_running()
    said = converged(proxy, load, primary, shadow, root)
    assert said["sent"] == SHARE


def wait_answered(proxy: ProxyProcess, requests: int) -> None:
    """Until the proxy has answered so many, reads and writes."""

    def holds(stats: dict[str, object]) -> bool:
        return int(str(stats["total_reads"])) + int(str(stats["total_writes"])) >= requests

    proxy.wait_until(holds, 120, what=f"{requests} requests")


@pytest.mark.parametrize("mode", ["primary_only", "target_only"])
def test_the_other_cluster_is_untouched(
    mode: str, start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mode=mode)
    load = Workload(proxy, f"all_{mode}", operations=2_000, rate=RATE, root=root)
    assert load.result()["errors"] == []
    proxy.wait_copied()
    sides = contents_of_both(primary, shadow, load.keyspace, root=root)
    served, other = sides if mode == "primary_only" else sides[::-1]
    assert len(served[f"{load.keyspace}.items"]) > 100
    assert other == {}
