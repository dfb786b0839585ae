"""Python values as `POST /write` takes them: JSON, converted there by the types of the markers."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime, time
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

Scalar = (
    None
    | bool
    | int
    | float
    | Decimal
    | str
    | bytes
    | UUID
    | datetime
    | date
    | time
    | IPv4Address
    | IPv6Address
)
Value = Scalar | Sequence["Value"] | Set["Value"] | Mapping["Value", "Value"]
"""What a column may be given. A mapping is a map, or a user-defined type by the names of its fields."""


def as_json(value: Value) -> object:
    """The JSON form of a value; a TypeError for a type that no column has.

    A datetime without a zone is in UTC, as in the drivers.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _number(value)
        case Decimal() | UUID() | IPv4Address() | IPv6Address():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case datetime():
            return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).isoformat()
        case date() | time():
            return value.isoformat()
        case Mapping():
            # JSON's objects have only text for keys.
            if all(isinstance(key, str) for key in value):
                return {key: as_json(item) for key, item in value.items()}
            return [[as_json(key), as_json(item)] for key, item in value.items()]
        case Set() | Sequence():
            return [as_json(item) for item in value]
    raise TypeError(f"a value of type {type(value).__name__} cannot be written to a column")


def _number(value: float) -> object:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
