"""Requests and responses: the specification's layouts as bytes, encode then decode, and any bytes at all."""

from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    UNSET,
    AlreadyExists,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    ConsistencyLevel,
    Execute,
    Inet,
    NativeType,
    PlainError,
    Prepared,
    ProtocolError,
    Query,
    QueryParameters,
    ReadTimeout,
    Request,
    Response,
    Rows,
    RowsMetadata,
    SchemaChange,
    SchemaChangeEvent,
    SchemaChangeResult,
    StatusChangeEvent,
    TypeId,
    Unprepared,
    decode_prepared_id,
    decode_request,
    decode_response,
    error_body,
    error_code_and_message,
)
from tests.unit.frame_codec.strategies import errors, requests, responses, versions

_INT = NativeType(TypeId.INT)
_BLOB = NativeType(TypeId.BLOB)

REQUESTS: list[tuple[int, Request, str]] = [
    (4, Query("Q"), "00000001 51 0001 00"),
    (
        4,
        Query(
            "Q",
            QueryParameters(
                ConsistencyLevel.QUORUM,
                (b"\1", None, UNSET),
                None,
                True,
                100,
                b"\xab",
                ConsistencyLevel.LOCAL_SERIAL,
                1_000_000,
            ),
        ),
        "00000001 51 0004 3f 0003 00000001 01 ffffffff fffffffe 00000064 00000001 ab 0009 00000000000f4240",
    ),
    (
        3,
        Execute(b"\xde\xad", QueryParameters(values=(b"",), names=("n",))),
        "0002 dead 0001 41 0001 0001 6e 00000000",
    ),
    (
        4,
        Batch(
            BatchType.UNLOGGED,
            (BatchQuery("U", (b"\7",)), BatchQuery(b"\xaa\xbb")),
            ConsistencyLevel.ONE,
            ConsistencyLevel.SERIAL,
            -1,
        ),
        "01 0002 00 00000001 55 0001 00000001 07 01 0002 aabb 0000 0001 30 0008 ffffffffffffffff",
    ),
]

RESPONSES: list[tuple[int, Response, str]] = [
    (4, PlainError("no", 0x2200), "00002200 0002 6e6f"),
    (4, PlainError("slow", 0x4321, b"\1\0"), "00004321 0004 736c6f77 01 00"),
    (4, ReadTimeout("", ConsistencyLevel.TWO, 1, 2, True), "00001200 0000 0002 00000001 00000002 01"),
    (4, AlreadyExists("", "k", ""), "00002400 0000 0001 6b 0000"),
    (4, Unprepared("", b"\xca\xfe"), "00002500 0000 0002 cafe"),
    (
        4,
        Rows(RowsMetadata.of((ColumnSpec("k", "t", "c", _INT),), b"\1"), [(b"\0\0\0\5",), (None,)]),
        "00000002 00000003 00000001 00000001 01 0001 6b 0001 74 0001 63 0009"
        " 00000002 00000004 00000005 ffffffff",
    ),
    (
        4,
        Rows(RowsMetadata((), 2), [(b"", None)]),
        "00000002 00000004 00000002 00000001 00000000 ffffffff",
    ),
    (
        4,
        Prepared(
            b"\xff",
            BindMetadata((ColumnSpec("k", "t", "c", _INT), ColumnSpec("k", "u", "d", _BLOB)), (1, 0)),
            RowsMetadata((), 0),
        ),
        "00000004 0001 ff 00000000 00000002 00000002 0001 0000"
        " 0001 6b 0001 74 0001 63 0009 0001 6b 0001 75 0001 64 0003 00000004 00000000",
    ),
    (
        3,
        Prepared(b"\xff", BindMetadata((ColumnSpec("k", "t", "c", _INT),)), RowsMetadata((), 0)),
        "00000004 0001 ff 00000001 00000001 0001 6b 0001 74 0001 63 0009 00000004 00000000",
    ),
    (
        4,
        SchemaChangeResult(SchemaChange("DROPPED", "FUNCTION", "k", "f", ("int",))),
        "00000005 0007 44524f50504544 0008 46554e4354494f4e 0001 6b 0001 66 0001 0003 696e74",
    ),
    (
        4,
        StatusChangeEvent("UP", Inet(IPv4Address("10.0.0.1"), 9042)),
        "000d 5354415455535f4348414e4745 0002 5550 04 0a000001 00002352",
    ),
]


@pytest.mark.parametrize(("version", "request_", "wire"), REQUESTS)
def test_request_vectors(version: int, request_: Request, wire: str) -> None:
    body = bytes.fromhex(wire)
    assert request_.encode(version) == body
    assert decode_request(request_.opcode, body, version) == request_


@pytest.mark.parametrize(("version", "response", "wire"), RESPONSES)
def test_response_vectors(version: int, response: Response, wire: str) -> None:
    body = bytes.fromhex(wire)
    assert response.encode(version) == body
    assert decode_response(response.opcode, body, version) == response


