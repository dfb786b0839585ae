"""Column types: their names in CQL."""

import pytest

from frame_codec import (
    ColumnType,
    CustomType,
    ListType,
    MapType,
    NativeType,
    SetType,
    TupleType,
    TypeId,
    UdtType,
)

_TEXT = NativeType(TypeId.VARCHAR)
_UUID = NativeType(TypeId.UUID)


@pytest.mark.parametrize(
    ("column_type", "name"),
    [
        (_TEXT, "text"),
        (NativeType(TypeId.TEXT), "text"),
        (_UUID, "uuid"),
        (NativeType(TypeId.BIGINT), "bigint"),
        (ListType(NativeType(TypeId.INT)), "list<int>"),
        (SetType(_UUID), "set<uuid>"),
        (MapType(_TEXT, ListType(_UUID)), "map<text, list<uuid>>"),
        (TupleType((_TEXT, _UUID)), "tuple<text, uuid>"),
        (UdtType("ks", "address", (("street", _TEXT),)), "address"),
        (CustomType("org.example.Point"), "'org.example.Point'"),
    ],
)
def test_cql_name(column_type: ColumnType, name: str) -> None:
    assert column_type.cql_name == name
