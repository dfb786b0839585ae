"""Prepared statements in the journal: described once, named by number in the records of their copies.

A description holds what it takes to make the statement anew after a restart: its id, text, keyspace and bind
variables. When the bind variables have changed, the description is another one, with a number of its own.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from typing import Final, Protocol

from cqlproxy.cluster.prepared import PreparedStatement
from cqlproxy.statements import analyse
from frame_codec import PROTOCOL_V4, BindMetadata, ColumnSpec, Prepared, RowsMetadata, decode_result

MAX_KEPT: Final = 20_000
"""Statements and descriptions that are remembered; others are made again."""

_NO_KEYSPACE: Final = 0xFFFF
_HEADER: Final = struct.Struct(">HI")
_NO_COLUMNS: Final = RowsMetadata.of(())


class Descriptions(Protocol):
    """What keeps descriptions under numbers: the journal."""

    def statement(self, key: object, description: bytes) -> int:
        """The number of a description; good for a record that is appended in the same turn of the loop."""

    def description_of(self, number: int) -> bytes:
        """The description, for a record of the chunk that was read last."""


class StatementNumbers:
    """The numbers of prepared statements in ``descriptions``."""

    def __init__(self, descriptions: Descriptions) -> None:
        self._kept_by = descriptions
        self._descriptions: dict[PreparedStatement, tuple[bytes, tuple[ColumnSpec, ...]]] = {}
        """With the bind variables that each description has."""
        self._statements: OrderedDict[bytes, PreparedStatement] = OrderedDict()

    def number_of(self, prepared: PreparedStatement) -> int:
        # Hot path: once for every copy that goes to the journal.
        known = self._descriptions.get(prepared)
        if known is None or known[1] is not prepared.bound:
            known = self._describe(prepared)
        return self._kept_by.statement(known[0], known[0])

    def statement_of(self, number: int) -> PreparedStatement:
        """The statement: the very object that was described, where it is still remembered."""
        description = self._kept_by.description_of(number)
        prepared = self._statements.get(description)
        if prepared is None:
            prepared = restored(description)
            self._keep(description, prepared)
        return prepared

    def _describe(self, prepared: PreparedStatement) -> tuple[bytes, tuple[ColumnSpec, ...]]:
        description = described(prepared)
        if len(self._descriptions) >= MAX_KEPT:
            self._descriptions.clear()
        known = self._descriptions[prepared] = (description, prepared.bound)
        self._keep(description, prepared)
        return known

    def _keep(self, description: bytes, prepared: PreparedStatement) -> None:
        self._statements[description] = prepared
        if len(self._statements) > MAX_KEPT:
            self._statements.popitem(last=False)


def described(prepared: PreparedStatement) -> bytes:
    """What has to be known of a statement to make it anew."""
    keyspace = None if prepared.keyspace is None else prepared.keyspace.encode()
    bound = BindMetadata(prepared.bound, prepared.routing_indexes)
    return b"".join(
        (
            _HEADER.pack(_NO_KEYSPACE if keyspace is None else len(keyspace), len(prepared.text)),
            keyspace or b"",
            prepared.text,
            Prepared(prepared.id, bound, _NO_COLUMNS).encode(PROTOCOL_V4),
        )
    )


def restored(description: bytes) -> PreparedStatement:
    """The statement of a description; it is prepared nowhere yet."""
    keyspace_length, text_length = _HEADER.unpack_from(description)
    at = _HEADER.size
    keyspace = None
    if keyspace_length != _NO_KEYSPACE:
        keyspace = description[at : at + keyspace_length].decode()
        at += keyspace_length
    text = description[at : at + text_length]
    prepared = decode_result(description, PROTOCOL_V4, at + text_length)
    assert isinstance(prepared, Prepared)
    return PreparedStatement(prepared, text, keyspace, analyse(text.decode()))