@given(versions.flatmap(lambda v: st.tuples(st.just(v), requests(v))), st.binary(max_size=4))
def test_requests_there_and_back(case: tuple[int, Request], before: bytes) -> None:
    version, request = case
    body = before + request.encode(version)
    assert decode_request(request.opcode, body, version, len(before)) == request


@given(versions.flatmap(lambda v: st.tuples(st.just(v), responses(v))), st.binary(max_size=4))
def test_responses_there_and_back(case: tuple[int, Response], before: bytes) -> None:
    version, response = case
    body = before + response.encode(version)
    assert decode_response(response.opcode, body, version, len(before)) == response


@given(versions.flatmap(lambda v: st.tuples(st.just(v), requests(v))))
def test_requests_cut_short(case: tuple[int, Request]) -> None:
    version, request = case
    body = request.encode(version)
    for size in range(len(body)):
        with pytest.raises(ProtocolError):
            decode_request(request.opcode, body[:size], version)


@given(versions.flatmap(lambda v: st.tuples(st.just(v), responses(v))))
def test_responses_cut_short(case: tuple[int, Response]) -> None:
    version, response = case
    body = response.encode(version)
    # What follows an unknown error's message is of unknown length.
    least = len(response.detail) if isinstance(response, PlainError) else 0
    for size in range(len(body) - least):
        with pytest.raises(ProtocolError):
            decode_response(response.opcode, body[:size], version)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[int, int, bytes]:
    """Version, opcode and a body that was valid until some of its bytes were changed, or any bytes."""
    version = draw(versions)
    message = draw(requests(version) | responses(version))
    body = bytearray(message.encode(version))
    for _ in range(draw(st.integers(0, 3)) if body else 0):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    return version, message.opcode, bytes(body)


@given(damaged() | st.tuples(versions, st.integers(0, 20), st.binary(max_size=60)))
def test_any_bytes_give_a_message_or_a_protocol_error(case: tuple[int, int, bytes]) -> None:
    version, opcode, body = case
    for decode in (decode_request, decode_response):
        with suppress(ProtocolError):
            decode(opcode, body, version)


@pytest.mark.parametrize(
    "wire",
    [
        "00000002 00000004 7fffffff 00000001",  # two billion columns, not there
        "00000002 00000004 00000000 7fffffff",  # two billion rows of nothing
        "00000002 00000000 7fffffff 00000000",
        "00000002 00000004 00000001 ffffffff",
        "00000002 00000001 00000001 0000 0000 0000" + "0020" * 1000,  # a list of lists of lists...
        "00000004 0000 00000000 00000000 7fffffff",
        "00000006",
        "00000002 00000001 00000001 0000 0000 0000 0050 00000000",
    ],
)
def test_hostile_results_cost_nothing(wire: str) -> None:
    with pytest.raises(ProtocolError):
        decode_response(8, bytes.fromhex(wire), 4)


def test_opcodes_of_the_other_direction_and_unknown_ones() -> None:
    with pytest.raises(ProtocolError, match="0x08 is not that of a request"):
        decode_request(8, b"", 4)
    with pytest.raises(ProtocolError, match="0x04 is not that of a response"):
        decode_response(4, b"", 4)


def test_functions_are_updates_of_their_keyspace_in_v3() -> None:
    event = SchemaChangeEvent(SchemaChange("CREATED", "AGGREGATE", "k", "f", ()))
    assert decode_response(12, event.encode(3), 3) == SchemaChangeEvent(
        SchemaChange("UPDATED", "KEYSPACE", "k")
    )


def test_rows_must_fit_their_columns() -> None:
    with pytest.raises(ValueError, match="Row of 1 values in a result of 2 columns"):
        Rows(RowsMetadata((), 2), [(None,)]).encode(4)
    with pytest.raises(ValueError, match="column_count of 3"):
        RowsMetadata((ColumnSpec("k", "t", "c", _INT),), 3)


@given(errors)
def test_code_and_message_of_every_error(error: PlainError) -> None:
    assert error_code_and_message(error.encode(4)) == (error.code, error.message)


def test_error_body_cuts_a_message_that_is_too_long() -> None:
    code, message = error_code_and_message(error_body(0x1001, "é" * 40_000))
    assert (code, message) == (0x1001, "é" * 32_767)


def test_the_message_of_an_error_with_fields_is_cut_as_well() -> None:
    error = decode_response(0x00, Unprepared("é" * 40_000, b"\1\2").encode(4), 4)
    assert error == Unprepared("é" * 32_767, b"\1\2")
    assert error_code_and_message(Unprepared("\ud800", b"").encode(4))[1] == "?"


def test_prepared_id_alone() -> None:
    body = Prepared(b"\1\2", BindMetadata(()), RowsMetadata((), 0)).encode(4)
    assert decode_prepared_id(b"xx" + body, 2) == b"\1\2"
    with pytest.raises(ProtocolError, match="got kind 1"):
        decode_prepared_id(b"\0\0\0\1")
