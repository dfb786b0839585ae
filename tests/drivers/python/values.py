"""Values in the notation of README.md, by their CQL types."""

import json
import math
import struct
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

from cassandra.util import Date, Time

_EPOCH = datetime(1970, 1, 1)


def written(value: Any, cql_type: Any) -> object:
    """`value` of a type as the driver describes it (`cassandra.cqltypes`)."""
    if value is None:
        return None
    name = cql_type.typename
    inner: Sequence[Any] = getattr(cql_type, "subtypes", ())
    if name == "frozen":
        return written(value, inner[0])
    if name == "list" or hasattr(cql_type, "vector_size"):
        of = inner[0] if inner else cql_type.subtype
        return [written(element, of) for element in value]
    if name == "set":
        return sorted((written(element, inner[0]) for element in value), key=_json)
    if name == "map":
        pairs = [[written(key, inner[0]), written(item, inner[1])] for key, item in value.items()]
        return sorted(pairs, key=lambda pair: _json(pair[0]))
    if name == "tuple":
        return [written(element, of) for element, of in zip(value, inner, strict=True)]
    if hasattr(cql_type, "fieldnames"):
        fields = zip(cql_type.fieldnames, value, inner, strict=True)
        return [[field, written(item, of)] for field, item, of in fields]
    return _SCALARS.get(name, str)(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _float(layout: str, value: float) -> str:
    return "NaN" if math.isnan(value) else "0x" + struct.pack(layout, value).hex()


def _decimal(value: Decimal) -> str:
    sign, digits, exponent = value.as_tuple()
    return f"{'-' if sign and any(digits) else ''}{int(''.join(map(str, digits)))}e-{-int(exponent)}"


def _date(value: Date) -> str:
    return str(value.days_from_epoch)


def _time(value: Time) -> str:
    return str(value.nanosecond_time)


def _timestamp(value: datetime) -> str:
    return str((value - _EPOCH) // timedelta(milliseconds=1))


_SCALARS: dict[str, Callable[[Any], str]] = {
    "boolean": lambda value: str(value).lower(),
    "float": lambda value: _float(">f", value),
    "double": lambda value: _float(">d", value),
    "decimal": _decimal,
    "blob": lambda value: "0x" + bytes(value).hex(),
    "timestamp": _timestamp,
    "date": _date,
    "time": _time,
    "duration": lambda value: f"{value.months},{value.days},{value.nanoseconds}",
    "inet": lambda value: "0x" + ip_address(value).packed.hex(),
}
