"""The proxy killed by SIGKILL under load: what the journal promises is kept, and what is lost is told."""

import random
import time
from pathlib import Path

from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import counted_in, letters_of, wait_settled
from tests.integration.noted_load import Landed, NotedLoad
from tests.nodes import CassandraNode

KILLS = 20
RATE = 500
IN_MEMORY = 200


def test_every_acknowledged_write_survives_twenty_kills_with_a_journal_of_all(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mirror={"journal": "always"})
    load = NotedLoad(proxy, "killed_always", rate=RATE, root=root)
    chance = random.Random(5)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.8))
        proxy.kill()
        proxy.start()
        assert proxy.stats()["last_run"] == "unclean"
        load.wait_running(50)
    requests = load.end()
    wait_settled(proxy)
    letters = letters_of(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, load.keyspace, root=root)
    here, there = Landed.of(on_primary, load.keyspace), Landed.of(on_shadow, load.keyspace)
    surely, perhaps = requests.inserted(), requests.inserted(acknowledged=False)
    assert len(surely) > KILLS * 50
    assert surely <= there.ids() <= here.ids() <= surely | perhaps
    # The same, to the microsecond.
    arrived = {key: here.rows[key] for key in there.rows}
    assert differences({"rows": arrived}, {"rows": there.rows}) == []
    # A counter that may have been under way to the shadow is not sent again: it is a dead letter.
    assert {letter["reason"] for letter in letters} <= {"unknown_outcome"}
    told, counted = counted_in(letters), requests.counted()
    for row, count in here.counts().items():
        assert counted[row] <= count
        assert counted[row] - told[row] <= there.counts()[row] <= count, row


def test_a_kill_costs_no_more_than_what_was_in_memory_and_is_told(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(mirror={"journal": "overflow", "max_requests": IN_MEMORY})
    assert proxy.stats()["last_run"] == "none"
    load = NotedLoad(proxy, "killed_overflow", rate=RATE, root=root)
    shadow.pause()
    proxy.wait_until(
        lambda stats: int(str(stats["journal_depth"])) > 4 * IN_MEMORY,
        30,
        what="copies that wait on the disk",
    )
    proxy.kill()
    requests = load.end()
    shadow.resume()
    proxy.start()
    stats = wait_settled(proxy)
    assert stats["last_run"] == "unclean"
    letters = letters_of(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, load.keyspace, root=root)
    here, there = Landed.of(on_primary, load.keyspace), Landed.of(on_shadow, load.keyspace)
    lost_rows = len(requests.inserted() - there.ids())
    lost_counts = sum((requests.counted() - there.counts() - counted_in(letters)).values())
    assert there.ids() <= here.ids()
    assert all(there.counts()[row] <= count for row, count in here.counts().items())
    print(f"lost: {lost_rows} rows and {lost_counts} counts of {len(requests.inserted())} rows")
    assert lost_rows + lost_counts <= IN_MEMORY
    assert len(there.ids()) > 2 * IN_MEMORY
    proxy.stop()
    proxy.start()
    assert proxy.stats()["last_run"] == "clean"
