"""Clients that send faster than they read, or leave before they have read anything."""

from pathlib import Path

import pytest

from frame_codec import Opcode, Query, QueryParameters, encode_frame
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.nodes import ProxyProcess

KEYSPACE = "hasty"
VALUE_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    proxy = start_module_proxy()
    with RawClient(proxy) as client:
        client.start()
        for text in (
            f"CREATE KEYSPACE {KEYSPACE} WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}",
            f"CREATE TABLE {KEYSPACE}.t (id int PRIMARY KEY, v blob)",
        ):
            client.request(Query(text, QueryParameters()))
            client.expect(Opcode.RESULT, stream=1)
        insert = Query(
            f"INSERT INTO {KEYSPACE}.t (id, v) VALUES (?, ?)",
            QueryParameters(values=(bytes(4), bytes(VALUE_BYTES))),
        )
        client.request(insert)
        client.expect(Opcode.RESULT, stream=1)
    proxy.wait_copied()
    return proxy


def frames(count: int, text: str) -> bytes:
    """So many requests, each on a stream of its own; ``{}`` in the text is its number."""
    return b"".join(
        encode_frame(4, 0, number, Opcode.QUERY, Query(text.format(number), QueryParameters()).encode(4))
        for number in range(count)
    )


def resident_bytes(proxy: ProxyProcess) -> int:
    pages = int(Path(f"/proc/{proxy.pid}/statm").read_text().split()[1])
    return pages * 4096


def test_the_writes_of_a_client_that_has_gone_are_still_copied(proxy: ProxyProcess) -> None:
    count = 300
    before = {name: proxy.count(name) for name in ("successful_writes", "mirrored_writes")}
    with RawClient(proxy) as client:
        client.start()
        client.send(frames(count, f"INSERT INTO {KEYSPACE}.t (id, v) VALUES (-1{{}}, 0x00)"))
    proxy.wait_until(
        lambda stats: stats["successful_writes"] == before["successful_writes"] + count, 20, what="all writes"
    )
    proxy.wait_copied()
    assert proxy.count("mirrored_writes") == before["mirrored_writes"] + count


def test_more_requests_than_may_be_under_way_are_all_answered(proxy: ProxyProcess) -> None:
    count = 5000
    with RawClient(proxy) as client:
        client.start()
        client.send(frames(count, f"SELECT id FROM {KEYSPACE}.t WHERE id = {{}}"))
        answered = [client.frame() for _ in range(count)]
    assert {frame[3] for frame in answered if frame} == {Opcode.RESULT}
    assert sorted(frame[2] for frame in answered if frame) == list(range(count))


def test_a_client_that_does_not_read_costs_little_and_nobody_notices(proxy: ProxyProcess) -> None:
    asked = 6000
    before = resident_bytes(proxy)
    reads = proxy.count("total_reads")
    with RawClient(proxy) as greedy, RawClient(proxy) as honest:
        greedy.start()
        honest.start()
        # 6,000 answers of 64 KiB would be 375 MiB.
        greedy.send(frames(asked, f"SELECT v FROM {KEYSPACE}.t WHERE id = 0"))
        for stream in range(200):
            honest.serves(stream)
        assert proxy.count("total_reads") - reads < asked / 2
        assert resident_bytes(proxy) - before < 150 << 20
        # What it has asked for is there when it reads at last.
        answered = [greedy.frame() for _ in range(asked)]
        assert sorted(frame[2] for frame in answered if frame) == list(range(asked))
