"""What an application feels, and what becomes of the copies, when a node fails under load.

Rates and durations suit two cores that run both nodes, the proxy and the application: starting a node
takes both cores for seconds, and the bounds on latency allow for that much and no more.
"""

import time
from pathlib import Path

import pytest

from tests.integration.conftest import StartProxy
from tests.integration.load import Load, LoadResult
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess

RATE = 300
STALL_SECONDS = 2.0
"""No operation may take longer while the shadow is away. Copies time out after as long: a client that waited
for one would show."""

_DUMP = Path(__file__).parent / "programs" / "dump.py"


def settled(proxy: ProxyProcess, timeout: float = 60) -> dict[str, object]:
    """The figures once no copy is under way any more."""
    deadline = time.monotonic() + timeout
    while True:
        stats = proxy.stats()
        if stats["queue_depth"] == 0:
            return stats
        assert time.monotonic() < deadline, f"copies were not settled in {timeout} s: {stats}"
        time.sleep(0.1)


def caught_up(proxy: ProxyProcess) -> None:
    """Until the copies that waited have arrived, while others go on coming."""
    proxy.wait_until(
        lambda stats: not stats["journal_depth"] and int(str(stats["queue_depth"])) < RATE,
        60,
        what="the end of what waited",
    )


def rows_of(node: CassandraNode, keyspace: str, root: Path) -> list[list[object]]:
    found = DriverProgram(_DUMP, node.address, node.port, f"{keyspace}.steady:v", root=root).result(60)
    rows = found[f"{keyspace}.steady"]
    assert isinstance(rows, list)
    return rows


def untouched(result: LoadResult) -> None:
    """The application has felt nothing."""
    assert result.errors == []
    assert result.slowest < STALL_SECONDS


def assert_all_accounted_for(stats: dict[str, object]) -> None:
    """Each successful write was mirrored, or is counted as failed or dropped.

    One that the primary gave no answer to has failed for its client, and is kept beside them.
    """
    copies = [stats[key] for key in ("mirrored_writes", "failed_copies", "dropped_writes", "filtered_writes")]
    failed = stats["failed_copies_by_reason"]
    assert isinstance(failed, dict)
    unconfirmed = failed.get("unconfirmed", 0)
    assert sum(int(str(count)) for count in copies) - unconfirmed == stats["successful_writes"], stats


