"""Values of all types: from JSON to the bytes of the native protocol (v4, section 6). Pure.

The type of the column decides what a value in JSON means. What does not fit is refused with its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from cassandra.marshal import uvint_pack

from cqlproxy.json_writes.marshal_types import UnknownTypeError, VectorType, fixed_length, marshal_type
from cqlproxy.json_writes.native_values import NATIVE
from cqlproxy.json_writes.unfit import UnfitError, shown
from frame_codec import (
    ColumnType,
    CustomType,
    ListType,
    MapType,
    NativeType,
    SetType,
    TupleType,
    UdtType,
)


def encoded(value: object, column_type: ColumnType, field: str) -> bytes | None:
    """A value as bytes, null as None. ``field`` is its path. Raises ``UnfitError``."""
    return None if value is None else _encoded(value, column_type, field)


def _encoded(value: object, column_type: ColumnType, field: str) -> bytes:
    match column_type:
        case NativeType():
            return _native(value, column_type, field)
        case ListType(element) | SetType(element):
            return _counted(
                _present(one, element, f"{field}[{number}]")
                for number, one in enumerate(_array(value, column_type.cql_name, field))
            )
        case MapType():
            return _map(value, column_type, field)
        case TupleType(elements):
            return _tuple(value, elements, column_type.cql_name, field)
        case UdtType():
            return _udt(value, column_type, field)
        case CustomType():
            return _custom(value, column_type, field)
    assert_never(column_type)


def _native(value: object, column_type: NativeType, field: str) -> bytes:
    encode, must_be = NATIVE[column_type.id]
    try:
        return encode(value)
    except (ValueError, OverflowError):
        raise UnfitError(
            field, f"must be {must_be} (type {column_type.cql_name}), not {shown(value)}"
        ) from None


def _custom(value: object, column_type: CustomType, field: str) -> bytes:
    try:
        found = marshal_type(column_type.class_name)
        if isinstance(found, VectorType):
            return _vector(value, found, field)
    except UnknownTypeError:
        raise UnfitError(
            field, f"is of a type that JSON cannot express here: {column_type.cql_name}"
        ) from None
    return _encoded(value, found, field)


def _array(value: object, type_name: str, field: str, size: int | None = None) -> list[object]:
    if not isinstance(value, list):
        raise UnfitError(field, f"must be an array (type {type_name}), not {shown(value)}")
    if size is not None and len(value) != size:
        raise UnfitError(field, f"must be an array of {size} (type {type_name}), not of {len(value)}")
    return value


def _present(value: object, column_type: ColumnType, field: str) -> bytes:
    if value is None:
        raise UnfitError(field, "must not be null: a collection has no place for it")
    return _encoded(value, column_type, field)


def _counted(elements: Iterable[bytes]) -> bytes:
    found = list(elements)
    return len(found).to_bytes(4, "big") + b"".join(map(_measured, found))


def _measured(element: bytes | None) -> bytes:
    if element is None:
        return b"\xff\xff\xff\xff"
    return len(element).to_bytes(4, "big") + element


def _map(value: object, column_type: MapType, field: str) -> bytes:
    pairs: Sequence[tuple[object, object, str]]
    if isinstance(value, dict):
        pairs = [(key, one, f"{field}.{key}") for key, one in value.items()]
    elif isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        pairs = [(key, one, f"{field}[{number}]") for number, (key, one) in enumerate(value)]
    else:
        what = f"an object, or an array of [key, value] (type {column_type.cql_name})"
        raise UnfitError(field, f"must be {what}, not {shown(value)}")
    found: list[bytes] = []
    for key, one, at in pairs:
        found.append(_measured(_present(key, column_type.key, at)))
        found.append(_measured(_present(one, column_type.value, at)))
    return len(pairs).to_bytes(4, "big") + b"".join(found)


def _tuple(value: object, elements: Sequence[ColumnType], type_name: str, field: str) -> bytes:
    given = _array(value, type_name, field, len(elements))
    return b"".join(
        _measured(encoded(one, element, f"{field}[{number}]"))
        for number, (one, element) in enumerate(zip(given, elements, strict=True))
    )


def _udt(value: object, column_type: UdtType, field: str) -> bytes:
    names = [name for name, _ in column_type.fields]
    what = f"an object with {', '.join(names)} (type {column_type.cql_name})"
    if not isinstance(value, dict):
        raise UnfitError(field, f"must be {what}, not {shown(value)}")
    for name in value:
        if name not in names:
            raise UnfitError(f"{field}.{name}", f"is no field of it: it must be {what}")
    return b"".join(
        _measured(encoded(value.get(name), field_type, f"{field}.{name}"))
        for name, field_type in column_type.fields
    )


def _vector(value: object, vector: VectorType, field: str) -> bytes:
    given = _array(value, f"vector of {vector.size}", field, vector.size)
    elements = [_present(one, vector.element, f"{field}[{number}]") for number, one in enumerate(given)]
    if fixed_length(vector.element) is not None:
        return b"".join(elements)
    return b"".join([uvint_pack(len(element)) + element for element in elements])
