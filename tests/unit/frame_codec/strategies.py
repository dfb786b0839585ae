"""Hypothesis strategies for the messages and column types of frame_codec."""

import string

from hypothesis import strategies as st

from frame_codec import (
    UNSET,
    AlreadyExists,
    AuthChallenge,
    Authenticate,
    AuthResponse,
    AuthSuccess,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    ColumnType,
    ConsistencyLevel,
    CustomType,
    ErrorCode,
    ErrorResponse,
    Event,
    EventType,
    Execute,
    FunctionFailure,
    Inet,
    ListType,
    MapType,
    NativeType,
    Options,
    PlainError,
    Prepare,
    Prepared,
    Query,
    QueryParameters,
    ReadFailure,
    ReadTimeout,
    Ready,
    Register,
    Request,
    Response,
    Result,
    Rows,
    RowsMetadata,
    SchemaChange,
    SchemaChangeEvent,
    SchemaChangeResult,
    SetKeyspace,
    SetType,
    Startup,
    StatusChangeEvent,
    Supported,
    TopologyChangeEvent,
    TupleType,
    TypeId,
    UdtType,
    Unavailable,
    Unprepared,
    Value,
    Void,
    WriteFailure,
    WriteTimeout,
    WriteType,
)

versions = st.sampled_from([3, 4])
texts = st.text(max_size=12)
names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
blobs = st.binary(max_size=24)
ints = st.integers(-(2**31), 2**31 - 1)
longs = st.integers(-(2**63), 2**63 - 1)
shorts = st.integers(0, 0xFFFF)
levels = st.sampled_from(ConsistencyLevel)
nullable_blobs = st.none() | blobs
nodes = st.builds(Inet, st.ip_addresses(), ints)


def values(version: int) -> st.SearchStrategy[Value]:
    """Bound values that the version can carry."""
    return nullable_blobs | st.just(UNSET) if version >= 4 else nullable_blobs


@st.composite
def query_parameters(draw: st.DrawFn, version: int, named: bool | None = None) -> QueryParameters:
    """Parameters with any fields; `named` fixes whether the values have names."""
    bound = tuple(draw(st.lists(values(version), max_size=6)))
    has_names = draw(st.booleans()) if named is None else named
    return QueryParameters(
        consistency=draw(levels),
        values=bound,
        names=tuple(draw(names) for _ in bound) if has_names and bound else None,
        skip_metadata=draw(st.booleans()),
        page_size=draw(st.none() | ints),
        paging_state=draw(nullable_blobs),
        serial_consistency=draw(st.none() | levels),
        timestamp=draw(st.none() | longs),
    )


def batches(version: int) -> st.SearchStrategy[Batch]:
    """Batches that mix texts and prepared ids."""
    queries = st.builds(BatchQuery, texts | blobs, st.lists(values(version), max_size=4).map(tuple))
    return st.builds(
        Batch,
        st.sampled_from(BatchType),
        st.lists(queries, max_size=6).map(tuple),
        levels,
        st.none() | levels,
        st.none() | longs,
    )


def requests(version: int) -> st.SearchStrategy[Request]:
    """Every kind of request."""
    return st.one_of(
        st.builds(Startup, st.dictionaries(texts, texts, max_size=4)),
        st.just(Options()),
        st.builds(AuthResponse, nullable_blobs),
        st.builds(Query, texts, query_parameters(version)),
        st.builds(Prepare, texts),
        st.builds(Execute, blobs, query_parameters(version)),
        batches(version),
        st.builds(Register, st.lists(st.sampled_from(EventType) | texts, max_size=4).map(tuple)),
    )


natives = st.sampled_from([NativeType(t) for t in TypeId if TypeId.ASCII <= t <= TypeId.DURATION])

column_types: st.SearchStrategy[ColumnType] = st.recursive(
    natives | st.builds(CustomType, texts),
    lambda inner: st.one_of(
        st.builds(ListType, inner),
        st.builds(SetType, inner),
        st.builds(MapType, inner, inner),
        st.builds(TupleType, st.lists(inner, max_size=3).map(tuple)),
        st.builds(UdtType, names, names, st.lists(st.tuples(names, inner), max_size=3).map(tuple)),
    ),
    max_leaves=6,
)

