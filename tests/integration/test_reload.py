"""Rules change under load, by every way to change them: once acknowledged, nothing forbidden arrives.

Nor is anything lost that was allowed. About each row it is known when the proxy decided at the earliest (its
request was sent) and at the latest (it was answered), and when each change was asked for and acknowledged.
"""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TypedDict
from uuid import UUID

from click.testing import CliRunner

from cqlproxy.cli import main
from frame_codec import Opcode, Query, QueryParameters
from tests.integration import frame_load
from tests.integration.conftest import StartProxy
from tests.integration.frame_load import FrameLoad
from tests.integration.programs.tenant_rows import WAYS
from tests.integration.raw_client import RawClient
from tests.integration.tenant_load import Ban, Row, TenantLoad, Written
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

FREE = "b2c9e0d7-73a1-4f0c-8a35-5d2f4be5c002"
FIRST = "6f1d2a44-0c55-4a4e-9d1e-1f8a57b7c001"
SECOND = "0d5ab4a6-62cc-4bd0-8c74-62f1a9e0c003"
TENANTS = (FREE, FIRST, SECOND)

RATE = 1000
"""Writes a second, at least, while rules change. A write is a request that was answered, a batch as one."""

BY_FRAMES, BY_DRIVER = 950, 400
"""Requests a second that are asked for: above `RATE` by as much as a phase may fall behind."""

NOTHING: dict[str, object] = {"tenant_columns": ["tenant"], "reload_interval_secs": 1}


def rules(**held: list[str]) -> dict[str, object]:
    return {**NOTHING, **held}


class Filters(TypedDict):
    """What ``GET /filters`` says, as far as it is looked at here."""

    rules: dict[str, object]
    file: dict[str, object]
    copies_sent_under_earlier_rules: int


def filters(proxy: ProxyProcess) -> Filters:
    status, body = proxy.get("/filters")
    assert status == 200
    said: Filters = json.loads(body)
    return said


def metric(proxy: ProxyProcess, name: str) -> float:
    lines = proxy.get("/metrics")[1].decode().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return float(line.split()[1])


def by_command(proxy: ProxyProcess) -> None:
    result = CliRunner().invoke(main, ["filters", "reload", "--url", f"http://{proxy.address}:{ADMIN_PORT}"])
    assert result.exit_code == 0, result.stderr


def by_signal(proxy: ProxyProcess) -> None:
    proxy.send(signal.SIGHUP)
    by_file(proxy)


def by_file(proxy: ProxyProcess) -> None:
    """Until the proxy says that the file's rules are in force, and that nothing older is on its way."""
    expected = hashlib.sha256(proxy.rules_file.read_bytes()).hexdigest()
    deadline = time.monotonic() + 30
    while True:
        shown = filters(proxy)
        settled = shown["copies_sent_under_earlier_rules"] == 0
        if settled and shown["rules"]["content_hash"] == expected:
            return
        assert time.monotonic() < deadline, f"the rules did not come into force: {shown}"
        time.sleep(0.02)


Way = Callable[[ProxyProcess], None]


def write_by_name(proxy: ProxyProcess, load: TenantLoad, first: int) -> list[Written]:
    """Rows of all tenants by QUERY with values bound by name, which cassandra-driver cannot do."""
    written = []
    with RawClient(proxy) as client:
        client.start()
        for number, (table, tenant) in enumerate(product(("orders", "audit"), TENANTS * 10), first):
            values = (b"by_name", number.to_bytes(8, "big"), UUID(tenant).bytes)
            text = f"INSERT INTO {load.keyspace}.{table} (tenant, id, v) VALUES (:tenant, :id, :v)"
            sent = time.time()
            client.request(Query(text, QueryParameters(values=values, names=("v", "id", "tenant"))))
            client.expect(Opcode.RESULT, stream=1)
            written.append(Written(Row(table, tenant, number), "by_name", sent, time.time()))
    return written


def impose(
    proxy: ProxyProcess, load: TenantLoad, shadow: CassandraNode, ban: Ban, held: dict[str, object], way: Way
) -> list[Written]:
    """Put rules in force that hold something back, and look that nothing of it arrives under load.

    Nor what was written before, and had not arrived when the rules were acknowledged. Returns what was
    written in addition to the load.
    """
    proxy.write_rules(held)
    way(proxy)
    ban.acknowledged = time.time()
    by_name = write_by_name(proxy, load, int(ban.acknowledged * 1000))
    arrived = load.rows_on(shadow, ban).keys()
    load.more(2 * RATE)
    assert load.rows_on(shadow, ban).keys() == arrived
    return by_name


def lift(proxy: ProxyProcess, ban: Ban, way: Way, then: dict[str, object]) -> None:
    ban.lift_begins()
    proxy.write_rules(then)
    way(proxy)
    ban.is_lifted()


def rates(bans: list[Ban], written: list[Written]) -> list[float]:
    """Writes a second while each ban was in force: those that were answered in that time."""
    # The rows of a batch have its number, and its times.
    answered = {(one.way, one.row.id): one.answered for one in written}.values()
    return [
        sum(ban.acknowledged <= time < ban.lifting for time in answered) / (ban.lifting - ban.acknowledged)
        for ban in bans
    ]


def check(ban: Ban, written: list[Written], on_shadow: dict[Row, int]) -> Counter[str]:
    """Nothing that was written while it was in force has arrived; how many rows that is said of, by way."""
    surely = [one for one in written if ban.surely_holds(one)]
    assert [one for one in surely if one.row in on_shadow] == []
    return Counter(one.way for one in surely)


