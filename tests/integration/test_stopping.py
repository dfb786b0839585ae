"""The end of a proxy: SIGTERM under load, twice, and what a service manager hears of it.

CQLPROXY_STOPS says how often a proxy is stopped under load (5 unless it is set).
"""

import contextlib
import http
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from frame_codec import (
    ErrorCode,
    ErrorResponse,
    Execute,
    Opcode,
    Prepare,
    Query,
    QueryParameters,
    decode_prepared_id,
    encode_frame,
)
from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess, loopback_address, proxy_settings
from tests.nodes.faults import Failing
from tests.nodes.relay import Relay

STOPS = int(os.environ.get("CQLPROXY_STOPS", "5"))
KEYSPACE = "stopping"
_WINDOW = 128


@pytest.fixture(scope="module")
def _table(primary: CassandraNode, shadow: CassandraNode) -> None:
    for node in (primary, shadow):
        with RawClient(node) as client:
            client.start()
            for text in (
                f"CREATE KEYSPACE {KEYSPACE} WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}",
                f"CREATE TABLE {KEYSPACE}.t (id bigint PRIMARY KEY, v text)",
            ):
                client.request(Query(text, QueryParameters()))
                client.expect(Opcode.RESULT, stream=1)


class Writer:
    """Keeps so many INSERTs under way that some are on their way in each direction when the proxy stops."""

    def __init__(self, proxy: ProxyProcess, first: int) -> None:
        self._client = RawClient(proxy).start()
        self._client.request(Prepare(f"INSERT INTO {KEYSPACE}.t (id, v) VALUES (?, 'x')"))
        self._id = decode_prepared_id(self._client.expect(Opcode.RESULT, stream=1))
        self._next = first
        self._streams: dict[int, int] = {}
        self.answered: set[int] = set()
        self.errors: list[ErrorResponse] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._client:
            self._send(range(_WINDOW))
            while (frame := self._client.frame()) is not None:
                _, _, stream, opcode, body = frame
                number = self._streams.pop(stream)
                if opcode == Opcode.RESULT:
                    self.answered.add(number)
                else:
                    self.errors.append(ErrorResponse.decode(body, 4))
                self._send([stream])

    def _send(self, streams: "range | list[int]") -> None:
        frames = []
        for stream in streams:
            values = (self._next.to_bytes(8, "big"),)
            body = Execute(self._id, QueryParameters(values=values)).encode(4)
            frames.append(encode_frame(4, 0, stream, Opcode.EXECUTE, body))
            self._streams[stream] = self._next
            self._next += 1
        # When the proxy has gone, what it has answered can still be read.
        with contextlib.suppress(OSError):
            self._client.send(b"".join(frames))

    def end(self) -> int:
        """Wait until the proxy has closed the connection; how many requests have no answer."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return len(self._streams)


@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("drained", [True, False], ids=["delivered", "left to the journal"])
def test_a_stop_under_load_leaves_nothing_accepted_unanswered_and_loses_no_copy(
    drained: bool, start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy(shutdown_drain_seconds=5 if drained else 0)
    answered: set[int] = set()
    unanswered = 0
    first = 0 if drained else 1 << 40
    for stop in range(STOPS if drained else max(1, STOPS // 4)):
        writers = [Writer(proxy, first + (stop * 4 + number << 24)) for number in range(4)]
        time.sleep(0.3)
        proxy.send(signal.SIGTERM)
        for writer in writers:
            unanswered += writer.end()
            assert writer.errors == []
            answered |= writer.answered
        assert proxy.wait_ended(20) == 0
        proxy.start()
        assert proxy.stats()["last_run"] == "clean"
    wait_settled(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, KEYSPACE, root=root)
    assert differences(on_primary, on_shadow) == []
    table = on_primary[f"{KEYSPACE}.t"]
    written = {int(key.strip("[]")) for key in table if (int(key.strip("[]")) < 1 << 40) == drained}
    print(f"{len(answered)} answered, {unanswered} sent too late to be accepted")
    # What was accepted was written; of what was never answered, nothing was.
    assert written == answered
    assert len(answered) > 100 * STOPS


@pytest.fixture
def relay(primary: CassandraNode) -> Iterator[Relay]:
    with Relay(primary) as relay:
        yield relay


def under_way(proxy: ProxyProcess, relay: Relay, client: RawClient) -> None:
    """A request to a primary that has become silent."""
    client.start()
    relay.suffer(Failing(None))
    client.request(Query(f"SELECT v FROM {KEYSPACE}.t WHERE id = 0", QueryParameters()), stream=9)
    proxy.wait_until(lambda stats: stats["requests_under_way"] == 1, 5, what="a request under way")


@pytest.mark.usefixtures("_table")
def test_what_is_under_way_is_answered_while_nobody_else_comes_in(
    start_proxy: StartProxy, relay: Relay
) -> None:
    proxy = start_proxy(primary={"contact_points": [relay.address]}, request_timeout_ms=2000)
    with RawClient(proxy) as client, RawClient(proxy) as idle:
        idle.start()
        under_way(proxy, relay, client)
        proxy.send(signal.SIGTERM)
        assert idle.frame() is None
        status, body = proxy.get("/ready")
        assert (status, b"the proxy is stopping" in body) == (http.HTTPStatus.SERVICE_UNAVAILABLE, True)
        with pytest.raises(ConnectionRefusedError):
            RawClient(proxy)
        assert client.error().code == ErrorCode.READ_TIMEOUT
        assert client.frame() is None
    assert proxy.wait_ended(10) == 0


@pytest.mark.usefixtures("_table")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(
    number: signal.Signals, start_proxy: StartProxy, relay: Relay
) -> None:
    proxy = start_proxy(primary={"contact_points": [relay.address]})
    with RawClient(proxy) as client:
        under_way(proxy, relay, client)
        proxy.send(signal.SIGTERM)
        assert proxy.get("/ready")[0] == http.HTTPStatus.SERVICE_UNAVAILABLE
        begin = time.monotonic()
        proxy.send(number)
        assert proxy.wait_ended(5) == 128 + number
        assert time.monotonic() - begin < 2
        assert client.frame() is None


def test_a_service_manager_is_told_of_each_step(
    primary: CassandraNode, shadow: CassandraNode, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(20)
        proxy = ProxyProcess(
            proxy_settings(loopback_address(), primary, shadow),
            tmp_path,
            environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"},
        )
        proxy.launch()
        try:
            assert channel.recv(100) == b"READY=1"
            with RawClient(proxy) as client:
                client.start().serves()
            assert [channel.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        finally:
            proxy.stop()
        told = []
        channel.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(channel.recv(100))
        assert b"STOPPING=1" in told
        assert proxy.status == 0
