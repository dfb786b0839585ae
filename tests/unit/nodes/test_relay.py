"""A relay passes frames on, and each fault looks to its clients as it says."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from socket import inet_aton

import pytest

from frame_codec import (
    REQUEST_VERSIONS,
    RESPONSE_VERSIONS,
    ConsistencyLevel,
    ErrorCode,
    ErrorResponse,
    Execute,
    Frame,
    FrameDecoder,
    Opcode,
    Options,
    PlainError,
    Prepare,
    Query,
    QueryParameters,
    Request,
    Unprepared,
    WriteTimeout,
    encode_frame,
)
from tests.nodes.addresses import loopback_address
from tests.nodes.faults import Blackholed, Failing, Forgetful, NeverReading, Refused, Slow
from tests.nodes.relay import Relay

OVERLOADED = PlainError("full", ErrorCode.OVERLOADED)
INSERT = Query("INSERT INTO t (k) VALUES (1)", QueryParameters())
EXECUTE = Execute(b"an id", QueryParameters())


class Node(socketserver.ThreadingTCPServer):
    """Answers each request with VOID, or a prepared id, and keeps what it was asked."""

    allow_reuse_address = True
    daemon_threads = True
    name = "node"

    def __init__(self) -> None:
        super().__init__((loopback_address(), 9042), _Conversation)
        self.address, self.port = str(self.server_address[0]), int(self.server_address[1])
        self.asked: list[int] = []


class _Conversation(socketserver.BaseRequestHandler):
    server: Node

    def handle(self) -> None:
        decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
        while data := self.request.recv(65536):
            for version, _, stream, opcode, _ in decoder.feed(data):
                self.server.asked.append(opcode)
                answer = b"\0\0\0\1" + b"\0\0\0\4" + inet_aton(self.server.address)
                if opcode == Opcode.PREPARE:
                    answer = b"\0\0\0\4\0\5an id" + bytes(24)
                self.request.sendall(encode_frame(version | 0x80, 0, stream, Opcode.RESULT, answer))


class Client:
    def __init__(self, relay: Relay) -> None:
        self.socket = socket.create_connection((relay.address, relay.port), timeout=5)
        self._decoder = FrameDecoder(max_body_length=1 << 20, versions=RESPONSE_VERSIONS)

    def send(self, request: Request, stream: int = 1) -> None:
        self.socket.sendall(encode_frame(4, 0, stream, request.opcode, request.encode(4)))

    def frame(self) -> Frame:
        while True:
            data = self.socket.recv(65536)
            assert data, "closed"
            if frames := self._decoder.feed(data):
                assert len(frames) == 1
                return frames[0]

    def answer(self, request: Request) -> ErrorResponse | None:
        """The error that answers a request; None when the node's RESULT does."""
        self.send(request, stream=9)
        version, _, stream, opcode, body = self.frame()
        assert (version, stream) == (0x84, 9)
        if opcode == Opcode.ERROR:
            return ErrorResponse.decode(body, 4)
        assert opcode == Opcode.RESULT
        return None

    def gets_nothing(self, seconds: float = 0.2) -> bool:
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)
        return False


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def relay(node: Node) -> Iterator[Relay]:
    with Relay(node) as relay:
        yield relay


@pytest.fixture
def client(relay: Relay) -> Iterator[Client]:
    client = Client(relay)
    assert client.answer(INSERT) is None
    yield client
    client.socket.close()


def connects(relay: Relay, timeout: float = 0.3) -> bool:
    try:
        socket.create_connection((relay.address, relay.port), timeout=timeout).close()
    except TimeoutError:
        return False
    return True


def test_requests_and_answers_pass_and_are_counted(relay: Relay, node: Node, client: Client) -> None:
    assert client.answer(EXECUTE) is None
    assert client.answer(Options()) is None
    assert client.answer(Query("SELECT * FROM system.local", QueryParameters())) is None
    assert node.asked == [Opcode.QUERY, Opcode.EXECUTE, Opcode.OPTIONS, Opcode.QUERY]
    assert relay.seen() == {Opcode.QUERY: 1, Opcode.EXECUTE: 1}
    assert relay.spoiled() == {}


