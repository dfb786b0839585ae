"""What clients may ask of the proxy at most: what those who are beyond it see, and that it is counted."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from frame_codec import (
    HEADER,
    ErrorCode,
    ErrorResponse,
    Frame,
    Opcode,
    Options,
    Prepare,
    Query,
    QueryParameters,
    Startup,
    Unprepared,
    decode_prepared_id,
    encode_frame,
    response_start,
)
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess
from tests.nodes.faults import Failing
from tests.nodes.relay import Relay

HERE, THERE = "127.0.0.1", "127.0.0.2"
_SELECT = Query("SELECT key FROM system.local", QueryParameters())
_STARTUP = Startup({"CQL_VERSION": "3.0.0"})


def counted(proxy: ProxyProcess, name: str, reason: str) -> int:
    """How often a limit has been met, by ``/stats``."""
    counts = proxy.stats()[name]
    assert isinstance(counts, dict)
    return int(counts.get(reason, 0))


def requests(count: int) -> bytes:
    """So many queries that go to the primary, each on a stream of its own."""
    return queries("SELECT v FROM limits.t WHERE id = 0", count)


def queries(text: str, count: int) -> bytes:
    body = Query(text, QueryParameters()).encode(4)
    return b"".join(encode_frame(4, 0, number, Opcode.QUERY, body) for number in range(count))


def error_of(frame: Frame) -> ErrorResponse:
    version, flags, _, opcode, body = frame
    assert opcode == Opcode.ERROR
    return ErrorResponse.decode(body, version & 0x7F, response_start(body, flags))


@pytest.fixture(scope="module")
def narrow(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy(listen={"max_clients": 5, "max_clients_per_address": 3})


@pytest.fixture(scope="module")
def hasty(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy(
        listen={
            "handshake_seconds": 1,
            "frame_seconds": 1,
            "idle_seconds": 2,
            "unread_seconds": 1,
            "max_unread_bytes": "32MiB",
        }
    )


@pytest.mark.parametrize("started", [False, True])
def test_a_frame_that_is_too_long_is_counted_by_its_limit(started: bool, hasty: ProxyProcess) -> None:
    before = counted(hasty, "clients_ended", "max_frame_bytes")
    with RawClient(hasty) as client:
        if started:
            client.start()
        client.send(HEADER.pack(4, 0, 1, Opcode.QUERY, (256 << 20) + 1))
        assert client.error().code == ErrorCode.PROTOCOL_ERROR
        assert client.frame() is None
    assert counted(hasty, "clients_ended", "max_frame_bytes") == before + 1


class TestConnections:
    """How many there may be, and whose."""

    @pytest.fixture
    def proxy(self, narrow: ProxyProcess) -> ProxyProcess:
        return narrow

    @pytest.mark.parametrize("first", [Options(), _STARTUP], ids=["OPTIONS", "STARTUP"])
    @pytest.mark.parametrize(
        ("there", "comes", "limit"),
        [([HERE] * 3, HERE, "max_clients_per_address"), ([HERE] * 3 + [THERE] * 2, THERE, "max_clients")],
    )
    def test_who_is_one_too_many_is_told_so_and_served_once_another_has_gone(
        self, there: list[str], comes: str, limit: str, first: Options | Startup, proxy: ProxyProcess
    ) -> None:
        proxy.wait_until(lambda stats: stats["client_connections"] == 0, 10, what="no connection")
        before = counted(proxy, "clients_turned_away", limit)
        with ExitStack() as stack:
            served = [stack.enter_context(RawClient(proxy, source=source)).start() for source in there]
            with RawClient(proxy, source=comes) as refused:
                refused.request(first, stream=3)
                frame = refused.frame()
                assert frame is not None
                assert frame[2] == 3
                error = error_of(frame)
                assert (error.code, limit in error.message) == (ErrorCode.OVERLOADED, True)
                assert refused.frame() is None
            for client in served:
                client.serves()
            served[-1].close()
            proxy.wait_until(
                lambda stats: stats["client_connections"] == len(there) - 1, 10, what="one has gone"
            )
            with RawClient(proxy, source=there[-1]) as client:
                client.start().serves()
        assert counted(proxy, "clients_turned_away", limit) == before + 1

    def test_those_who_say_nothing_while_they_are_one_too_many_are_closed(self, proxy: ProxyProcess) -> None:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(RawClient(proxy, source=HERE)).start()
            silent = [stack.enter_context(RawClient(proxy, source=HERE)) for _ in range(200)]
            assert [client.frame() for client in silent] == [None] * 200

    def test_only_those_of_the_networks_that_are_allowed_are_let_in(self, start_proxy: StartProxy) -> None:
        proxy = start_proxy(listen={"allowed_networks": ["127.0.0.0/31", "::1"]})
        with RawClient(proxy, source=HERE) as client:
            client.start().serves()
        with RawClient(proxy, source=THERE) as stranger:
            assert stranger.frame() is None
        assert counted(proxy, "clients_turned_away", "allowed_networks") == 1
        assert "clients are turned away: beyond listen.allowed_networks" in proxy.log_tail()


class TestTime:
    """How long clients may take. Limits are of a second; the proxy looks once a second."""

    @pytest.fixture
    def proxy(self, hasty: ProxyProcess) -> ProxyProcess:
        return hasty

    @staticmethod
    def trickle(client: RawClient, data: bytes, seconds: float = 10) -> float:
        """Send byte by byte until the proxy has had enough; how long that took."""
        begin = time.monotonic()
        for byte in data:
            if client.readable(0.1):
                return time.monotonic() - begin
            client.send(bytes((byte,)))
            assert time.monotonic() - begin < seconds, "it was never closed"
        raise AssertionError("all was sent, and the connection is open")

    def test_who_never_begins_a_handshake(self, proxy: ProxyProcess) -> None:
        before = counted(proxy, "clients_ended", "handshake_seconds")
        with RawClient(proxy) as client:
            assert client.frame() is None
        assert counted(proxy, "clients_ended", "handshake_seconds") == before + 1

    def test_who_asks_for_options_but_never_starts(self, proxy: ProxyProcess) -> None:
        with RawClient(proxy) as client:
            begin = time.monotonic()
            client.request(Options())
            while client.frame() is not None:
                time.sleep(0.05)
                try:
                    client.request(Options())
                except OSError:
                    break
            assert 1 <= time.monotonic() - begin < 5

    def test_a_header_that_comes_byte_by_byte_before_the_handshake(self, proxy: ProxyProcess) -> None:
        with RawClient(proxy) as client:
            assert self.trickle(client, b"\x04\x00" + bytes(100), 6) >= 0.9

    def test_a_body_that_trickles(self, proxy: ProxyProcess) -> None:
        with RawClient(proxy) as client:
            client.start()
            assert self.trickle(client, HEADER.pack(4, 0, 9, Opcode.QUERY, 1000) + bytes(1000), 6) >= 0.9
            frame = client.frame()
            assert frame is not None
            assert frame[2] == 9
            assert "frame_seconds" in error_of(frame).message
            assert client.frame() is None
        assert counted(proxy, "clients_ended", "frame_seconds") == 1

    def test_a_long_request_that_takes_its_time_is_served(self, proxy: ProxyProcess) -> None:
        text = "SELECT key FROM system.local /*" + "x" * 400_000 + "*/"
        frame = encode_frame(4, 0, 5, Opcode.QUERY, Query(text, QueryParameters()).encode(4))
        with RawClient(proxy) as client:
            client.start()
            for at in range(0, len(frame), 40_000):
                client.send(frame[at : at + 40_000])
                time.sleep(0.15)
            client.expect(Opcode.RESULT, stream=5)

    def test_a_client_is_idle_when_it_asks_nothing_not_when_it_sends_heartbeats(
        self, proxy: ProxyProcess
    ) -> None:
        with RawClient(proxy) as silent, RawClient(proxy) as beating:
            silent.start()
            beating.start()
            for _ in range(8):
                time.sleep(0.5)
                beating.request(Options())
                beating.expect(Opcode.SUPPORTED, stream=1)
            assert silent.frame() is None
            beating.serves()
        assert counted(proxy, "clients_ended", "idle_seconds") == 1

    def test_an_unchanged_driver_notices_at_once_that_it_was_disconnected(
        self, proxy: ProxyProcess, root: Path
    ) -> None:
        before = counted(proxy, "clients_ended", "idle_seconds")
        program = Path(__file__).parent / "programs" / "left_alone.py"
        told = DriverProgram(program, proxy.address, proxy.port, root=root).result(30)
        assert told == {"closed": 2}
        assert counted(proxy, "clients_ended", "idle_seconds") == before + 2
        # Cut off is who has not closed its end soon after the proxy's.
        assert counted(proxy, "clients_ended", "lingering") == 0

    @pytest.fixture
    def much(self, primary: CassandraNode) -> bytes:
        """Questions whose answers are 48 MiB, far more than the kernel holds, and cost the node little."""
        with RawClient(primary) as client:
            client.start()
            for text in (
                "CREATE KEYSPACE IF NOT EXISTS long_answers WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}",
                "CREATE TABLE IF NOT EXISTS long_answers.t (id int PRIMARY KEY, v blob)",
                f"INSERT INTO long_answers.t (id, v) VALUES (0, 0x{'ab' * 2**20})",
            ):
                client.request(Query(text, QueryParameters()))
                client.expect(Opcode.RESULT, stream=1)
        return queries("SELECT v FROM long_answers.t WHERE id = 0", 48)

    def test_who_leaves_its_answers_unread_is_disconnected(self, proxy: ProxyProcess) -> None:
        with RawClient(proxy) as greedy:
            greedy.start()
            # Not too much: who has more to read has more time.
            greedy.send(queries("SELECT * FROM system_schema.columns", 200))
            proxy.wait_until(
                lambda stats: "unread_seconds" in str(stats["clients_ended"]), 20, what="an end with it"
            )

    def test_too_many_answers_that_nobody_reads_end_it_sooner(
        self, start_proxy: StartProxy, much: bytes
    ) -> None:
        proxy = start_proxy(listen={"max_unread_bytes": "3MiB"})
        with RawClient(proxy) as greedy:
            greedy.start()
            greedy.send(much)
            proxy.wait_until(
                lambda stats: "max_unread_bytes" in str(stats["clients_ended"]), 20, what="an end with it"
            )


class TestRequests:
    """How many may be under way. The primary is silent, so that all that reach it stay so."""

    @pytest.fixture
    def relay(self, primary: CassandraNode) -> Iterator[Relay]:
        with RawClient(primary) as client:
            client.start()
            for text in (
                "CREATE KEYSPACE IF NOT EXISTS limits WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}",
                "CREATE TABLE IF NOT EXISTS limits.t (id int PRIMARY KEY, v blob)",
            ):
                client.request(Query(text, QueryParameters()))
                client.expect(Opcode.RESULT, stream=1)
        with Relay(primary) as relay:
            yield relay

    @pytest.fixture
    def start(self, start_proxy: StartProxy, relay: Relay) -> Callable[..., ProxyProcess]:
        def started(**listen: object) -> ProxyProcess:
            return start_proxy(
                primary={"contact_points": [relay.address]}, listen=listen, request_timeout_ms=2000
            )

        return started

    @staticmethod
    def answers(client: RawClient, count: int, seconds: float) -> Counter[ErrorCode]:
        """What so many requests are answered with, each once."""
        begin = time.monotonic()
        frames = [client.frame() for _ in range(count)]
        assert time.monotonic() - begin < seconds
        assert len({frame[2] for frame in frames if frame is not None}) == count
        return Counter(ErrorCode(error_of(frame).code) for frame in frames if frame is not None)

    def test_of_one_client(self, start: Callable[..., ProxyProcess], relay: Relay) -> None:
        proxy = start(max_requests_per_client=1100)
        relay.suffer(Failing(None))
        with RawClient(proxy) as busy, RawClient(proxy) as other:
            busy.start()
            other.start()
            busy.send(requests(1500))
            # Those beyond the limit are told at once; the primary would have two seconds.
            assert self.answers(busy, 400, 1.5) == {ErrorCode.OVERLOADED: 400}
            other.serves()
            assert proxy.stats()["requests_under_way"] == 1100
            # Those at work time out; those who waited for them have had their time, too.
            late = self.answers(busy, 1100, 6)
            assert late[ErrorCode.READ_TIMEOUT] >= 1024
            assert late.total() == 1100
            relay.heal()
            busy.serves()
        assert counted(proxy, "requests_refused", "max_requests_per_client") == 400
        assert proxy.stats()["requests_under_way"] == 0

    def test_of_one_client_that_then_breaks_the_protocol(
        self, start: Callable[..., ProxyProcess], relay: Relay
    ) -> None:
        proxy = start()
        relay.suffer(Failing(None))
        with RawClient(proxy) as busy:
            busy.start()
            busy.send(requests(1100) + b"GET / HTTP/1.1")
            told: list[int] = []
            while (frame := busy.frame()) is not None:
                told.append(error_of(frame).code)
            assert told.count(ErrorCode.PROTOCOL_ERROR) == 1
            assert told[-1] == ErrorCode.PROTOCOL_ERROR
        proxy.wait_until(lambda stats: stats["requests_under_way"] == 0, 6, what="none under way")

    def test_of_all_clients(self, start: Callable[..., ProxyProcess], relay: Relay) -> None:
        proxy = start(max_requests=100)
        relay.suffer(Failing(None))
        with RawClient(proxy) as first, RawClient(proxy) as second, RawClient(proxy) as third:
            for client in (first, second, third):
                client.start()
            first.send(requests(60))
            proxy.wait_until(lambda stats: stats["requests_under_way"] == 60, 1, what="60 under way")
            second.send(requests(60))
            assert self.answers(second, 20, 1.5) == {ErrorCode.OVERLOADED: 20}
            # Handshakes and heartbeats are no requests.
            third.request(Options())
            third.expect(Opcode.SUPPORTED, stream=1)
            third.send(requests(1))
            assert self.answers(third, 1, 1.5) == {ErrorCode.OVERLOADED: 1}
            assert self.answers(first, 60, 6) == {ErrorCode.READ_TIMEOUT: 60}
            assert self.answers(second, 40, 6) == {ErrorCode.READ_TIMEOUT: 40}
            relay.heal()
            third.serves()
        assert counted(proxy, "requests_refused", "max_requests") == 21

    def test_of_a_client_that_does_not_wait_until_it_is_let_in(
        self, start: Callable[..., ProxyProcess], relay: Relay
    ) -> None:
        proxy = start(max_requests=100)
        relay.suffer(Failing(None))
        with RawClient(proxy) as client:
            client.send(encode_frame(4, 0, 2000, Opcode.STARTUP, _STARTUP.encode(4)) + requests(150))
            client.expect(Opcode.READY, stream=2000)
            assert self.answers(client, 50, 1.5) == {ErrorCode.OVERLOADED: 50}
            assert proxy.stats()["requests_under_way"] == 100
            assert self.answers(client, 100, 6) == {ErrorCode.READ_TIMEOUT: 100}
        assert counted(proxy, "requests_refused", "max_requests") == 50

    def test_of_clients_that_have_gone(self, start: Callable[..., ProxyProcess], relay: Relay) -> None:
        proxy = start(max_requests=100)
        relay.suffer(Failing(None))
        for _ in range(3):
            with RawClient(proxy) as client:
                client.start()
                client.send(requests(30))
                # A round trip, after which they have been read.
                client.request(Options(), stream=1000)
                client.expect(Opcode.SUPPORTED, stream=1000)
        assert proxy.stats()["requests_under_way"] == 90
        proxy.wait_until(lambda stats: stats["requests_under_way"] == 0, 6, what="none under way")


def test_prepared_statements_beyond_the_limit_are_forgotten(start_proxy: StartProxy) -> None:
    proxy = start_proxy(max_prepared_statements=10)
    with RawClient(proxy) as client:
        client.start()
        ids = []
        for number in range(25):
            client.request(Prepare(f"SELECT key FROM system.local WHERE key = 'no {number}'"))
            ids.append(decode_prepared_id(client.expect(Opcode.RESULT, stream=1)))
        assert proxy.stats()["prepared_statements"] == 10
        told = []
        for prepared_id in ids:
            client.send(
                encode_frame(
                    4, 0, 2, Opcode.EXECUTE, len(prepared_id).to_bytes(2, "big") + prepared_id + b"\0\1\0"
                )
            )
            frame = client.frame()
            assert frame is not None
            told.append(frame[3] == Opcode.ERROR and isinstance(error_of(frame), Unprepared))
        # Those not used lately have given way.
        assert (told.count(True), told[-1]) == (15, False)


class TestKeyspaces:
    """How many may have connections of their own."""

    def test_one_that_is_idle_gives_way_and_none_that_is_at_work(
        self, start_proxy: StartProxy, primary: CassandraNode
    ) -> None:
        with Relay(primary) as relay:
            proxy = start_proxy(
                primary={"contact_points": [relay.address]}, max_keyspaces=3, request_timeout_ms=2000
            )
            names = [f"limits_{number}" for number in range(5)]
            with ExitStack() as stack:
                clients = [stack.enter_context(RawClient(proxy)).start() for _ in names]
                for name, client in zip(names, clients, strict=True):
                    for text in (
                        f"CREATE KEYSPACE {name} WITH replication ="
                        " {'class': 'SimpleStrategy', 'replication_factor': 1}",
                        f"CREATE TABLE {name}.t (id int PRIMARY KEY)",
                        f"USE {name}",
                        "SELECT id FROM t",
                    ):
                        client.request(Query(text, QueryParameters()))
                        client.expect(Opcode.RESULT, stream=1)
                # On the shadow as well, where copies of these need none.
                assert proxy.stats()["keyspaces_in_use"] == 3
                relay.suffer(Failing(None))
                for client in clients[2:]:
                    client.request(Query("SELECT id FROM t", QueryParameters()), stream=2)
                proxy.wait_until(lambda stats: stats["requests_under_way"] == 3, 5, what="three at work")
                clients[0].request(Query("SELECT id FROM t", QueryParameters()), stream=3)
                error = clients[0].error()
                assert (error.code, "max_keyspaces" in error.message) == (ErrorCode.OVERLOADED, True)
                clients[1].request(Query("USE limits_0", QueryParameters()), stream=3)
                assert clients[1].error().code == ErrorCode.OVERLOADED
                assert proxy.stats()["keyspaces_refused"] == 2
                for client in clients[2:]:
                    assert client.error().code == ErrorCode.READ_TIMEOUT
                relay.heal()
                for client in clients:
                    client.request(Query("SELECT id FROM t", QueryParameters()), stream=4)
                    client.expect(Opcode.RESULT, stream=4)
                assert proxy.stats()["keyspaces_in_use"] == 3
