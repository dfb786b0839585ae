"""scylla-driver's encoders as the oracle: we read what it writes, and write the same bytes."""

from typing import Any

import pytest
from cassandra import ConsistencyLevel as DriverConsistency
from cassandra.protocol import (
    _UNSET_VALUE,
    AuthResponseMessage,
    BatchMessage,
    ExecuteMessage,
    OptionsMessage,
    PrepareMessage,
    ProtocolHandler,
    QueryMessage,
    RegisterMessage,
    StartupMessage,
)
from cassandra.protocol_features import ProtocolFeatures
from cassandra.query import BatchType as DriverBatchType
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    HEADER_LENGTH,
    REQUEST_VERSIONS,
    UNSET,
    AuthResponse,
    Batch,
    ConsistencyLevel,
    Execute,
    FrameDecoder,
    FrameFlag,
    Options,
    Prepare,
    Query,
    QueryParameters,
    Register,
    Request,
    Startup,
    Value,
    after_custom_payload,
    compress,
    decode_custom_payload,
    decode_request,
    decompress,
)
from tests.unit.frame_codec.strategies import batches, query_parameters, requests, versions


def _driver_value(value: Value) -> object:
    return _UNSET_VALUE if value is UNSET else value


def _driver_parameters(fields: QueryParameters) -> dict[str, object]:
    """Keyword arguments of QueryMessage and ExecuteMessage; the driver has no names and no empty list."""
    return {
        "query_params": [_driver_value(value) for value in fields.values] or None,
        "consistency_level": fields.consistency,
        "serial_consistency_level": fields.serial_consistency,
        "fetch_size": fields.page_size,
        "paging_state": fields.paging_state,
        "timestamp": fields.timestamp,
    }


def _driver_message(request: Request) -> Any:
    match request:
        case Options():
            return OptionsMessage()
        case Startup(options):
            others = {key: value for key, value in options.items() if key != "CQL_VERSION"}
            return StartupMessage(options["CQL_VERSION"], others)
        case AuthResponse(token):
            return AuthResponseMessage(token)
        case Query(text, fields):
            return QueryMessage(text, **_driver_parameters(fields))
        case Prepare(text):
            return PrepareMessage(text)
        case Execute(prepared_id, fields):
            return ExecuteMessage(prepared_id, **_driver_parameters(fields))
        case Batch(batch_type, queries, consistency, serial, timestamp):
            triples = [
                (isinstance(q.text_or_id, bytes), q.text_or_id, [_driver_value(v) for v in q.values])
                for q in queries
            ]
            kind = (DriverBatchType.LOGGED, DriverBatchType.UNLOGGED, DriverBatchType.COUNTER)[batch_type]
            return BatchMessage(kind, triples, consistency, serial, timestamp)
        case Register(event_types):
            return RegisterMessage(list(event_types))


def _driver_can_send(request: Request) -> bool:
    """The driver leaves out what is falsy or has no place in its objects; it takes no negative timestamp."""
    match request:
        case Startup(options):
            # It puts CQL_VERSION last.
            return list(options)[-1:] == ["CQL_VERSION"]
        case AuthResponse(token):
            return token is not None
        case Query(_, fields) | Execute(_, fields):
            return (
                fields.names is None
                and not fields.skip_metadata
                and fields.page_size != 0
                and fields.paging_state != b""
                and fields.serial_consistency != ConsistencyLevel.ANY
                and (fields.timestamp or 0) >= 0
            )
        case Batch():
            return request.serial_consistency != ConsistencyLevel.ANY and (request.timestamp or 0) >= 0
    return True


@st.composite
def _sendable(draw: st.DrawFn) -> tuple[int, Request]:
    version = draw(versions)
    positional = query_parameters(version, named=False)
    chosen = st.one_of(
        requests(version),
        st.builds(Startup, st.just({"COMPRESSION": "lz4", "CQL_VERSION": "3.4.7"})),
        st.builds(Query, st.text(), positional),
        st.builds(Execute, st.binary(min_size=16, max_size=16), positional),
        batches(version),
    )
    return version, draw(chosen.filter(_driver_can_send))


@given(_sendable(), st.integers(0, 32767), st.booleans())
def test_we_read_what_the_driver_writes_and_write_the_same(
    case: tuple[int, Request], stream: int, tracing: bool
) -> None:
    version, request = case
    message = _driver_message(request)
    message.tracing = tracing
    wire = ProtocolHandler.encode_message(message, stream, version, None, False, ProtocolFeatures())
    decoder = FrameDecoder(max_body_length=1 << 20, versions=REQUEST_VERSIONS)
    flags = int(FrameFlag.TRACING) if tracing else 0
    body = request.encode(version)
    assert decoder.feed(wire) == [(version, flags, stream, request.opcode, body)]
    assert decode_request(request.opcode, wire[HEADER_LENGTH:], version) == request


@pytest.mark.parametrize("level", ConsistencyLevel)
def test_consistency_levels_have_the_drivers_numbers(level: ConsistencyLevel) -> None:
    assert DriverConsistency.name_to_value[level.name] == level


@given(st.dictionaries(st.text(max_size=5), st.none() | st.binary(max_size=5), min_size=1, max_size=3))
def test_custom_payload(payload: dict[str, bytes | None]) -> None:
    message = PrepareMessage("SELECT")
    message.custom_payload = payload
    wire = ProtocolHandler.encode_message(message, 0, 4, None, False, ProtocolFeatures())
    assert wire[1] == FrameFlag.CUSTOM_PAYLOAD
    body = wire[HEADER_LENGTH:]
    assert decode_custom_payload(body) == payload
    assert decode_request(9, body, 4, after_custom_payload(body)) == Prepare("SELECT")


def test_lz4() -> None:
    from cassandra.connection import lz4_compress, lz4_decompress

    text = "SELECT " + "x" * 500
    wire = ProtocolHandler.encode_message(PrepareMessage(text), 0, 4, lz4_compress, False, ProtocolFeatures())
    assert wire[1] == FrameFlag.COMPRESSED
    body = decompress(wire[HEADER_LENGTH:], 1000)
    assert Prepare.decode(body, 4) == Prepare(text)
    assert lz4_decompress(compress(body)) == body
