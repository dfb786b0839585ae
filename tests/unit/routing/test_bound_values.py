"""The values that requests bind, as the governor asks for them: by position, by name, or absent."""

import pytest

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.routing.bound_values import of_batch_entry, of_execute, of_query
from cqlproxy.statements import analyse
from frame_codec import (
    UNSET,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    Execute,
    NativeType,
    Prepared,
    Query,
    QueryParameters,
    RowsMetadata,
    TypeId,
    batch,
)

TEXT = "INSERT INTO ks.t (a, b, c) VALUES (:a, :b, :c)"
ID = b"sixteen bytes id"

CASES = [
    (QueryParameters(values=(b"x", b"", None)), [b"x", b"", None, None]),
    (QueryParameters(values=(UNSET, b"y", b"z")), [None, b"y", b"z", None]),
    (QueryParameters(values=(b"x",)), [b"x", None, None, None]),
    (QueryParameters(), [None, None, None, None]),
    (QueryParameters(values=(b"z", b"x"), names=("c", "a")), [b"x", None, b"z", None]),
    (QueryParameters(values=(b"x", b"y", b"z"), page_size=10, timestamp=1), [b"x", b"y", b"z", None]),
]


@pytest.fixture(scope="module")
def prepared() -> PreparedStatement:
    columns = tuple(ColumnSpec("ks", "t", name, NativeType(TypeId.BLOB)) for name in "abc")
    described = Prepared(ID, BindMetadata(columns), RowsMetadata.of(()))
    return PreparedStatement(described, TEXT.encode(), None, analyse(TEXT), system_table=False)


@pytest.mark.parametrize(("parameters", "expected"), CASES)
def test_of_an_execute(
    parameters: QueryParameters, expected: list[bytes | None], prepared: PreparedStatement
) -> None:
    value = of_execute(Execute(ID, parameters).encode(4), prepared)
    assert [value(index) for index in range(4)] == expected


@pytest.mark.parametrize(("parameters", "expected"), CASES)
def test_of_a_query(parameters: QueryParameters, expected: list[bytes | None]) -> None:
    value = of_query(Query(TEXT, parameters).encode(4), analyse(TEXT))
    assert [value(index) for index in range(4)] == expected


def test_of_an_entry_of_a_batch() -> None:
    body = Batch(BatchType.LOGGED, (BatchQuery(TEXT, (b"1",)), BatchQuery(ID, (b"x", None, b"z")))).encode(4)
    entries = batch(body, 0).entries
    assert [of_batch_entry(body, entries[0])(index) for index in range(2)] == [b"1", None]
    assert [of_batch_entry(body, entries[1])(index) for index in range(4)] == [b"x", None, b"z", None]
