"""Every native type: values at the extremes, null, unset and empty, by prepared and by plain statements."""

import uuid
from datetime import datetime
from decimal import Decimal

from cassandra.query import UNSET_VALUE
from cassandra.util import Date, Duration, Time

from tests.integration.programs.transcript import Transcript, conversation

_INT = 2**31
_LONG = 2**63

VALUES: dict[str, list[object]] = {
    "ascii": ["", "plain", "\x00\x7f'"],
    "bigint": [0, -_LONG, _LONG - 1],
    "blob": [b"", b"\x00", bytes(range(256)), b"compressible " * 10_000],
    "boolean": [True, False],
    "date": [Date(0), Date(-_INT), Date(_INT - 1), Date("2024-02-29")],
    "decimal": [Decimal(0), Decimal("-0.000"), Decimal("1E+2000"), Decimal("-" + "9" * 60 + ".000000001")],
    "double": [0.0, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")],
    "duration": [
        Duration(0, 0, 0),
        Duration(_INT - 1, _INT - 1, _LONG - 1),
        Duration(-_INT + 1, -_INT + 1, -_LONG + 1),
    ],
    "float": [0.0, -0.0, 1.401298464324817e-45, 3.4028234663852886e38, float("-inf"), float("nan")],
    "inet": ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1"],
    "int": [0, -_INT, _INT - 1],
    "smallint": [0, -(2**15), 2**15 - 1],
    "text": ["", "quoted ' $$ \" ?", "\U0001f40d \u0000 \u00e9 e\u0301", "long " * 50_000],
    "time": [Time(0), Time(86_399_999_999_999)],
    "timestamp": [datetime(1970, 1, 1), datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)],
    "timeuuid": [
        uuid.UUID("00000000-0000-1000-8080-808080808080"),
        uuid.UUID("ffffffff-ffff-1fff-bfff-7f7f7f7f7f7f"),
    ],
    "tinyint": [0, -(2**7), 2**7 - 1],
    "uuid": [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("123e4567-e89b-42d3-a456-426614174000")],
    "varchar": ["", "varchar"],
    "varint": [0, -1, 2**300, -(2**300)],
    "vector<float, 3>": [[0.0, -0.0, 3.4028234663852886e38], [1.0, float("inf"), float("nan")]],
}


def column(cql_type: str) -> str:
    return "v_" + cql_type.partition("<")[0]


def every_type(saw: Transcript) -> None:
    columns = ", ".join(f"{column(cql_type)} {cql_type}" for cql_type in VALUES)
    saw.create(f"CREATE TABLE every_type (k text PRIMARY KEY, {columns})")
    for cql_type, values in VALUES.items():
        name = column(cql_type)
        insert = saw.session.prepare(f"INSERT INTO every_type (k, {name}) VALUES (?, ?)")
        select = saw.session.prepare(f"SELECT {name} FROM every_type WHERE k = ?")
        for index, value in enumerate(values):
            key = f"{cql_type} {index}"
            saw.session.execute(insert, (key, value))
            saw.ask(f"{key}, prepared", select, (key,))
            saw.either(
                f"{key}, written plainly",
                f"INSERT INTO every_type (k, {name}) VALUES (%s, %s)",
                (key, value),
            )
            saw.ask(f"{key}, read plainly", f"SELECT k, {name} FROM every_type WHERE k = %s", (key,))
            saw.ask(f"{key}, as JSON", f"SELECT JSON * FROM every_type WHERE k = '{key}'")

        key = f"{cql_type} nothing"
        saw.session.execute(insert, (key, values[0]))
        saw.either(f"{key}, unset", insert, (key, UNSET_VALUE))
        saw.ask(f"{key}, after unset", select, (key,))
        saw.ask(f"{key}, null", insert, (key, None))
        saw.ask(f"{key}, after null", select, (key,))
        saw.either(
            f"{key}, empty", f"INSERT INTO every_type (k, {name}) VALUES ('{key}', blob_as_{cql_type}(0x))"
        )
        saw.ask(f"{key}, after empty", select, (key,))
        saw.either(f"{key}, of the wrong type", insert, (key, ...))


def all_at_once(saw: Transcript) -> None:
    names = [column(cql_type) for cql_type in VALUES]
    insert = saw.session.prepare(
        f"INSERT INTO every_type (k, {', '.join(names)}) VALUES (?, {', '.join('?' * len(names))})"
    )
    saw.ask("all: first values", insert, ("all", *(values[0] for values in VALUES.values())))
    saw.ask("all: read", "SELECT * FROM every_type WHERE k = 'all'")
    saw.ask("all: last values", insert, ("all", *(values[-1] for values in VALUES.values())))
    saw.ask("all: read again", saw.session.prepare("SELECT * FROM every_type WHERE k = ?"), ("all",))
    saw.ask("all: null", insert, ("all", *(None for _ in VALUES)))
    saw.ask("all: read nulls", "SELECT * FROM every_type WHERE k = 'all'")
    saw.ask("all: delete", "DELETE FROM every_type WHERE k = 'all'")
    saw.ask("all: read nothing", "SELECT * FROM every_type WHERE k = 'all'")


if __name__ == "__main__":
    with conversation() as saw:
        every_type(saw)
        all_at_once(saw)
