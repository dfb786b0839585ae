"""The cluster as clients see it: one node, the proxy.

Drivers discover a cluster from ``system.local`` and ``system.peers``. The primary answers those reads as
any other; here the rows of its answer are patched, so that predicates, aliases, casts, bind metadata and
tracing are the server's own, and only addresses, host id and tokens are ours.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from cqlproxy.routing.topology_reads import LOCAL
from cqlproxy.statements import Statement
from frame_codec import ColumnSpec, Rows, RowsMetadata, decode_result

TOKENS = 16

_HOST_ID_NAMESPACE = uuid.UUID("6f0d4c52-7a0e-4a0c-9d11-1d5c9a3b8e27")
_AGGREGATES = frozenset({"count", "min", "max", "sum", "avg"})


class Address(NamedTuple):
    """Where a client has connected to."""

    host: str
    port: int


class OneNode:
    """The one node, at ``advertised_address`` or else at the address that a client has connected to."""

    def __init__(self, listen: Address, advertised_address: str | None) -> None:
        self._advertised = advertised_address
        identity = f"{advertised_address or listen.host}:{listen.port}"
        self.host_id = uuid.uuid5(_HOST_ID_NAMESPACE, identity)
        """The same after a restart: drivers know nodes by it."""
        step = 2**64 // TOKENS
        self._tokens = sorted(str(-(2**63) + 1 + step * n) for n in range(TOKENS))

    def view(self, statement: Statement, body: bytes, at: int, version: int, reached: Address) -> bytes:
        """The RESULT at ``at`` of ``body``, patched; ``reached`` is what the client has connected to."""
        result = decode_result(body, version, at)
        if not isinstance(result, Rows):
            return body
        if statement.tables[0].table == LOCAL:
            patched = self._local(statement, result, reached)
        else:
            patched = _no_peers(statement, result)
        return body[:at] + patched.encode(version)

    def _local(self, statement: Statement, result: Rows, reached: Address) -> Rows:
        values = self._values(reached)
        if statement.json:
            rows: list[tuple[bytes | None, ...]] = [
                tuple(_patched_json(cell, values) for cell in row) for row in result.rows
            ]
            return Rows(result.metadata, rows)
        patches: dict[int, bytes] = {}
        for index, column in enumerate(result.metadata.columns):
            name = _source(statement, index, column)
            value = values.get(name) if name is not None else None
            encoded = _encode(value, column.type.cql_name) if value is not None else None
            if encoded is not None:
                patches[index] = encoded
        rows = [
            tuple(
                patches[index] if index in patches and cell is not None else cell
                for index, cell in enumerate(row)
            )
            for row in result.rows
        ]
        return Rows(result.metadata, rows)

    def _values(self, reached: Address) -> dict[str, object]:
        address = ip_address(self._advertised or reached.host)
        return {
            "rpc_address": address,
            "native_address": address,
            "broadcast_address": address,
            "listen_address": address,
            "rpc_port": reached.port,
            "native_port": reached.port,
            "host_id": self.host_id,
            "tokens": self._tokens,
            "native_protocol_version": "4",
        }


def _source(statement: Statement, index: int, column: ColumnSpec) -> str | None:
    """The table's column that a result column shows; None when it shows something made from one."""
    if statement.selection is None:
        return column.name
    if index >= len(statement.selection):
        return None
    selected = statement.selection[index]
    return selected.column if selected.function in (None, "cast") else None


def _no_peers(statement: Statement, result: Rows) -> Rows:
    metadata = result.metadata
    if metadata.paging_state is not None:
        metadata = RowsMetadata(metadata.columns, metadata.column_count, None, metadata.other_flags)
    selection = statement.selection or ()
    if not any(selected.function in _AGGREGATES for selected in selection):
        return Rows(metadata, [])
    # An aggregate of no rows is one row: nothing counted, no other value.
    return Rows(metadata, [tuple(bytes(8) if s.function == "count" else None for s in selection)])


def _encode(value: object, cql_type: str) -> bytes | None:
    """``value`` as a value of ``cql_type``, or None when that type cannot hold it."""
    encoder = _ENCODERS.get(cql_type)
    try:
        return encoder(value) if encoder is not None else None
    except TypeError:
        return None


def _encode_text_set(value: object) -> bytes:
    if not isinstance(value, list):
        raise TypeError(type(value).__name__)
    items = [item.encode() for item in value]
    parts = [len(items).to_bytes(4, "big")]
    for item in items:
        parts += (len(item).to_bytes(4, "big"), item)
    return b"".join(parts)


def _encode_text(value: object) -> bytes:
    if isinstance(value, list):
        raise TypeError("a collection is no text")
    return str(value).encode()


def _encode_inet(value: object) -> bytes:
    if not isinstance(value, IPv4Address | IPv6Address):
        raise TypeError(type(value).__name__)
    return value.packed


def _encode_uuid(value: object) -> bytes:
    if not isinstance(value, uuid.UUID):
        raise TypeError(type(value).__name__)
    return value.bytes


def _encode_int(value: object) -> bytes:
    if not isinstance(value, int):
        raise TypeError(type(value).__name__)
    return value.to_bytes(4, "big")


_ENCODERS: dict[str, Callable[[object], bytes]] = {
    "inet": _encode_inet,
    "uuid": _encode_uuid,
    "int": _encode_int,
    "text": _encode_text,
    "ascii": _encode_text,
    "set<text>": _encode_text_set,
}


def _patched_json(cell: bytes | None, values: dict[str, object]) -> bytes | None:
    """A row of SELECT JSON."""
    if cell is None:
        return None
    row = json.loads(cell)
    for name in row.keys() & values.keys():
        if row[name] is not None:
            value = values[name]
            row[name] = value if isinstance(value, int | list) else str(value)
    return json.dumps(row).encode()
