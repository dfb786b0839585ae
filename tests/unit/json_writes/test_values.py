"""Each type: encoded as the driver encodes it, and what is none of the type refused with its path."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from cassandra.cqltypes import lookup_casstype, lookup_casstype_simple
from hypothesis import given
from hypothesis import strategies as st

from cqlproxy.json_writes.unfit import UnfitError
from cqlproxy.json_writes.values import encoded
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
from tests.unit.json_writes.vectors import NATIVE

MARSHAL = {
    "ascii": "AsciiType",
    "bigint": "LongType",
    "blob": "BytesType",
    "boolean": "BooleanType",
    "date": "SimpleDateType",
    "decimal": "DecimalType",
    "double": "DoubleType",
    "duration": "DurationType",
    "float": "FloatType",
    "inet": "InetAddressType",
    "int": "Int32Type",
    "smallint": "ShortType",
    "text": "UTF8Type",
    "time": "TimeType",
    "timestamp": "TimestampType",
    "timeuuid": "TimeUUIDType",
    "tinyint": "ByteType",
    "uuid": "UUIDType",
    "varchar": "UTF8Type",
    "varint": "IntegerType",
}
PACKAGE = "org.apache.cassandra.db.marshal."
ALL = [(name, same) for name, values in NATIVE.items() for same in values]
IDS = [f"{name} {str(same.json)[:30]}" for name, same in ALL]


def native(name: str) -> NativeType:
    return NativeType(TypeId[name.upper()])


def by_driver(class_name: str, value: object) -> bytes:
    """How the driver writes a value."""
    encoded: bytes = lookup_casstype(class_name).to_binary(value, 4)
    return encoded


@pytest.mark.parametrize(("name", "same"), ALL, ids=IDS)
def test_a_value_is_encoded_as_the_driver_does(name: str, same: tuple[object, object]) -> None:
    json, python = same
    expected = by_driver(MARSHAL[name], python)
    assert encoded(json, native(name), "values[0]") == expected
    assert encoded(json, CustomType(PACKAGE + MARSHAL[name]), "values[0]") == expected
    # Whatever the bytes, the driver reads from them what was meant.
    assert lookup_casstype_simple(MARSHAL[name]).from_binary(expected, 4) == python


def test_every_native_type_has_values_here() -> None:
    assert {TypeId[name.upper()] for name in NATIVE} | {TypeId.COUNTER} == {
        type_id for type_id in TypeId if TypeId.ASCII <= type_id <= TypeId.DURATION
    }
    assert encoded(-5, native("counter"), "v") == struct.pack(">q", -5)


@given(st.integers(-(2**400), 2**400))
def test_whole_numbers_of_any_length(number: int) -> None:
    expected = by_driver("IntegerType", number)
    assert encoded(number, native("varint"), "v") == encoded(str(number), native("varint"), "v") == expected


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_with_all_their_digits(number: Decimal) -> None:
    expected = by_driver("DecimalType", number)
    assert encoded(number, native("decimal"), "v") == encoded(str(number), native("decimal"), "v") == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_from_their_shortest_digits(number: float) -> None:
    assert encoded(Decimal(repr(number)), native("double"), "v") == struct.pack(">d", number)


@given(
    st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), st.sampled_from([1, -1])
)
def test_durations_by_their_parts(months: int, days: int, nanoseconds: int, sign: int) -> None:
    from cassandra.util import Duration

    value = {"months": sign * months, "days": sign * days, "nanoseconds": sign * nanoseconds}
    expected = by_driver("DurationType", Duration(*value.values()))
    text = f"{'-' if sign < 0 else ''}{months}mo{days}d{nanoseconds}ns"
    assert encoded(value, native("duration"), "v") == encoded(text, native("duration"), "v") == expected


def types() -> st.SearchStrategy[ColumnType]:
    natives = st.sampled_from([native(name) for name in (*NATIVE, "counter")])
    classes = st.sampled_from(sorted({*MARSHAL.values(), "Odd", "VectorType(UTF8Type, 2)", "ListType(Odd)"}))
    return st.recursive(
        natives | classes.map(CustomType),
        lambda inner: (
            inner.map(ListType)
            | inner.map(SetType)
            | st.tuples(inner, inner).map(lambda pair: MapType(*pair))
            | st.lists(inner, min_size=1, max_size=3).map(lambda found: TupleType(tuple(found)))
            | st.lists(inner, min_size=1, max_size=3).map(
                lambda found: UdtType("ks", "u", tuple((f"f{n}", one) for n, one in enumerate(found)))
            )
        ),
        max_leaves=6,
    )


def json_values() -> st.SearchStrategy[object]:
    leaves = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=40)
    some = st.sampled_from([same.json for values in NATIVE.values() for same in values])
    keys = st.text(max_size=5) | st.sampled_from(["f0", "f1", "months", "days"])
    return st.recursive(
        leaves | some,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    )


@given(types(), json_values())
def test_any_value_of_any_type_is_encoded_or_refused(column_type: ColumnType, value: object) -> None:
    refused: UnfitError | None = None
    written: bytes | None = None
    try:
        written = encoded(value, column_type, "v")
    except UnfitError as error:
        refused = error
    if refused is None:
        assert (written is None) == (value is None)
    else:
        assert refused.field.startswith("v")
        assert refused.what


INT, TEXT, UUID = native("int"), native("text"), native("uuid")
ADDRESS = UdtType("ks", "address", (("Street", TEXT), ("tags", SetType(TEXT)), ("zip", INT)))

NESTED: list[tuple[ColumnType, object, str, object]] = [
    (ListType(INT), [], "ListType(Int32Type)", []),
    (ListType(INT), [1, "2", 3], "ListType(Int32Type)", [1, 2, 3]),
    (SetType(TEXT), ["b"], "SetType(UTF8Type)", {"b"}),
    (MapType(TEXT, INT), {"a": 1, "b": 2}, "MapType(UTF8Type, Int32Type)", {"a": 1, "b": 2}),
    (MapType(TEXT, INT), [["a", 1]], "MapType(UTF8Type, Int32Type)", {"a": 1}),
    (MapType(INT, TEXT), {"7": "x"}, "MapType(Int32Type, UTF8Type)", {7: "x"}),
    (MapType(INT, TEXT), [[7, "x"]], "MapType(Int32Type, UTF8Type)", {7: "x"}),
    (ListType(ListType(INT)), [[1], []], "ListType(ListType(Int32Type))", [[1], []]),
    (TupleType((INT, TEXT)), [1, None], "TupleType(Int32Type, UTF8Type)", (1, None)),
    (CustomType("VectorType(FloatType, 2)"), [1, "2.5"], "VectorType(FloatType, 2)", [1.0, 2.5]),
    (CustomType("VectorType(UTF8Type, 2)"), ["a", "bc"], "VectorType(UTF8Type, 2)", ["a", "bc"]),
    (CustomType("VectorType(ShortType, 1)"), [-2], "VectorType(ShortType, 1)", [-2]),
    (
        CustomType(f"{PACKAGE}VectorType({PACKAGE}VectorType({PACKAGE}Int32Type , 2), 2)"),
        [[1, 2], [3, 4]],
        "VectorType(VectorType(Int32Type, 2), 2)",
        [[1, 2], [3, 4]],
    ),
    (
        CustomType("FrozenType(MapType(UTF8Type,ListType(TupleType(Int32Type,LongType))))"),
        {"k": [[1, 2]]},
        "MapType(UTF8Type,ListType(TupleType(Int32Type,LongType)))",
        {"k": [(1, 2)]},
    ),
]


@pytest.mark.parametrize(("column_type", "json", "class_name", "python"), NESTED, ids=range(len(NESTED)))
def test_what_is_made_of_others(
    column_type: ColumnType, json: object, class_name: str, python: object
) -> None:
    assert encoded(json, column_type, "values.v") == by_driver(class_name, python)


def test_a_user_defined_type_by_its_fields() -> None:
    street = struct.pack(">i", 4) + b"High"
    tags = struct.pack(">iii", 9, 1, 1) + b"x"
    assert encoded({"tags": ["x"], "Street": "High"}, ADDRESS, "v") == street + tags + b"\xff" * 4
    assert encoded({}, ADDRESS, "v") == b"\xff" * 12
    by_class = "UserType(ks,61646472657373,537472656574:UTF8Type,74616773:SetType(UTF8Type),7a6970:Int32Type)"
    given = {"Street": "High", "tags": ["x"], "zip": None}
    assert encoded(given, CustomType(by_class), "v") == encoded(given, ADDRESS, "v")


def test_null_is_null() -> None:
    assert encoded(None, INT, "v") is None
    assert encoded(None, ListType(INT), "v") is None


WHOLE = "must be a whole number from -2147483648 to 2147483647 (type int), not "
UNFIT: list[tuple[ColumnType, object, str, str]] = [
    (INT, True, "v", WHOLE + "true"),
    (INT, 2**31, "v", WHOLE + "2147483648"),
    (INT, "1_0", "v", WHOLE + "'1_0'"),
    (INT, "", "v", WHOLE + "''"),
    (INT, Decimal("1.0"), "v", WHOLE + "1.0"),
    (INT, "x" * 100, "v", WHOLE + "'" + "x" * 56 + "..."),
    (INT, [1], "v", WHOLE + "an array"),
    (native("tinyint"), 128, "v", "must be a whole number from -128 to 127 (type tinyint), not 128"),
    (native("boolean"), 1, "v", "must be true or false (type boolean), not 1"),
    (TEXT, 5, "v", "must be text (type text), not 5"),
    (TEXT, "\ud800", "v", "must be text (type text), not '\\ud800'"),
    (native("ascii"), "\u00e9", "v", "must be text of ASCII characters (type ascii), not '\u00e9'"),
    (native("blob"), "0x0", "v", "must be bytes in base64 (type blob), not '0x0'"),
    (native("blob"), "AA", "v", "must be bytes in base64 (type blob), not 'AA'"),
    (UUID, "{123e4567-e89b-42d3-a456-426614174000}", "v", "must be a uuid such as"),
    (native("timeuuid"), "123e4567-e89b-42d3-a456-426614174000", "v", "must be a uuid of version 1"),
    (native("inet"), "localhost", "v", "must be an IPv4 or IPv6 address"),
    (native("inet"), "fe80::1%eth0", "v", "must be an IPv4 or IPv6 address"),
    (native("timestamp"), "2024-02-29T12:34:56", "v", "must be a time with its offset"),
    (native("timestamp"), "yesterday", "v", "must be a time with its offset"),
    (native("timestamp"), 2**63, "v", "must be a time with its offset"),
    (native("date"), "2023-02-29", "v", "must be a date such as 2024-02-29"),
    (native("date"), 5, "v", "must be a date such as 2024-02-29"),
    (native("time"), "24:00", "v", "must be a time of day"),
    (native("time"), 86_400 * 10**9, "v", "must be a time of day"),
    (native("time"), -1, "v", "must be a time of day"),
    (native("duration"), "", "v", "must be a duration"),
    (native("duration"), "P", "v", "must be a duration"),
    (native("duration"), "-", "v", "must be a duration"),
    (native("duration"), "1d1mo", "v", "must be a duration"),
    (native("duration"), "1d1d", "v", "must be a duration"),
    (native("duration"), {}, "v", "must be a duration"),
    (native("duration"), {"hours": 1}, "v", "must be a duration"),
    (native("duration"), {"days": 1, "months": -1}, "v", "must be a duration"),
    (native("duration"), {"days": 2**31}, "v", "must be a duration"),
    (native("duration"), {"days": True}, "v", "must be a duration"),
    (native("duration"), "9" * 201, "v", "must be a duration"),
    (native("double"), Decimal("1e400"), "v", "must be a number, or NaN"),
    (native("double"), "inf", "v", "must be a number, or NaN"),
    (native("double"), False, "v", "must be a number, or NaN"),
    (native("float"), Decimal("1e39"), "v", "must be a number that a float can hold"),
    (native("decimal"), "NaN", "v", "must be a number"),
    (native("decimal"), "sNaN", "v", "must be a number"),
    (native("decimal"), "1_0", "v", "must be a number"),
    (native("decimal"), " 1", "v", "must be a number"),
    (native("decimal"), "\u0661", "v", "must be a number"),
    (native("double"), "1_0", "v", "must be a number, or NaN"),
    (native("decimal"), "1e-99999999999", "v", "must be a number"),
    (native("decimal"), "9" * 4301, "v", "must be a number, or one in a string, of at most 4300 digits"),
    (native("varint"), "9" * 4301, "v", "must be a whole number of at most 4300 digits"),
    (ListType(INT), 5, "v", "must be an array (type list<int>), not 5"),
    (ListType(INT), [1, "x"], "v[1]", WHOLE + "'x'"),
    (ListType(INT), [None], "v[0]", "must not be null"),
    (SetType(INT), {"a": 1}, "v", "must be an array (type set<int>), not an object"),
    (MapType(TEXT, INT), [["a", 1, 2]], "v", "must be an object, or an array of [key, value]"),
    (MapType(TEXT, INT), {"a": "x"}, "v.a", WHOLE + "'x'"),
    (MapType(INT, INT), {"a": 1}, "v.a", WHOLE + "'a'"),
    (MapType(TEXT, INT), [["a", 1], [None, 1]], "v[1]", "must not be null"),
    (TupleType((INT, TEXT)), [1], "v", "must be an array of 2 (type tuple<int, text>), not of 1"),
    (TupleType((INT, TEXT)), [1, 2], "v[1]", "must be text (type text), not 2"),
    (ADDRESS, {"street": "x"}, "v.street", "is no field of it: it must be an object with Street, tags, zip"),
    (ADDRESS, [], "v", "must be an object with Street, tags, zip (type address), not an array"),
    (ADDRESS, {"tags": ["a", 1]}, "v.tags[1]", "must be text (type text), not 1"),
    (CustomType("VectorType(FloatType, 2)"), [1], "v", "must be an array of 2"),
    (CustomType("VectorType(FloatType, 2)"), [1, None], "v[1]", "must not be null"),
    (CustomType("com.example.Odd"), 1, "v", "is of a type that JSON cannot express here: 'com.example.Odd'"),
    (CustomType("ListType(Int32Type"), [1], "v", "is of a type that JSON cannot express here"),
    (CustomType("ListType(Odd)"), [1], "v[0]", "is of a type that JSON cannot express here"),
]


@pytest.mark.parametrize(("column_type", "value", "field", "what"), UNFIT, ids=range(len(UNFIT)))
def test_what_does_not_fit_is_refused_with_its_path(
    column_type: ColumnType, value: object, field: str, what: str
) -> None:
    with pytest.raises(UnfitError) as refused:
        encoded(value, column_type, "v")
    assert (refused.value.field, refused.value.what[: len(what)]) == (field, what)
