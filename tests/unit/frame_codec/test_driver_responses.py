"""scylla-driver's decoders as the oracle: it reads what we write as we meant it."""

from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from cassandra.cqltypes import UserType
from cassandra.protocol import ProtocolHandler
from cassandra.protocol_features import ProtocolFeatures
from hypothesis import given
from hypothesis import strategies as st

from frame_codec import (
    AlreadyExists,
    AuthChallenge,
    Authenticate,
    AuthSuccess,
    BindMetadata,
    ColumnSpec,
    ColumnType,
    ErrorResponse,
    FunctionFailure,
    ListType,
    MapType,
    NativeType,
    PlainError,
    Prepared,
    ReadFailure,
    ReadTimeout,
    Ready,
    Response,
    ResponsePrefix,
    Rows,
    RowsMetadata,
    SchemaChange,
    SchemaChangeEvent,
    SchemaChangeResult,
    SetKeyspace,
    SetType,
    StatusChangeEvent,
    Supported,
    TopologyChangeEvent,
    TupleType,
    TypeId,
    UdtType,
    Unavailable,
    Unprepared,
    Void,
    WriteFailure,
    WriteTimeout,
)
from tests.unit.frame_codec.strategies import errors, events, names, schema_changes, versions


def _decode(response: Response, version: int = 4, prefix: ResponsePrefix | None = None) -> Any:
    """What the driver makes of `response`."""
    prefix = prefix or ResponsePrefix()
    body = prefix.encode() + response.encode(version)
    return ProtocolHandler.decode_message(
        version, ProtocolFeatures(), {}, 5, int(prefix.flags), response.opcode, body, None, []
    )


def _error_info(error: ErrorResponse) -> object:
    from cassandra import WriteType

    match error:
        case Unavailable():
            return {
                "consistency": error.consistency,
                "required_replicas": error.required,
                "alive_replicas": error.alive,
            }
        case WriteTimeout():
            return {
                "consistency": error.consistency,
                "received_responses": error.received,
                "required_responses": error.block_for,
                "write_type": WriteType.name_to_value[error.write_type],
            }
        case ReadTimeout():
            return {
                "consistency": error.consistency,
                "received_responses": error.received,
                "required_responses": error.block_for,
                "data_retrieved": error.data_present,
            }
        case ReadFailure():
            return {
                "consistency": error.consistency,
                "received_responses": error.received,
                "required_responses": error.block_for,
                "failures": error.failures,
                "error_code_map": None,
                "data_retrieved": error.data_present,
            }
        case WriteFailure():
            return {
                "consistency": error.consistency,
                "received_responses": error.received,
                "required_responses": error.block_for,
                "failures": error.failures,
                "error_code_map": None,
                "write_type": WriteType.name_to_value[error.write_type],
            }
        case FunctionFailure():
            return {
                "keyspace": error.keyspace,
                "function": error.function,
                "arg_types": list(error.argument_types),
            }
        case AlreadyExists():
            return {"keyspace": error.keyspace, "table": error.table}
        case Unprepared():
            return error.id
    return None


@given(versions, errors)
def test_errors(version: int, error: ErrorResponse) -> None:
    message = _decode(error, version)
    assert (message.code, message.message, message.info) == (error.code, error.message, _error_info(error))


def test_the_prefix() -> None:
    prefix = ResponsePrefix(UUID(int=7), ("careful",), {"k": b"v", "n": None})
    message = _decode(Void(), prefix=prefix)
    assert (message.trace_id, message.warnings, message.custom_payload) == (
        prefix.tracing_id,
        ["careful"],
        prefix.custom_payload,
    )


def test_handshake() -> None:
    assert _decode(Ready()).name == "READY"
    assert _decode(Authenticate("org.example.Auth")).authenticator == "org.example.Auth"
    supported = _decode(Supported({"CQL_VERSION": ["3.4.7"], "COMPRESSION": ["lz4", "snappy"]}))
    assert supported.cql_versions == ["3.4.7"]
    assert supported.options == {"COMPRESSION": ["lz4", "snappy"]}
    assert _decode(AuthChallenge(b"token")).challenge == b"token"
    assert _decode(AuthSuccess(b"done")).token == "done"