def test_drivers_read_the_address_of_the_relay_as_that_of_the_node(
    relay: Relay, node: Node, client: Client
) -> None:
    client.send(Query("SELECT * FROM system.local WHERE key='local'", QueryParameters()))
    assert client.frame()[4].endswith(inet_aton(relay.address))
    client.send(INSERT)
    assert client.frame()[4].endswith(inet_aton(node.address))


def test_frames_may_come_in_pieces(relay: Relay, node: Node, client: Client) -> None:
    data = encode_frame(4, 0, 3, Opcode.QUERY, INSERT.encode(4))
    for at in range(len(data)):
        client.socket.sendall(data[at : at + 1])
    assert client.frame()[2] == 3


@pytest.mark.parametrize("applied", [False, True])
def test_requests_fail_with_the_error_that_was_chosen(
    relay: Relay, node: Node, client: Client, applied: bool
) -> None:
    error = WriteTimeout("late", ConsistencyLevel.ONE, 0, 1, "SIMPLE")
    relay.suffer(Failing(error, applied=applied))
    assert [client.answer(request) for request in (INSERT, EXECUTE, Prepare("x"))] == [error] * 3
    assert client.answer(Options()) is None
    assert client.answer(Query("SELECT * FROM system_schema.tables", QueryParameters())) is None
    assert len(node.asked) == 1 + 2 + 3 * applied
    assert relay.spoiled() == {Opcode.QUERY: 1, Opcode.EXECUTE: 1, Opcode.PREPARE: 1}
    relay.heal()
    assert client.answer(INSERT) is None


def test_one_request_in_three_fails(relay: Relay, client: Client) -> None:
    relay.suffer(Failing(OVERLOADED, every=3))  # the fixture's request was the first
    assert [client.answer(INSERT) for _ in range(6)] == [None, None, OVERLOADED] * 2


def test_answers_that_never_come(relay: Relay, node: Node, client: Client) -> None:
    relay.suffer(Failing(None, applied=True))
    client.send(INSERT)
    assert client.gets_nothing()
    assert node.asked == [Opcode.QUERY] * 2


def test_a_statement_is_forgotten_until_it_is_prepared_again(relay: Relay, client: Client) -> None:
    relay.suffer(Forgetful())
    forgotten = client.answer(EXECUTE)
    assert isinstance(forgotten, Unprepared)
    assert forgotten.id == b"an id"
    assert client.answer(Prepare("INSERT INTO t (k) VALUES (?)")) is None
    assert client.answer(EXECUTE) is None


def test_a_refusing_relay_resets_and_refuses(relay: Relay, client: Client) -> None:
    relay.suffer(Refused())
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connects(relay)
    relay.heal()
    assert Client(relay).answer(INSERT) is None


def test_a_blackhole_says_nothing_at_all(relay: Relay, node: Node, client: Client) -> None:
    relay.suffer(Blackholed())
    client.send(INSERT)
    assert client.gets_nothing()
    assert not connects(relay)
    assert node.asked == [Opcode.QUERY]
    relay.heal()
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)
    assert Client(relay).answer(INSERT) is None


def test_what_a_hung_node_was_sent_is_carried_out_later(relay: Relay, node: Node, client: Client) -> None:
    relay.suffer(NeverReading())
    client.send(INSERT)
    assert client.gets_nothing()
    late = Client(relay)  # accepted
    late.send(EXECUTE)
    assert late.gets_nothing()
    late.socket.close()
    assert node.asked == [Opcode.QUERY]
    relay.heal()
    assert client.frame()[3] == Opcode.RESULT
    deadline = time.monotonic() + 5
    while Opcode.EXECUTE not in node.asked:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_slow_relay_carries_out_at_once_and_answers_late_and_in_order(
    relay: Relay, node: Node, client: Client
) -> None:
    relay.suffer(Slow(0.3))
    began = time.monotonic()
    client.send(INSERT, stream=1)
    assert client.gets_nothing(0.1)
    assert node.asked == [Opcode.QUERY] * 2
    relay.heal()
    client.send(INSERT, stream=2)
    assert client.frame()[2] == 1
    assert time.monotonic() - began >= 0.3
