"""Values of every type as JSON has them and as the driver has them: what is written as the one is read as the
other. Also asked of real nodes."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from cassandra.util import Date, Duration, Time

INT = 2**31
LONG = 2**63


class Same(NamedTuple):
    """``json`` is as it stands in a body, where numbers with a fraction are ``Decimal``."""

    json: object
    python: object


NATIVE: Final[dict[str, list[Same]]] = {
    "ascii": [Same("", ""), Same("plain \x00\x7f'", "plain \x00\x7f'")],
    "bigint": [Same(0, 0), Same(-LONG, -LONG), Same(str(LONG - 1), LONG - 1)],
    "blob": [Same("", b""), Same("AAECAw==", b"\0\1\2\3"), Same("//8=", b"\xff\xff")],
    "boolean": [Same(True, True), Same(False, False)],
    "date": [
        Same("2024-02-29", Date("2024-02-29")),
        Same("1970-01-01", Date(0)),
        Same("0001-01-01", Date("0001-01-01")),
        Same("9999-12-31", Date("9999-12-31")),
    ],
    "decimal": [
        Same(0, Decimal(0)),
        Same(Decimal("1.10"), Decimal("1.10")),
        Same("-0.000", Decimal("-0.000")),
        Same("1E+2000", Decimal("1E+2000")),
        Same("-" + "9" * 60 + ".000000001", Decimal("-" + "9" * 60 + ".000000001")),
    ],
    "double": [
        Same(0, 0.0),
        Same(Decimal("-0.1"), -0.1),
        Same(Decimal("1.7976931348623157e308"), 1.7976931348623157e308),
        Same("-Infinity", float("-inf")),
        Same("2.5", 2.5),
    ],
    "duration": [
        Same("1mo2d3h", Duration(1, 2, 3 * 3600 * 10**9)),
        Same("-1y2w3ns", Duration(-12, -14, -3)),
        Same("P1Y2M3DT4H5M6S", Duration(14, 3, (4 * 3600 + 5 * 60 + 6) * 10**9)),
        Same("-P2W", Duration(0, -14, 0)),
        Same({"months": INT - 1, "nanoseconds": LONG - 1}, Duration(INT - 1, 0, LONG - 1)),
        Same({"days": 0}, Duration(0, 0, 0)),
    ],
    "float": [Same(Decimal("0.5"), 0.5), Same(-3, -3.0), Same("Infinity", float("inf"))],
    "inet": [Same("255.255.255.255", "255.255.255.255"), Same("::1", "::1")],
    "int": [Same(0, 0), Same(-INT, -INT), Same(INT - 1, INT - 1), Same("-7", -7)],
    "smallint": [Same(-(2**15), -(2**15)), Same(2**15 - 1, 2**15 - 1)],
    "text": [Same("", ""), Same("\U0001f40d \u0000 e\u0301 '", "\U0001f40d \u0000 e\u0301 '")],
    "time": [
        Same("00:00", Time(0)),
        Same("12:34:56.789", Time("12:34:56.789")),
        Same("23:59:59.999999999", Time(86_399_999_999_999)),
        Same(1, Time(1)),
    ],
    "timestamp": [
        Same(0, datetime(1970, 1, 1)),
        Same(-1, datetime(1969, 12, 31, 23, 59, 59, 999000)),
        Same("2024-02-29T12:34:56.789Z", datetime(2024, 2, 29, 12, 34, 56, 789000)),
        Same("2024-02-29 12:34:56.789999+02:00", datetime(2024, 2, 29, 10, 34, 56, 789000)),
        Same("0001-01-01T00:00:00Z", datetime(1, 1, 1)),
        Same("9999-12-31T23:59:59.999+00:00", datetime(9999, 12, 31, 23, 59, 59, 999000)),
    ],
    "timeuuid": [
        Same("50554d6e-29bb-11e5-b345-feff819cdc9f", uuid.UUID("50554d6e-29bb-11e5-b345-feff819cdc9f"))
    ],
    "tinyint": [Same(-128, -128), Same(127, 127)],
    "uuid": [
        Same("123E4567-e89b-42d3-a456-426614174000", uuid.UUID("123e4567-e89b-42d3-a456-426614174000")),
        Same("00000000-0000-0000-0000-000000000000", uuid.UUID(int=0)),
    ],
    "varchar": [Same("varchar", "varchar")],
    "varint": [Same(0, 0), Same(-129, -129), Same(2**300, 2**300), Same(str(-(2**300)), -(2**300))],
}
"""By CQL type."""