def test_rules_that_change_under_load_hold_from_their_acknowledgement_on(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(rules=NOTHING)
    load = TenantLoad(proxy, "rules_change", TENANTS, rate=BY_DRIVER, root=root)
    frames = FrameLoad(proxy, load.keyspace, TENANTS, rate=BY_FRAMES)
    bans: list[Ban] = []
    by_name: list[Written] = []
    for ban, held, way in (
        (Ban(tenants=frozenset({FIRST})), rules(tenant_blacklist=[FIRST]), by_command),
        (Ban(tables=frozenset({"audit"})), rules(table_blacklist=["*.audit"]), by_signal),
        (Ban(tenants=frozenset({SECOND})), rules(tenant_blacklist=[SECOND]), by_file),
        (Ban(tables=frozenset({"audit"})), rules(table_whitelist=["rules_change.orders"]), by_command),
    ):
        by_name += impose(proxy, load, shadow, ban, held, way)
        bans.append(ban)
        lift(proxy, ban, way, NOTHING)
        load.more(200)
    written = load.end() + frames.end() + by_name
    proxy.wait_copied()
    stats = proxy.stats()
    assert (stats["failed_copies"], stats["dropped_writes"], stats["failed_writes"]) == (0, 0, 0)

    reached = rates(bans, written)
    assert min(reached) > RATE, reached

    on_primary, on_shadow = load.rows_on(primary), load.rows_on(shadow)
    assert on_primary.keys() == {one.row for one in written}
    for ban in bans:
        said_of = check(ban, written, on_shadow)
        ways = {"audit", "batch", "text_batch"} if ban.tables else {*WAYS} - {"audit"}
        ways |= {"by_name", frame_load.WAY}
        assert ways <= said_of.keys()
        assert min(said_of[way] for way in ways) > 10
    # What no ban can have kept is there, whoever wrote it, and has the write time of the primary.
    free = [one.row for one in written if not any(ban.may_hold(one) for ban in bans)]
    always = [one.row for one in written if (one.row.tenant, one.row.table) == (FREE, "orders")]
    assert set(always) <= set(free)
    assert [row for row in free if row not in on_shadow] == []
    assert {row: on_shadow[row] for row in on_shadow} == {row: on_primary[row] for row in on_shadow}
    print(
        f"{len(written)} rows, {', '.join(f'{rate:.0f}' for rate in reached)} writes a second while rules"
        f" were in force; {len(always)} rows of the tenant who was always free, {len(free)} surely free,"
        f" {len(on_primary) - len(on_shadow)} held back"
    )


def test_copies_that_wait_are_judged_by_the_rules_in_force_when_they_are_sent(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(rules=NOTHING)
    load = TenantLoad(proxy, "rules_wait", TENANTS, rate=RATE // 4, root=root)
    proxy.wait_copied()
    shadow.kill()
    killed = time.time()
    load.more(300)
    proxy.wait_until(lambda stats: int(str(stats["queue_depth"])) > 100, 30, what="copies that wait")
    asked = time.time()
    proxy.write_rules(rules(tenant_blacklist=[FIRST], table_blacklist=["*.audit"]))
    by_command(proxy)
    written = load.end()
    shadow.start()
    proxy.wait_copied(90)
    on_primary, on_shadow = load.rows_on(primary), load.rows_on(shadow)

    def held(row: Row) -> bool:
        return row.tenant == FIRST or row.table == "audit"

    forbidden = [one for one in written if held(one.row) and one.sent > killed]
    # The client had its answer before the rules changed, and the copy waited.
    assert sum(one.answered < asked for one in forbidden) > 50
    assert [one for one in forbidden if one.row in on_shadow] == []
    assert [one for one in written if not held(one.row) and one.row not in on_shadow] == []
    assert {row: on_shadow[row] for row in on_shadow} == {row: on_primary[row] for row in on_shadow}


def test_a_bad_rules_file_under_load_leaves_the_old_rules_in_force_until_it_is_repaired(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(rules=rules(tenant_blacklist=[FIRST]))
    load = TenantLoad(proxy, "rules_bad", TENANTS, rate=RATE // 4, root=root)
    hash_before = filters(proxy)["rules"]["content_hash"]
    good = proxy.rules_file.read_text()
    assert metric(proxy, "proxy_rules_stale") == metric(proxy, "proxy_rules_reload_failures_total") == 0

    proxy.rules_file.write_text(good + "  table_blacklist: [audit]\n  tenant_blaklist: []\n")
    url = f"http://{proxy.address}:{ADMIN_PORT}"
    refused = CliRunner().invoke(main, ["filters", "reload", "--url", url])
    print(refused.stderr)
    assert refused.exit_code == 1
    lines = refused.stderr.splitlines()
    assert lines[0] == "cqlproxy: the rules file cannot be used; the rules of before stay in force"
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        [f"  {proxy.rules_file}:{line}", key]
        for line, key in ((7, "filters.table_blacklist[0]"), (8, "filters.tenant_blaklist"))
    ]
    assert metric(proxy, "proxy_rules_stale") == 1
    assert metric(proxy, "proxy_rules_reload_failures_total") >= 1
    assert filters(proxy)["rules"]["content_hash"] == hash_before
    assert filters(proxy)["file"]["state"] == "refused"
    assert "the rules file cannot be used; the rules of before stay in force: " in proxy.log.read_text()
    load.more(300)

    proxy.rules_file.write_text(good)
    deadline = time.monotonic() + 20
    while metric(proxy, "proxy_rules_stale"):  # the watcher finds it by itself
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert filters(proxy)["file"] == {"state": "in force", "problems": []}
    written = load.end()
    proxy.wait_copied()
    on_shadow = load.rows_on(shadow)
    assert {one.row for one in written if one.row.tenant != FIRST} == on_shadow.keys()