columns = st.lists(
    st.builds(ColumnSpec, st.sampled_from(["ks", "other"]), st.just("t"), names, column_types), max_size=4
).map(tuple)


@st.composite
def rows_metadata(draw: st.DrawFn) -> RowsMetadata:
    """With columns, or with their number alone."""
    specs = draw(columns)
    count = len(specs) or draw(st.integers(0, 3))
    return RowsMetadata(specs, count, draw(nullable_blobs))


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Rows that fit their metadata; none when there are no columns."""
    metadata = draw(rows_metadata())
    width = metadata.column_count
    found = draw(st.lists(st.tuples(*[nullable_blobs] * width), max_size=4)) if width else []
    return Rows(metadata, found)


def schema_changes(version: int) -> st.SearchStrategy[SchemaChange]:
    """Changes of the targets that the version knows."""
    changes = st.sampled_from(["CREATED", "UPDATED", "DROPPED"])
    known = [
        st.builds(SchemaChange, changes, st.just("KEYSPACE"), texts),
        st.builds(SchemaChange, changes, st.sampled_from(["TABLE", "TYPE"]), texts, texts),
    ]
    if version >= 4:
        arguments = st.lists(texts, max_size=3).map(tuple)
        functions = st.sampled_from(["FUNCTION", "AGGREGATE"])
        known.append(st.builds(SchemaChange, changes, functions, texts, texts, arguments))
    return st.one_of(known)


def results(version: int) -> st.SearchStrategy[Result]:
    """Every kind of RESULT."""
    pk_indexes = st.lists(shorts, max_size=3).map(tuple) if version >= 4 else st.just(())
    bound = st.builds(BindMetadata, columns, pk_indexes, st.sampled_from([0, 0x40000000]))
    return st.one_of(
        st.just(Void()),
        rows(),
        st.builds(SetKeyspace, texts),
        st.builds(Prepared, blobs, bound, rows_metadata()),
        st.builds(SchemaChangeResult, schema_changes(version)),
    )


def events(version: int) -> st.SearchStrategy[Event]:
    """Every type of EVENT."""
    return st.one_of(
        st.builds(TopologyChangeEvent, st.sampled_from(["NEW_NODE", "REMOVED_NODE"]), nodes),
        st.builds(StatusChangeEvent, st.sampled_from(["UP", "DOWN"]), nodes),
        st.builds(SchemaChangeEvent, schema_changes(version)),
    )


_WITH_FIELDS = frozenset({0x1000, 0x1100, 0x1200, 0x1300, 0x1400, 0x1500, 0x2400, 0x2500})
_plain_codes = st.sampled_from([code for code in ErrorCode if code not in _WITH_FIELDS]) | ints.filter(
    lambda code: code not in _WITH_FIELDS
)
_write_types = st.sampled_from([WriteType.SIMPLE, WriteType.BATCH, WriteType.CAS])

errors: st.SearchStrategy[ErrorResponse] = st.one_of(
    st.builds(PlainError, texts, _plain_codes, blobs),
    st.builds(Unavailable, texts, levels, ints, ints),
    st.builds(WriteTimeout, texts, levels, ints, ints, _write_types),
    st.builds(ReadTimeout, texts, levels, ints, ints, st.booleans()),
    st.builds(ReadFailure, texts, levels, ints, ints, ints, st.booleans()),
    st.builds(FunctionFailure, texts, texts, texts, st.lists(texts, max_size=3).map(tuple)),
    st.builds(WriteFailure, texts, levels, ints, ints, ints, _write_types),
    st.builds(AlreadyExists, texts, texts, texts),
    st.builds(Unprepared, texts, blobs),
)


def responses(version: int) -> st.SearchStrategy[Response]:
    """Every kind of response."""
    return st.one_of(
        errors,
        st.just(Ready()),
        st.builds(Authenticate, texts),
        st.builds(Supported, st.dictionaries(texts, st.lists(texts, max_size=3), max_size=3)),
        results(version),
        events(version),
        st.builds(AuthChallenge, nullable_blobs),
        st.builds(AuthSuccess, nullable_blobs),
    )