_natives = st.sampled_from(
    [
        NativeType(t)
        for t in TypeId
        if TypeId.ASCII <= t <= TypeId.DURATION and t not in (TypeId.TEXT, TypeId.COUNTER)
    ]
)
_types: st.SearchStrategy[ColumnType] = st.recursive(
    _natives,
    lambda inner: st.one_of(
        st.builds(ListType, inner),
        st.builds(SetType, inner),
        st.builds(MapType, inner, inner),
        st.builds(TupleType, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(
            UdtType,
            st.just("ks"),
            names,
            st.lists(st.tuples(names, inner), min_size=1, max_size=3, unique_by=lambda f: f[0]).map(tuple),
        ),
    ),
    max_leaves=5,
)


def _same_type(theirs: Any, ours: ColumnType) -> bool:
    """Compares the trees: the driver's names of types say `frozen` in places."""
    match ours:
        case ListType(element) | SetType(element):
            return theirs.typename == ours.cql_name[: ours.cql_name.index("<")] and _same_type(
                theirs.subtypes[0], element
            )
        case MapType(key, value):
            return _same_type(theirs.subtypes[0], key) and _same_type(theirs.subtypes[1], value)
        case TupleType(elements):
            return len(theirs.subtypes) == len(elements) and all(map(_same_type, theirs.subtypes, elements))
        case UdtType(keyspace, name, fields):
            return (
                issubclass(theirs, UserType)
                and (theirs.keyspace, theirs.typename) == (keyspace, name)
                and list(theirs.fieldnames) == [field for field, _ in fields]
                and all(map(_same_type, theirs.subtypes, [field_type for _, field_type in fields]))
            )
        case NativeType():
            return bool(theirs.typename.removeprefix("var").replace("char", "text") == ours.cql_name) or (
                theirs.typename == ours.cql_name
            )
    return False


_specs = st.lists(
    st.builds(ColumnSpec, st.sampled_from(["ks", "other"]), st.just("t"), names, _types),
    min_size=1,
    max_size=4,
).map(tuple)


def _assert_same_columns(theirs: list[tuple[str, str, str, Any]], ours: tuple[ColumnSpec, ...]) -> None:
    assert [column[:3] for column in theirs] == [(c.keyspace, c.table, c.name) for c in ours]
    for column, spec in zip(theirs, ours, strict=True):
        assert _same_type(column[3], spec.type), (column[3], spec.type)


@given(_specs, st.none() | st.binary(min_size=1, max_size=5))
def test_metadata_of_rows(specs: tuple[ColumnSpec, ...], paging_state: bytes | None) -> None:
    message = _decode(Rows(RowsMetadata.of(specs, paging_state), [(None,) * len(specs)]))
    assert message.paging_state == paging_state
    assert message.column_names == [spec.name for spec in specs]
    for theirs, spec in zip(message.column_types, specs, strict=True):
        assert _same_type(theirs, spec.type), (theirs, spec.type)
    assert [len(row) for row in message.parsed_rows] == [len(specs)]


@given(st.lists(st.tuples(st.binary(max_size=9), st.none() | st.text(max_size=9)), max_size=5))
def test_rows(values: list[tuple[bytes, str | None]]) -> None:
    specs = (
        ColumnSpec("k", "t", "b", NativeType(TypeId.BLOB)),
        ColumnSpec("k", "t", "s", NativeType(TypeId.VARCHAR)),
    )
    rows: list[tuple[bytes | None, ...]] = [
        (blob, None if text is None else text.encode()) for blob, text in values
    ]
    message = _decode(Rows(RowsMetadata.of(specs), rows))
    assert [tuple(row) for row in message.parsed_rows] == values


@given(versions, _specs, st.lists(st.integers(0, 65535), max_size=3).map(tuple), _specs)
def test_prepared(
    version: int, bound: tuple[ColumnSpec, ...], pk_indexes: tuple[int, ...], selected: tuple[ColumnSpec, ...]
) -> None:
    prepared = Prepared(b"\1\2\3", BindMetadata(bound, pk_indexes), RowsMetadata.of(selected))
    message = _decode(prepared, version)
    assert message.query_id == b"\1\2\3"
    assert message.pk_indexes == (list(pk_indexes) if version >= 4 else None)
    theirs = [(c.keyspace_name, c.table_name, c.name, c.type) for c in message.bind_metadata]
    _assert_same_columns(theirs, bound)
    _assert_same_columns(message.column_metadata, selected)


def test_prepared_without_result_columns() -> None:
    message = _decode(Prepared(b"", BindMetadata(()), RowsMetadata((), 0)))
    assert (message.bind_metadata, message.column_metadata, message.pk_indexes) == ([], None, [])


@given(st.text(max_size=5))
def test_set_keyspace(keyspace: str) -> None:
    assert _decode(SetKeyspace(keyspace)).new_keyspace == keyspace


def _change_fields(change: SchemaChange) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "target_type": change.target,
        "change_type": change.change,
        "keyspace": change.keyspace,
    }
    if change.name is not None:
        fields[change.target.lower()] = change.name
    return fields


def _flat(theirs: dict[str, Any], change: SchemaChange) -> dict[str, Any]:
    """The driver wraps functions and aggregates in a descriptor with their argument types."""
    if change.argument_types is None:
        return theirs
    key = change.target.lower()
    assert theirs[key].argument_types == list(change.argument_types)
    return {**theirs, key: theirs[key].name}


@given(versions.flatmap(lambda v: st.tuples(st.just(v), schema_changes(v))))
def test_schema_changes(case: tuple[int, SchemaChange]) -> None:
    version, change = case
    result = _decode(SchemaChangeResult(change), version).schema_change_event
    event = _decode(SchemaChangeEvent(change), version).event_args
    assert _flat(result, change) == _flat(event, change) == _change_fields(change)


@given(events(4))
def test_node_events(event: TopologyChangeEvent | StatusChangeEvent | SchemaChangeEvent) -> None:
    message = _decode(event)
    if isinstance(event, SchemaChangeEvent):
        assert message.event_type == "SCHEMA_CHANGE"
    else:
        address, port = message.event_args.pop("address")
        # The driver writes some IPv6 addresses in another way.
        assert (ip_address(address), port) == event.node
        assert message.event_args == {"change_type": event.change}


_PLAIN_CODES = [0x0000, 0x000A, 0x0100, 0x1001, 0x1002, 0x1003, 0x2000, 0x2100, 0x2200, 0x2300]


@pytest.mark.parametrize("code", _PLAIN_CODES)
def test_the_driver_knows_each_plain_code(code: int) -> None:
    assert type(_decode(PlainError("m", code))).__name__ != "ErrorMessage"
