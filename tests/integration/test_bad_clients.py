"""Clients that break the protocol: what they are told, and that nobody else notices."""

import re
import socket
import struct
from collections.abc import Iterator

import pytest

from frame_codec import (
    HEADER,
    ErrorCode,
    Opcode,
    Query,
    Register,
    Startup,
    Unprepared,
    compress,
    encode_frame,
)
from tests.integration.conftest import StartProxy
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, ProxyProcess
from tests.nodes.faults import Failing, Fault, Slow
from tests.nodes.relay import Relay

_STREAM = 5
_QUERY = Query("SELECT key FROM system.local").encode(4)
_STARTUP = Startup({"CQL_VERSION": "3.0.0"}).encode(4)
_HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(190)
_LONGEST = 2**31 - 1


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy()


@pytest.fixture
def honest(proxy: ProxyProcess) -> Iterator[RawClient]:
    """A client beside the bad one: served before it and after it, on one connection."""
    with RawClient(proxy) as client:
        client.start()
        client.serves()
        yield client
        client.serves()


def _frame(opcode: int, body: bytes, *, flags: int = 0, stream: int = _STREAM, version: int = 4) -> bytes:
    return encode_frame(version, flags, stream, opcode, body)


def _lz4(claimed: int, block: bytes) -> bytes:
    return _frame(Opcode.QUERY, struct.pack(">I", claimed) + block, flags=1)


_BLOCK = compress(_QUERY)[4:]


