"""Each notation of section 3: its bytes, there and back, cut short, and out of range."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frame_codec as fc
from frame_codec import UNSET, ConsistencyLevel, Inet, ProtocolError, Reader

Write = Callable[[bytearray], None]
Read = Callable[[Reader], object]


def _write_two_options(out: bytearray) -> None:
    fc.write_option(out, 9)
    fc.write_option(out, 0, b"\0\1x")


_UUID = UUID("00112233-4455-6677-8899-aabbccddeeff")

VECTORS: list[tuple[str, Write, Read, object]] = [
    ("7f", lambda o: fc.write_byte(o, 127), Reader.read_byte, 127),
    ("ff", lambda o: fc.write_byte(o, 255), Reader.read_byte, 255),
    ("ffff", lambda o: fc.write_short(o, 65535), Reader.read_short, 65535),
    ("ffffffff", lambda o: fc.write_int(o, -1), Reader.read_int, -1),
    ("80000000", lambda o: fc.write_int(o, -(2**31)), Reader.read_int, -(2**31)),
    ("7fffffffffffffff", lambda o: fc.write_long(o, 2**63 - 1), Reader.read_long, 2**63 - 1),
    ("0000", lambda o: fc.write_string(o, ""), Reader.read_string, ""),
    ("0003 61c3a9", lambda o: fc.write_string(o, "aé"), Reader.read_string, "aé"),
    ("00000002 c3a9", lambda o: fc.write_long_string(o, "é"), Reader.read_long_string, "é"),
    (_UUID.hex, lambda o: fc.write_uuid(o, _UUID), Reader.read_uuid, _UUID),
    (
        "0002 0001 61 0000",
        lambda o: fc.write_string_list(o, ["a", ""]),
        Reader.read_string_list,
        ["a", ""],
    ),
    ("00000000", lambda o: fc.write_bytes(o, b""), Reader.read_bytes, b""),
    ("00000001 00", lambda o: fc.write_bytes(o, b"\0"), Reader.read_bytes, b"\0"),
    ("ffffffff", lambda o: fc.write_bytes(o, None), Reader.read_bytes, None),
    ("00000001 05", lambda o: fc.write_value(o, b"\5", 4), lambda r: r.read_value(4), b"\5"),
    ("ffffffff", lambda o: fc.write_value(o, None, 4), lambda r: r.read_value(4), None),
    ("fffffffe", lambda o: fc.write_value(o, UNSET, 4), lambda r: r.read_value(4), UNSET),
    ("0002 0102", lambda o: fc.write_short_bytes(o, b"\1\2"), Reader.read_short_bytes, b"\1\2"),
    (
        "0009 0000 0001 78",
        lambda o: _write_two_options(o),
        lambda r: (r.read_option(int), r.read_option(lambda _: r.read_string())),
        (9, "x"),
    ),
    (
        "0002 0009 0001",
        lambda o: fc.write_option_list(o, [(9, b""), (1, b"")]),
        lambda r: r.read_option_list(int),
        [9, 1],
    ),
    (
        "04 7f000001 00002352",
        lambda o: fc.write_inet(o, Inet(IPv4Address("127.0.0.1"), 9042)),
        Reader.read_inet,
        Inet(IPv4Address("127.0.0.1"), 9042),
    ),
    (
        "10 00000000000000000000000000000001",
        lambda o: fc.write_inetaddr(o, IPv6Address("::1")),
        Reader.read_inetaddr,
        IPv6Address("::1"),
    ),
    (
        "0006",
        lambda o: fc.write_consistency(o, ConsistencyLevel.LOCAL_QUORUM),
        Reader.read_consistency,
        ConsistencyLevel.LOCAL_QUORUM,
    ),
    (
        "0001 0001 6b 0001 76",
        lambda o: fc.write_string_map(o, {"k": "v"}),
        Reader.read_string_map,
        {"k": "v"},
    ),
    (
        "0001 0001 6b 0002 0001 76 0001 77",
        lambda o: fc.write_string_multimap(o, {"k": ["v", "w"]}),
        Reader.read_string_multimap,
        {"k": ["v", "w"]},
    ),
    (
        "0002 0001 6b 00000001 ff 0001 6e ffffffff",
        lambda o: fc.write_bytes_map(o, {"k": b"\xff", "n": None}),
        Reader.read_bytes_map,
        {"k": b"\xff", "n": None},
    ),
]


@pytest.mark.parametrize(("wire", "write", "read", "value"), VECTORS)
class TestVectors:
    def test_write(self, wire: str, write: Write, read: Read, value: object) -> None:
        out = bytearray(b"before")
        write(out)
        assert bytes(out) == b"before" + bytes.fromhex(wire)

    def test_read(self, wire: str, write: Write, read: Read, value: object) -> None:
        reader = Reader(b"before" + bytes.fromhex(wire) + b"after", 6)
        assert read(reader) == value
        assert reader.remaining == len(b"after")

    def test_every_truncation(self, wire: str, write: Write, read: Read, value: object) -> None:
        body = bytes.fromhex(wire)
        for size in range(len(body)):
            with pytest.raises(ProtocolError, match="Truncated message"):
                read(Reader(body[:size]))


READS: list[Read] = [read for _, _, read, _ in VECTORS] + [lambda r: r.read_value(3)]


@given(body=st.binary(max_size=40), offset=st.integers(0, 50), read=st.sampled_from(READS))
def test_any_bytes_give_a_value_or_a_protocol_error(body: bytes, offset: int, read: Read) -> None:
    reader = Reader(body, offset)
    try:
        read(reader)
    except ProtocolError:
        return
    assert offset <= reader.offset <= len(body)


@pytest.mark.parametrize(
    ("wire", "read", "message"),
    [
        ("0001 ff", Reader.read_string, "not UTF-8"),
        ("0002 c328", Reader.read_string, "not UTF-8"),
        ("0003 eda080", Reader.read_string, "not UTF-8"),
        ("ffffffff", Reader.read_long_string, "Truncated"),
        ("00000001 80", Reader.read_long_string, "not UTF-8"),
        ("fffffffd", lambda r: r.read_value(4), "Invalid length"),
        ("000b", Reader.read_consistency, "Unknown consistency level: 0x000b"),
        ("05 0000000000", Reader.read_inetaddr, "expected 4 or 16"),
        ("ffffffff", lambda r: r.read_count("rows"), "Negative number of rows"),
    ],
)
def test_invalid(wire: str, read: Read, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        read(Reader(bytes.fromhex(wire)))


@pytest.mark.parametrize("length", [-1, -2, -3, -(2**31)])
def test_every_negative_length_is_null_in_bytes_and_in_v3(length: int) -> None:
    body = length.to_bytes(4, "big", signed=True)
    assert Reader(body).read_bytes() is None
    assert Reader(body).read_value(3) is None


@pytest.mark.parametrize(
    "write",
    [
        lambda o: fc.write_byte(o, 256),
        lambda o: fc.write_short(o, -1),
        lambda o: fc.write_int(o, 2**31),
        lambda o: fc.write_long(o, 2**63),
        lambda o: fc.write_string(o, "x" * 65536),
        lambda o: fc.write_string(o, "\ud800"),
        lambda o: fc.write_short_bytes(o, b"x" * 65536),
        lambda o: fc.write_string_list(o, ["x"] * 65536),
        lambda o: fc.write_value(o, UNSET, 3),
    ],
)
def test_what_a_notation_cannot_hold_is_the_callers_fault(write: Write) -> None:
    with pytest.raises(ValueError, match=r"."):
        write(bytearray())