def test_a_shadow_killed_and_restarted_under_load_is_not_felt_and_catches_up(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    load = Load(proxy, "shadow_killed", seconds=90, rate=RATE, root=root)
    load.wait_until_running(proxy)
    shadow.kill()
    time.sleep(3)
    assert proxy.get("/ready")[0] == 200
    depth = proxy.stats()["queue_depth"]
    assert isinstance(depth, int)
    assert depth > RATE  # copies wait while the shadow is away
    shadow.start()
    caught_up(proxy)
    load.end()
    untouched(load.result())
    stats = settled(proxy)
    assert stats["failed_copies"] == stats["dropped_writes"] == 0, stats
    assert_all_accounted_for(stats)
    assert rows_of(shadow, "shadow_killed", root) == rows_of(primary, "shadow_killed", root)


def test_a_paused_shadow_is_not_felt_and_what_it_missed_is_counted(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mirror={"shadow_timeout_ms": 1000})
    load = Load(proxy, "shadow_paused", seconds=90, rate=RATE, root=root)
    load.wait_until_running(proxy)
    shadow.pause()
    down = f'proxy_node_up{{cluster="shadow",node="{shadow.address}:{shadow.port}"}} 0\n'
    # The heartbeat finds a node that does not answer.
    proxy.wait_until(lambda stats: down in proxy.get("/metrics")[1].decode(), 12, what="a node that is down")
    assert proxy.get("/ready")[0] == 200
    shadow.resume()
    caught_up(proxy)
    load.end()
    untouched(load.result())
    stats = settled(proxy)
    assert_all_accounted_for(stats)
    missing = len(rows_of(primary, "shadow_paused", root)) - len(rows_of(shadow, "shadow_paused", root))
    assert missing <= int(str(stats["failed_copies"])), stats


def test_a_full_queue_drops_copies_counts_them_and_is_not_felt(
    start_proxy: StartProxy, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mirror={"max_requests": 200, "overflow": "drop", "journal": "off"})
    load = Load(proxy, "queue_full", seconds=8, rate=RATE, root=root)
    load.wait_until_running(proxy)
    shadow.kill()
    untouched(load.result())
    stats = proxy.stats()
    assert stats["queue_depth"] == 200
    assert int(str(stats["dropped_writes"])) > RATE
    shadow.start()
    assert_all_accounted_for(settled(proxy))


def test_a_shadow_that_is_down_at_start_is_found_when_it_comes(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    shadow.kill()
    proxy = start_proxy()
    load = Load(proxy, "late_shadow", seconds=3, rate=RATE, root=root)
    untouched(load.result())
    assert "the shadow cluster cannot be reached" in proxy.log.read_text()
    shadow.start()
    stats = settled(proxy)
    assert stats["failed_copies"] == stats["dropped_writes"] == 0, stats
    assert rows_of(shadow, "late_shadow", root) == rows_of(primary, "late_shadow", root)


def test_a_primary_restarted_under_load_is_served_again_within_five_seconds(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    pid = proxy.pid
    load = Load(proxy, "primary_restarted", seconds=90, rate=RATE, root=root)
    load.wait_until_running(proxy)
    killed = time.time()
    primary.kill()
    time.sleep(2)
    assert proxy.get("/ready")[0] == 503
    primary.start()
    back = time.time()
    time.sleep(8)
    load.end()
    result = load.result()
    assert proxy.pid == pid
    assert proxy.is_running()
    assert result.between(0, killed - 1).errors == []  # what began later may have been under way
    away = result.between(killed + 0.5, back - 2)
    assert len(away.errors) == len(away.operations)  # each of them got its answer: an error
    served = [o.started for o in result.operations if o.started > back - 2 and o.error is None]
    assert min(served) < back + 5
    assert result.between(back + 5, back + 60).errors == []
    kinds = {str(error.error).split(":", 1)[0] for error in result.errors}
    assert kinds <= {"Unavailable", "WriteTimeout", "ReadTimeout", "NoHostAvailable"}, kinds
    assert_all_accounted_for(settled(proxy))
    # A write whose answer was lost with its connection may be on the primary alone: its client was told so.
    on_primary, on_shadow = (rows_of(node, "primary_restarted", root) for node in (primary, shadow))
    assert [row for row in on_shadow if row not in on_primary] == []
    unknown = [error for error in result.errors if str(error.error).startswith("WriteTimeout")]
    assert len(on_primary) - len(on_shadow) <= len(unknown)


@pytest.mark.parametrize("wrong", ["port in use", "no primary"])
def test_a_start_that_cannot_succeed_says_why_and_exits(
    start_proxy: StartProxy, primary: CassandraNode, wrong: str
) -> None:
    if wrong == "port in use":
        other = start_proxy()
        proxy = start_proxy(launch=False, listen={"host": other.address, "port": other.port})
        expected = f"cannot listen on {other.address}, port {other.port} (listen)"
    else:
        address = {"contact_points": ["127.255.255.254"], "port": primary.port}
        proxy = start_proxy(launch=False, primary=address, connect_timeout=3)
        expected = "the primary cluster cannot be reached at 127.255.255.254"
    proxy.launch()
    assert proxy.wait_ended(30) == 1
    said = proxy.log.read_text()
    assert expected in said
    assert "Traceback" not in said


def test_a_table_that_the_shadow_lacks_is_not_felt_and_its_copies_are_counted_as_failed(
    start_proxy: StartProxy, primary: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    program = _DUMP.with_name("lost_on_the_shadow.py")
    arguments = (proxy.address, proxy.port, primary.address, primary.port)
    said = DriverProgram(program, *arguments, root=root).result(60)
    assert said["rows"] == 19  # number 0 has no negative
    stats = settled(proxy)
    assert stats["failed_copies_by_reason"] == {"rejected": said["writes"]}, stats
    assert (stats["mirrored_writes"], stats["dropped_writes"], stats["failed_writes"]) == (0, 0, 0), stats
    assert_all_accounted_for(stats)
    assert "the shadow cluster refuses to prepare a statement" in proxy.log.read_text()