@pytest.mark.parametrize(
    ("sent", "stream", "told"),
    [
        pytest.param(_HTTP, 0, r"Invalid or unsupported protocol version \(71\)", id="HTTP"),
        pytest.param(_TLS_HELLO, 0, r"Invalid or unsupported protocol version \(22\)", id="TLS"),
        pytest.param(bytes(64), 0, r"Invalid or unsupported protocol version \(0\)", id="zeros"),
        pytest.param(b"\xff", 0, r"Invalid or unsupported protocol version \(127\)", id="one byte"),
        pytest.param(_frame(Opcode.OPTIONS, b"", version=2), 0, r"protocol version \(2\)", id="version 2"),
        pytest.param(_frame(Opcode.OPTIONS, b"", version=7), 0, r"protocol version \(7\)", id="version 7"),
        pytest.param(_frame(Opcode.READY, b"", version=0x84), 0, "Expected a request, got a", id="response"),
        pytest.param(
            HEADER.pack(4, 0, _STREAM, Opcode.STARTUP, _LONGEST) + b"x" * 100,
            _STREAM,
            "Frame of 2147483647 bytes is longer than",
            id="2 GB",
        ),
        pytest.param(
            _frame(Opcode.QUERY, _QUERY),
            _STREAM,
            "^Unexpected message QUERY, expecting STARTUP",
            id="no STARTUP",
        ),
        pytest.param(
            _frame(Opcode.REGISTER, Register(("SCHEMA_CHANGE",)).encode(4)),
            _STREAM,
            "^Unexpected message REGISTER, expecting STARTUP",
            id="REGISTER first",
        ),
        pytest.param(
            _frame(Opcode.OPTIONS, b"", stream=-3), -3, "Invalid stream id -3", id="negative stream"
        ),
        pytest.param(
            _frame(Opcode.STARTUP, Startup({}).encode(4)),
            _STREAM,
            "Missing value CQL_VERSION",
            id="no CQL_VERSION",
        ),
        pytest.param(
            _frame(Opcode.STARTUP, Startup({"CQL_VERSION": "3.0.0", "COMPRESSION": "zip"}).encode(4)),
            _STREAM,
            "Unknown compression algorithm: zip",
            id="unknown compression",
        ),
        pytest.param(_frame(Opcode.STARTUP, b"\x00\x09"), _STREAM, "Truncated", id="malformed STARTUP"),
    ],
)
def test_what_breaks_the_protocol_before_startup_is_told_so_and_closed(
    sent: bytes, stream: int, told: str, proxy: ProxyProcess, honest: RawClient
) -> None:
    with RawClient(proxy) as bad:
        bad.send(sent)
        _refused_and_closed(bad, stream, told)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param(HEADER.pack(4, 0, _STREAM, Opcode.QUERY, _LONGEST), "longer than", id="2 GB"),
        pytest.param(_frame(0x42, b""), "Unexpected message 0x42", id="unknown opcode"),
        pytest.param(_frame(Opcode.RESULT, b""), "Unexpected message RESULT", id="opcode of a response"),
        pytest.param(
            _frame(Opcode.AUTH_RESPONSE, bytes(4)), "Unexpected message AUTH_RESPONSE", id="AUTH_RESPONSE"
        ),
        pytest.param(_frame(Opcode.STARTUP, _STARTUP), "Unexpected message STARTUP", id="STARTUP again"),
        pytest.param(_frame(Opcode.OPTIONS, b"", version=3), "Invalid message version", id="other version"),
        pytest.param(
            _frame(Opcode.REGISTER, Register(("NONSENSE",)).encode(4)),
            "Invalid value 'NONSENSE'",
            id="REGISTER",
        ),
        pytest.param(
            _frame(Opcode.QUERY, compress(_QUERY), flags=1), "no compression was agreed", id="compressed"
        ),
        pytest.param(_frame(Opcode.QUERY, b"\x00\x05\x00", flags=4), "custom payload", id="custom payload"),
        pytest.param(_frame(Opcode.QUERY, b""), "Truncated", id="QUERY, empty"),
        pytest.param(_frame(Opcode.QUERY, b"\x7f\xff\xff\xffSELECT"), "Truncated", id="QUERY, long"),
        pytest.param(
            _frame(Opcode.QUERY, b"\xff\xff\xff\xffSELECT"), "Negative length", id="QUERY, negative"
        ),
        pytest.param(_frame(Opcode.PREPARE, b"\x00\x00"), "Truncated", id="PREPARE, short"),
        pytest.param(_frame(Opcode.EXECUTE, b""), "Truncated", id="EXECUTE, empty"),
        pytest.param(_frame(Opcode.EXECUTE, b"\x00\x10abc"), "Truncated", id="EXECUTE, short id"),
        pytest.param(_frame(Opcode.BATCH, b""), "Truncated", id="BATCH, empty"),
        pytest.param(_frame(Opcode.BATCH, b"\x00\xff\xff" + bytes(6)), "Truncated", id="BATCH, count"),
        pytest.param(
            _frame(Opcode.BATCH, b"\x09\x00\x00\x00\x01\x00"), "Invalid type of a BATCH", id="BATCH, type"
        ),
        pytest.param(
            _frame(Opcode.BATCH, b"\x00\x00\x01\x07\x00\x00\x00\x01x\x00\x00\x00\x01\x00"),
            "Invalid kind of a query in a BATCH",
            id="BATCH, kind",
        ),
    ],
)
def test_what_breaks_the_protocol_after_startup_is_told_so_and_closed(
    sent: bytes, told: str, proxy: ProxyProcess, honest: RawClient
) -> None:
    with RawClient(proxy) as bad:
        bad.start()
        bad.serves()
        bad.send(sent)
        _refused_and_closed(bad, _STREAM, told)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(_lz4(2**30, _BLOCK), id="far too long"),
        pytest.param(_lz4(2**32 - 1, _BLOCK), id="4 GB"),
        pytest.param(_lz4(len(_QUERY) + 50, _BLOCK), id="too long"),
        pytest.param(_lz4(3, _BLOCK), id="too short"),
        pytest.param(_lz4(0, _BLOCK), id="nothing"),
        pytest.param(_lz4(100, b"\xff" * 50), id="no lz4"),
        pytest.param(_frame(Opcode.QUERY, b"\x00", flags=1), id="no length"),
    ],
)
def test_a_compressed_body_that_lies_about_its_length_is_refused(
    sent: bytes, proxy: ProxyProcess, honest: RawClient
) -> None:
    with RawClient(proxy) as bad:
        bad.start(COMPRESSION="lz4")
        bad.send(_frame(Opcode.QUERY, compress(_QUERY), flags=1, stream=9))
        bad.expect(Opcode.RESULT, stream=9)
        bad.send(sent)
        _refused_and_closed(bad, _STREAM, r"[Cc]ompressed body|valid lz4 block")


