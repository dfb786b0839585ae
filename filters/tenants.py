"""Tenants by value: is this literal, or this bound value of a column's type, one of the tenants in the rules?

A rule's value is text. For each CQL type it is serialized once, when the rules are made (CQL native protocol
v4, section 6), so that a bound value is compared as the bytes that it is: one look-up. A value in the form of
a uuid means that uuid: its 16 bytes, and its text in any letter case. Any other text means exactly itself.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from ipaddress import ip_address
from typing import Final

from filters.verdict import Reason, Verdict

Find = Callable[[bytes], Verdict | None]
"""From a serialized value to why it is held back; None when it is not."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Longer numbers are no tenants, and Python refuses to read numbers of thousands of digits.
_INTEGER: Final = re.compile(r"-?[0-9]{1,1000}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{0,300})?(?:[eE][+-]?[0-9]{1,3})?")
_BLOB: Final = re.compile(r"0[xX](?:[0-9a-fA-F]{2})*")
_UUID_LENGTH: Final = 36


def _uuid(text: str) -> bytes:
    if not _UUID.fullmatch(text):
        raise ValueError("not a uuid")
    return bytes.fromhex(text.replace("-", ""))


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return int(text)


def _fixed(width: int) -> Callable[[str], bytes]:
    def encode(text: str) -> bytes:
        return _integer(text).to_bytes(width, "big", signed=True)

    return encode


def _varint(text: str) -> bytes:
    return _shortest(_integer(text))


def _shortest(value: int) -> bytes:
    # One bit more than the magnitude, for the sign; -128 needs as many as 127.
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return value.to_bytes((bits + 7) // 8, "big", signed=True)


def _decimal(text: str) -> bytes:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    unscaled = int("".join(map(str, digits)))
    return struct.pack(">i", -exponent) + _shortest(-unscaled if sign else unscaled)


def _floating(form: str) -> Callable[[str], bytes]:
    def encode(text: str) -> bytes:
        if not _NUMBER.fullmatch(text):
            raise ValueError("not a number")
        return struct.pack(form, float(text))

    return encode


def _boolean(text: str) -> bytes:
    return {"true": b"\x01", "false": b"\x00"}[text.lower()]


def _blob(text: str) -> bytes:
    if not _BLOB.fullmatch(text):
        raise ValueError("not a blob")
    return bytes.fromhex(text[2:])


def _inet(text: str) -> bytes:
    return ip_address(text).packed


_ENCODERS: Final[dict[str, Callable[[str], bytes]]] = {
    "uuid": _uuid,
    "text": str.encode,
    "tinyint": _fixed(1),
    "smallint": _fixed(2),
    "int": _fixed(4),
    "bigint": _fixed(8),
    "varint": _varint,
    "decimal": _decimal,
    "float": _floating(">f"),
    "double": _floating(">d"),
    "boolean": _boolean,
    "blob": _blob,
    "inet": _inet,
}
_UUID_TYPES: Final = ("uuid", "text")
"""All that a text in the form of a uuid can mean a value of."""
_SAME_FORM: Final = {"timeuuid": "uuid", "ascii": "text", "varchar": "text", "counter": "bigint"}
_LITERAL_TYPES: Final = {
    "uuid": "uuid",
    "integer": "varint",
    "float": "double",
    "boolean": "boolean",
    "blob": "blob",
}


class Tenants:
    """The values of ``tenant_blacklist``."""

    __slots__ = ("_any", "_forms", "_uuid_texts", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: dict[str, dict[bytes, Verdict]] = {cql_type: {} for cql_type in _ENCODERS}
        self._uuid_texts: dict[bytes, Verdict] = {}
        self._any: dict[bytes, Verdict] = {}
        written: list[str] = []
        for value in values:
            self._add(value, Verdict(False, Reason.TENANT, value))
            written.append(value)
        self.values = tuple(written)
        """As written, in the order of the file."""

    def _add(self, value: str, verdict: Verdict) -> None:
        is_uuid = _UUID.fullmatch(value) is not None
        for cql_type in _UUID_TYPES if is_uuid else _ENCODERS:
            try:
                form = _ENCODERS[cql_type](value)
            except (ValueError, KeyError, OverflowError):
                continue  # not a value of this type, so no value of it is this tenant
            self._forms[cql_type].setdefault(form, verdict)
            self._any.setdefault(form, verdict)
        if is_uuid:
            self._uuid_texts.setdefault(value.lower().encode(), verdict)

    def __bool__(self) -> bool:
        return bool(self.values)

    def literal(self, kind: str, text: str) -> Verdict | None:
        """Why a literal is held back; kind and text as in ``LiteralSource``."""
        if kind == "null":
            return None
        cql_type = _LITERAL_TYPES.get(kind)
        if cql_type is None:
            return self._text(text.encode("utf-8", "surrogatepass"))
        try:
            form = _ENCODERS[cql_type](text)
        except (ValueError, KeyError, OverflowError):
            return None  # a literal such as NaN, which no rule can mean
        return self._forms[cql_type].get(form)

    def finder(self, cql_type: str | None) -> Find:
        """How bound values of a column's type are looked up.

        For a type that is not known, or that rules have no form for, a tenant's value in any form counts.
        """
        if cql_type is None:
            return self._anything
        cql_type = _SAME_FORM.get(cql_type, cql_type)
        if cql_type == "text":
            return self._text
        if cql_type == "varint":
            return self._number
        forms = self._forms.get(cql_type)
        return self._anything if forms is None else forms.get

    def _text(self, value: bytes) -> Verdict | None:
        held = self._forms["text"].get(value)
        if held is None and len(value) == _UUID_LENGTH:
            held = self._uuid_texts.get(value.lower())
        return held

    def _number(self, value: bytes) -> Verdict | None:
        # A varint may come with more leading bytes than it needs.
        if not value:
            return None
        return self._forms["varint"].get(_shortest(int.from_bytes(value, "big", signed=True)))

    def _anything(self, value: bytes) -> Verdict | None:
        held = self._any.get(value)
        if held is None and len(value) == _UUID_LENGTH:
            held = self._uuid_texts.get(value.lower())
        return held
