"""The host runs out of descriptors, or of room on its disk: clients that are there notice nothing."""

import contextlib
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from frame_codec import Opcode, Query, QueryParameters
from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess

IN_MEMORY = 50
"""Copies."""


@contextlib.contextmanager
def limited(proxy: ProxyProcess, which: int, soft: int) -> Iterator[None]:
    """A limit of the running process, as ``prlimit`` sets it."""
    before = resource.prlimit(proxy.pid, which)
    resource.prlimit(proxy.pid, which, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(proxy.pid, which, before)


def test_without_descriptors_nobody_new_is_accepted_and_those_who_are_there_go_on(
    start_proxy: StartProxy,
) -> None:
    proxy = start_proxy()
    with RawClient(proxy) as honest:
        honest.start().serves()
        # So that what the proxy opens once, for its first question of this kind, is open.
        proxy.wait_until(lambda stats: stats["client_connections"] == 1, 5, what="one client")
        used = max(int(name) for name in os.listdir(f"/proc/{proxy.pid}/fd")) + 1
        with contextlib.ExitStack() as waiting:
            with limited(proxy, resource.RLIMIT_NOFILE, used):
                # Descriptors below the limit may be free; they are used up first.
                late = [waiting.enter_context(RawClient(proxy)) for _ in range(used)]
                for stream in range(300):
                    honest.serves(stream)
            # Those who have waited are served as soon as there are descriptors again.
            for client in late:
                client.start().serves()
        assert cast(int, proxy.stats()["accepting_paused"]) >= 1
        assert "no connection can be accepted" in proxy.log_tail()
        assert proxy.stats()["unhandled_errors"] == 0
        honest.serves()


def test_a_full_disk_under_the_journal_is_told_and_not_felt(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    """The limit of a file's size stands for a full disk: the system refuses the very same writes.

    Copies go on from memory; what is lost where memory is full as well, the journal's own tests show.
    """
    proxy = start_proxy(mirror={"journal": "always"})
    with RawClient(proxy) as client:
        client.start()

        def write(first: int, count: int) -> None:
            for number in range(first, first + count):
                text = f"INSERT INTO full_disk.t (id, v) VALUES ({number}, '{'x' * 2000}')"
                client.request(Query(text, QueryParameters()))
                client.expect(Opcode.RESULT, stream=1)

        for text in (
            "CREATE KEYSPACE full_disk WITH replication ="
            " {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE full_disk.t (id int PRIMARY KEY, v text)",
        ):
            client.request(Query(text, QueryParameters()))
            client.expect(Opcode.RESULT, stream=1)
        write(0, 100)
        # The log of the proxy is a file, too, and smaller than this.
        with limited(proxy, resource.RLIMIT_FSIZE, 20_000):
            write(1000, 100)
            proxy.wait_until(lambda stats: bool(stats["journal_failing"]), 10, what="a journal that fails")
            assert proxy.get("/ready")[0] == 200
            assert proxy.count("unprotected_writes") > 0
            write(2000, 100)
        proxy.wait_until(lambda stats: not stats["journal_failing"], 10, what="a journal that can be written")
        unprotected = proxy.count("unprotected_writes")
        write(3000, 100)
        assert proxy.count("unprotected_writes") == unprotected
        stats = wait_settled(proxy)
    assert (stats["dropped_writes"], stats["unhandled_errors"]) == (0, 0)
    assert "the journal cannot be written" in proxy.log.read_text()
    on_primary, on_shadow = contents_of_both(primary, shadow, "full_disk", root=root)
    assert len(on_primary["full_disk.t"]) == 400
    assert differences(on_primary, on_shadow) == []


def test_an_outage_on_a_full_disk_costs_copies_that_are_counted_and_no_client_anything(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    """Memory is full as well: what comes then is dropped, until there is room again."""
    proxy = start_proxy(mirror={"max_requests": IN_MEMORY})
    with RawClient(proxy) as client:
        client.start()

        def ask(text: str) -> None:
            client.request(Query(text, QueryParameters()))
            client.expect(Opcode.RESULT, stream=1)

        def write(first: int, count: int) -> None:
            for number in range(first, first + count):
                ask(f"INSERT INTO outage_full_disk.t (id, v) VALUES ({number}, '{'x' * 2000}')")

        ask(
            "CREATE KEYSPACE outage_full_disk WITH replication ="
            " {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        ask("CREATE TABLE outage_full_disk.t (id int PRIMARY KEY, v text)")
        proxy.wait_copied()
        shadow.pause()
        write(0, 300)
        proxy.wait_until(lambda stats: bool(stats["journal_depth"]), 10, what="copies in the journal")
        begin = time.monotonic()
        with limited(proxy, resource.RLIMIT_FSIZE, 20_000):
            write(1000, 300)
            proxy.wait_until(lambda stats: bool(stats["dropped_writes"]), 10, what="a copy that is dropped")
            stats = proxy.stats()
            assert stats["journal_failing"] is True
            assert proxy.get("/ready")[0] == 200
        assert time.monotonic() - begin < 10, "clients were kept waiting"
        proxy.wait_until(lambda stats: not stats["journal_failing"], 10, what="a journal that can be written")
        dropped = proxy.count("dropped_writes")
        write(2000, 300)
        assert proxy.count("dropped_writes") == dropped
        shadow.resume()
        stats = wait_settled(proxy)
    assert (stats["dropped_writes"], stats["unhandled_errors"]) == (dropped, 0)
    assert "the journal cannot be written" in proxy.log.read_text()
    assert "the journal can be written again" in proxy.log.read_text()
    on_primary, on_shadow = contents_of_both(primary, shadow, "outage_full_disk", root=root)
    here, there = (set(tables["outage_full_disk.t"]) for tables in (on_primary, on_shadow))
    assert len(here) == 900
    lost = here - there
    # No more than is counted: of what came meanwhile, and of what memory had then and could not deliver.
    when = Counter(int(key.strip("[]")) // 1000 for key in lost)
    assert when[2] == 0
    assert when[0] <= IN_MEMORY
    assert len(lost) == dropped
    assert there < here