def _refused_and_closed(bad: RawClient, stream: int, told: str) -> None:
    frame = bad.frame()
    assert frame is not None, "closed without an answer"
    assert frame[:4] == (0x84, 0, stream, Opcode.ERROR)
    code, length = struct.unpack_from(">iH", frame[4])
    assert code == ErrorCode.PROTOCOL_ERROR
    assert re.search(told, frame[4][6 : 6 + length].decode())
    assert bad.frame() is None


@pytest.mark.parametrize("opcode", [Opcode.OPTIONS, Opcode.STARTUP])
@pytest.mark.parametrize("version", [5, 6, 65, 66])
def test_a_newer_version_is_refused_in_version_4_and_the_connection_kept(
    version: int, opcode: Opcode, proxy: ProxyProcess, honest: RawClient
) -> None:
    with RawClient(proxy) as client:
        for _ in range(2):
            client.send(_frame(opcode, _STARTUP if opcode == Opcode.STARTUP else b"", version=version))
            frame = client.frame()
            assert frame is not None
            # On stream 0, whatever the request's: its header is not understood.
            assert frame[:4] == (0x84, 0, 0, Opcode.ERROR)
        client.start()
        client.serves()


@pytest.mark.parametrize("version", [0, 7, 22, 65, 66, 71])
def test_the_refusal_of_a_version_reads_as_the_nodes(
    version: int, proxy: ProxyProcess, primary: CassandraNode
) -> None:
    said = []
    for server in (primary, proxy):
        with RawClient(server) as client:
            client.send(_frame(Opcode.OPTIONS, b"", version=version))
            error = client.error()
            said.append((error.code, error.message.partition("; supported versions are ")))
    (direct_code, direct), (code, proxied) = said
    assert code == direct_code == ErrorCode.PROTOCOL_ERROR
    assert proxied[:2] == direct[:2]
    assert proxied[2] == "(3/v3, 4/v4)"
    assert direct[2].startswith("(3/v3, 4/v4, ")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x04\x00", id="half a header"),
        pytest.param(HEADER.pack(4, 0, 1, Opcode.QUERY, 100) + b"SELECT", id="half a body"),
    ],
)
def test_a_frame_that_is_cut_off_is_not_answered(sent: bytes, proxy: ProxyProcess, honest: RawClient) -> None:
    with RawClient(proxy) as bad:
        bad.start()
        bad.send(sent)
        bad.no_more()
        assert bad.frame() is None


def test_what_only_the_server_understands_is_the_servers_to_refuse(
    proxy: ProxyProcess, primary: CassandraNode, honest: RawClient
) -> None:
    unknown_consistency = Query("SELECT key FROM system.local").encode(4)[:-3] + b"\x00\x99\x00"
    not_utf8 = b"\x00\x00\x00\x02\xff\xfe\x00\x01\x00"
    for body in (unknown_consistency, not_utf8):
        said = []
        for server in (primary, proxy):
            with RawClient(server) as client:
                client.start()
                client.send(_frame(Opcode.QUERY, body))
                error = client.error()
                said.append((error.code, error.message))
                client.serves()
        assert said[0] == said[1]


@pytest.fixture(scope="module")
def relay(primary: CassandraNode) -> Iterator[Relay]:
    with Relay(primary) as relay:
        yield relay


@pytest.fixture(scope="module")
def behind_relay(start_module_proxy: StartProxy, primary: CassandraNode, relay: Relay) -> ProxyProcess:
    with RawClient(primary) as client:
        client.start()
        for text in (
            "CREATE KEYSPACE bad_clients WITH replication ="
            " {'class': 'SimpleStrategy', 'replication_factor': 1}",
            "CREATE TABLE bad_clients.t (id int PRIMARY KEY)",
        ):
            client.request(Query(text))
            client.expect(Opcode.RESULT, stream=1)
    return start_module_proxy(
        mode="primary_only",
        primary={"contact_points": [relay.address], "port": relay.port},
        request_timeout_ms=1500,
    )


