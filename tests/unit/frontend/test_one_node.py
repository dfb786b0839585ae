"""The answers that tell of nodes, as clients see them: only addresses, host id and tokens are ours."""

import json
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import pytest

from cqlproxy.frontend.one_node import TOKENS, Address, OneNode
from cqlproxy.routing.topology_reads import is_topology_read
from cqlproxy.statements import analyse
from frame_codec import (
    ColumnSpec,
    ColumnType,
    NativeType,
    Rows,
    RowsMetadata,
    SetType,
    TypeId,
    Void,
    decode_result,
)

INET, UUID, INT, TEXT, BIGINT = (
    NativeType(type_id) for type_id in (TypeId.INET, TypeId.UUID, TypeId.INT, TypeId.VARCHAR, TypeId.BIGINT)
)
REACHED = Address("127.0.0.7", 9142)
NODE = b"\x0a\x00\x00\x01"
HOST_ID = b"n" * 16


def one_node(advertised: str | None = None) -> OneNode:
    return OneNode(Address("0.0.0.0", 9142), advertised)


def rows(columns: Sequence[tuple[str, ColumnType]], *cells: tuple[bytes | None, ...]) -> bytes:
    specs = tuple(ColumnSpec("system", "local", name, column_type) for name, column_type in columns)
    return Rows(RowsMetadata.of(specs), list(cells)).encode(4)


def seen(text: str, body: bytes, node: OneNode | None = None) -> list[tuple[bytes | None, ...]]:
    answer = (node or one_node()).view(analyse(text), body, 0, 4, REACHED)
    result = decode_result(answer, 4)
    assert isinstance(result, Rows)
    assert result.metadata == _rows(body).metadata
    return result.rows


def _rows(body: bytes) -> Rows:
    result = decode_result(body, 4)
    assert isinstance(result, Rows)
    return result


def test_every_column_that_tells_of_the_node_is_patched_and_no_other() -> None:
    columns: list[tuple[str, ColumnType]] = [
        ("key", TEXT),
        ("rpc_address", INET),
        ("broadcast_address", INET),
        ("listen_address", INET),
        ("rpc_port", INT),
        ("host_id", UUID),
        ("tokens", SetType(TEXT)),
        ("data_center", TEXT),
        ("native_protocol_version", TEXT),
    ]
    node = one_node()
    body = rows(columns, (b"local", NODE, NODE, NODE, b"\0\0\x23\x52", HOST_ID, b"\0\0\0\0", b"dc1", b"5"))
    [row] = seen("SELECT * FROM system.local", body, node)
    address = IPv4Address(REACHED.host).packed
    assert row[:4] == (b"local", address, address, address)
    assert row[4] == REACHED.port.to_bytes(4, "big")
    assert row[5] == node.host_id.bytes
    assert row[7:] == (b"dc1", b"4")
    assert row[6] is not None
    assert int.from_bytes(row[6][:4], "big") == TOKENS


def test_an_alias_and_a_cast_do_not_hide_the_column() -> None:
    text = "SELECT rpc_address AS a, CAST(rpc_address AS text), host_id FROM system.local WHERE key = 'local'"
    body = rows(
        [("a", INET), ("cast_rpc_address_as_text", TEXT), ("host_id", UUID)], (NODE, b"10.0.0.1", HOST_ID)
    )
    [row] = seen(text, body)
    assert row[:2] == (IPv4Address(REACHED.host).packed, REACHED.host.encode())


def test_a_column_that_only_bears_a_patched_name_is_left_alone() -> None:
    body = rows([("rpc_address", TEXT)], (b"dc1",))
    assert seen("SELECT data_center AS rpc_address FROM system.local", body) == [(b"dc1",)]


def test_a_null_stays_null_and_no_row_stays_no_row() -> None:
    columns = [("rpc_address", INET)]
    assert seen("SELECT rpc_address FROM system.local", rows(columns, (None,))) == [(None,)]
    assert seen("SELECT rpc_address FROM system.local WHERE key = 'x'", rows(columns)) == []


def test_json_is_patched_inside() -> None:
    document = {
        "key": "local",
        "rpc_address": "10.0.0.1",
        "rpc_port": 9042,
        "rack": "r1",
        "truncated_at": None,
    }
    [row] = seen(
        "SELECT JSON * FROM system.local", rows([("[json]", TEXT)], (json.dumps(document).encode(),))
    )
    assert row[0] is not None
    assert json.loads(row[0]) == document | {"rpc_address": REACHED.host, "rpc_port": REACHED.port}


@pytest.mark.parametrize("table", ["system.peers", "system.peers_v2"])
def test_there_are_no_peers(table: str) -> None:
    body = rows([("peer", INET), ("host_id", UUID)], (NODE, HOST_ID), (NODE, HOST_ID))
    assert seen(f"SELECT peer, host_id FROM {table}", body) == []
    assert seen(f"SELECT * FROM {table}", body) == []


def test_peers_are_counted_as_none() -> None:
    body = rows([("count", BIGINT), ("system.max(peer)", INET)], ((2).to_bytes(8, "big"), NODE))
    assert seen("SELECT count(*), max(peer) FROM system.peers", body) == [(bytes(8), None)]


def test_what_stands_before_the_message_is_kept() -> None:
    body = b"tracing id here." + rows([("rpc_address", INET)], (NODE,))
    answer = one_node().view(analyse("SELECT rpc_address FROM system.local"), body, 16, 4, REACHED)
    assert answer[:16] == body[:16]
    result = decode_result(answer, 4, 16)
    assert isinstance(result, Rows)
    assert result.rows == [(IPv4Address(REACHED.host).packed,)]


def test_an_answer_without_rows_passes() -> None:
    body = Void().encode(4)
    assert one_node().view(analyse("SELECT * FROM system.local"), body, 0, 4, REACHED) == body


def test_an_advertised_address_is_shown_instead_of_the_one_reached() -> None:
    body = rows([("rpc_address", INET)], (NODE,))
    [row] = seen("SELECT rpc_address FROM system.local", body, one_node("2001:db8::7"))
    assert row == (IPv6Address("2001:db8::7").packed,)


def test_the_host_id_is_the_same_after_a_restart_and_another_for_another_proxy() -> None:
    assert one_node().host_id == one_node().host_id
    assert one_node().host_id != one_node("192.0.2.1").host_id


@pytest.mark.parametrize(
    ("text", "keyspace", "expected"),
    [
        ("SELECT * FROM system.local", None, True),
        ("select rpc_address from SYSTEM.Peers where peer = ?", None, True),
        ("SELECT * FROM system.peers_v2", "ks", True),
        ("SELECT * FROM local", "system", True),
        ("SELECT * FROM local", "ks", False),
        ("SELECT * FROM local", None, False),
        ("SELECT * FROM ks.local", "system", False),
        ('SELECT * FROM system."Local"', None, False),
        ("SELECT * FROM system_schema.tables", None, False),
        ("UPDATE system.local SET rack = 'x' WHERE key = 'local'", None, False),
        ("-- SELECT * FROM system.local\nSELECT * FROM ks.t", None, False),
    ],
)
def test_which_reads_tell_of_nodes(text: str, keyspace: str | None, expected: bool) -> None:
    assert is_topology_read(analyse(text), keyspace) is expected
