"""What clients were told of a prepared statement, and when they must prepare it again."""

import pytest

from cqlproxy.cluster.prepared import START, PreparedStatement, PreparedStatements
from cqlproxy.cluster.side import Side
from cqlproxy.statements import analyse
from frame_codec import BindMetadata, ColumnSpec, NativeType, Prepared, RowsMetadata, TypeId

TEXT = b"SELECT * FROM ks.t"
ID = bytes(range(16))


def prepared(*columns: str, statement_id: bytes = ID) -> Prepared:
    specs = tuple(ColumnSpec("ks", "t", column, NativeType(TypeId.INT)) for column in columns)
    return Prepared(statement_id, BindMetadata((), ()), RowsMetadata(specs, len(specs)))


def statement(*columns: str, statement_id: bytes = ID) -> PreparedStatement:
    described = prepared(*columns, statement_id=statement_id)
    return PreparedStatement(described, TEXT, None, analyse(TEXT.decode()), side=Side.PRIMARY)


def test_a_statement_is_outdated_where_its_columns_are_others_than_a_client_was_told_last() -> None:
    read = statement("k")
    assert not read.outdated(Side.PRIMARY)
    read.known_on(Side.PRIMARY, prepared("k"))  # a node that was started again
    assert not read.outdated(Side.PRIMARY)
    assert read.metadata_changed == [False, False]
    read.known_on(Side.PRIMARY, prepared("k", "new"))  # a table that was altered
    assert read.outdated(Side.PRIMARY)
    assert not read.outdated(Side.SHADOW)
    read.told(Side.PRIMARY, prepared("k", "new"))
    assert not read.outdated(Side.PRIMARY)
    # Other clients were told of the columns before: they get those of each result with it.
    assert read.metadata_changed == [True, True]


def test_after_a_switch_a_statement_with_other_columns_is_outdated_until_it_is_told_again() -> None:
    read = statement("k")
    read.known_on(Side.SHADOW, prepared("k", "more"))
    assert (read.outdated(Side.PRIMARY), read.outdated(Side.SHADOW)) == (False, True)
    read.told(Side.SHADOW, prepared("k", "more"))
    assert (read.outdated(Side.PRIMARY), read.outdated(Side.SHADOW)) == (True, False)


def test_a_withdrawn_statement_is_unknown_to_requests_until_it_is_put_back() -> None:
    registry = PreparedStatements(10)
    read = statement("k")
    registry.put(read)
    start = b"\x00\x10" + ID
    assert len(start) == START
    assert (registry.get(ID), registry.executed(start), registry.known(ID)) == (read, read, read)
    registry.withdraw(read)
    registry.withdraw(read)
    assert (registry.get(ID), registry.executed(start), registry.known(ID)) == (None, None, read)
    registry.put(read)
    assert (registry.get(ID), registry.executed(start), registry.known(ID)) == (read, read, read)


@pytest.mark.parametrize("capacity", [1, 5])
def test_withdrawn_statements_give_way_first(capacity: int) -> None:
    registry = PreparedStatements(capacity)
    withdrawn = statement("k")
    registry.put(withdrawn)
    registry.withdraw(withdrawn)
    others = [statement("k", statement_id=bytes([number]) * 16) for number in range(1, capacity + 1)]
    for other in others:
        registry.put(other)
    assert registry.known(ID) is None
    assert [registry.get(other.id) for other in others] == others