@pytest.mark.parametrize(
    "violation",
    [
        pytest.param(HEADER.pack(4, 0, 4000, Opcode.QUERY, _LONGEST), id="found by the frame"),
        pytest.param(_frame(0x42, b"", stream=4000), id="found by the request"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "count", "apart", "told"),
    [
        pytest.param(Slow(0.5), 1, False, Opcode.RESULT, id="one"),
        pytest.param(Slow(0.5), 100, False, Opcode.RESULT, id="a hundred"),
        pytest.param(Slow(0.5), 100, True, Opcode.RESULT, id="read before"),
        pytest.param(Slow(0.5), 1500, False, Opcode.RESULT, id="more than may be at work"),
        pytest.param(Failing(None), 1500, False, Opcode.ERROR, id="never answered by the node"),
    ],
)
def test_what_came_before_a_violation_is_answered_before_it_is_told(
    fault: Fault,
    count: int,
    apart: bool,
    told: Opcode,
    violation: bytes,
    relay: Relay,
    behind_relay: ProxyProcess,
) -> None:
    question = Query("SELECT * FROM bad_clients.t WHERE id = 1").encode(4)
    asked = [_frame(Opcode.QUERY, question, stream=stream) for stream in range(count)]
    rest = [violation, _frame(Opcode.QUERY, _QUERY, stream=4001)]
    with RawClient(behind_relay) as bad:
        bad.start()
        relay.suffer(fault)
        try:
            if apart:
                bad.send(b"".join(asked))
                behind_relay.wait_until(lambda stats: stats["requests_under_way"] == count, 5, what="all")
                bad.send(b"".join(rest))
            else:
                bad.send(b"".join(asked + rest))
            answers = [bad.frame() for _ in range(count)]
            assert sorted(frame[2] for frame in answers if frame) == list(range(count))
            assert {frame[3] for frame in answers if frame} == {told}
            _refused_and_closed(bad, 4000, "longer than|Unexpected message 0x42")
        finally:
            relay.heal()
    behind_relay.wait_until(lambda stats: stats["client_connections"] == 0, 5, what="no connection")
    assert behind_relay.count("requests_under_way") == 0
    assert behind_relay.count("unhandled_errors") == 0


@pytest.mark.parametrize("unknown", [b"ab", b"a" * 0xFFFF], ids=["short", "as long as may be"])
def test_an_unknown_prepared_id_is_unprepared_with_that_id(
    unknown: bytes, proxy: ProxyProcess, honest: RawClient
) -> None:
    with RawClient(proxy) as client:
        client.start()
        client.send(_frame(Opcode.EXECUTE, struct.pack(">H", len(unknown)) + unknown + b"\x00\x01\x00"))
        error = client.error()
        assert isinstance(error, Unprepared)
        assert error.id == unknown
        client.serves()
    assert proxy.count("unhandled_errors") == 0


def test_bad_clients_leave_nothing_behind(proxy: ProxyProcess) -> None:
    before = proxy.count("protocol_errors")
    for sent in (_HTTP, _TLS_HELLO, HEADER.pack(4, 0, 1, Opcode.QUERY, 100) + b"SELECT"):
        for _ in range(20):
            with RawClient(proxy) as bad:
                bad.send(sent)
    for _ in range(200):
        with socket.create_connection((proxy.address, proxy.port)) as hasty:
            # Reset, so that the proxy may find it gone when it has just accepted it.
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    proxy.wait_until(lambda stats: stats["client_connections"] == 0, 10, what="no connection")
    assert proxy.count("unhandled_errors") == 0
    assert proxy.count("protocol_errors") - before == 40
    assert proxy.count("requests_under_way") == 0
