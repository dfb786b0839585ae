"""What the clients of the micro benchmarks ask for, and what their nodes answer. Pure.

They are like those of the other benchmarks, but apart from them: what is counted here is compared with bounds
that were measured for these very requests.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final
from uuid import UUID

from frame_codec import (
    HEADER,
    PROTOCOL_V4,
    Batch,
    BatchQuery,
    BatchType,
    BindMetadata,
    ColumnSpec,
    Execute,
    NativeType,
    Opcode,
    Query,
    QueryParameters,
    Rows,
    RowsMetadata,
    TypeId,
    Void,
)

KEYSPACE: Final = "bench"
TENANT_COLUMNS: Final = {f"{KEYSPACE}.by_key": ["key"], f"{KEYSPACE}.ten_columns": ["tenant"]}
"""By table, what the governor is asked about for every write."""

BATCH_OF: Final = 10
PAYLOAD_BYTES: Final = 100

INSERT: Final = f"INSERT INTO {KEYSPACE}.by_key (key, payload) VALUES (?, ?)"
SELECT: Final = f"SELECT payload FROM {KEYSPACE}.by_key WHERE key = ?"

_KEY: Final = ColumnSpec(KEYSPACE, "by_key", "key", NativeType(TypeId.BIGINT))
_PAYLOAD: Final = ColumnSpec(KEYSPACE, "by_key", "payload", NativeType(TypeId.BLOB))
BOUND: Final = {INSERT: BindMetadata((_KEY, _PAYLOAD), (0,)), SELECT: BindMetadata((_KEY,), (0,))}
"""By text, what the nodes say of the markers of a statement that is prepared."""

_VOID: Final = Void().encode(PROTOCOL_V4)
_ROW: Final = Rows(RowsMetadata.of((_PAYLOAD,)), [(bytes(PAYLOAD_BYTES),)]).encode(PROTOCOL_V4)
_BIGINT: Final = struct.Struct(">q")
_SEED: Final = 9042
_DIFFERENT: Final = 512
_TENANTS: Final = 64


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request. `prepared` is the text that it needs prepared; `answer` what a node answers."""

    name: str
    opcode: Opcode
    bodies: Callable[[bytes], Iterator[bytes]]
    """From the prepared id to the bodies, without an end."""
    prepared: str | None = None
    copied: bool = True
    answer: bytes = _VOID


def _rows() -> list[tuple[bytes, bytes]]:
    source = random.Random(_SEED)
    return [
        (_BIGINT.pack(source.getrandbits(63)), source.randbytes(PAYLOAD_BYTES)) for _ in range(_DIFFERENT)
    ]


def insert(prepared_id: bytes, row: tuple[bytes, ...], timestamp: int | None = None) -> bytes:
    """An EXECUTE of `INSERT`; `timestamp`, in microseconds, is the client's own."""
    return Execute(prepared_id, QueryParameters(values=row, timestamp=timestamp)).encode(PROTOCOL_V4)


def _inserts(prepared_id: bytes) -> Iterator[bytes]:
    return cycle([insert(prepared_id, row) for row in _rows()])


def _unlike_inserts(prepared_id: bytes) -> Iterator[bytes]:
    source = random.Random(_SEED)
    return cycle([insert(prepared_id, (key, payload[: source.randrange(100)])) for key, payload in _rows()])


def _selects(prepared_id: bytes) -> Iterator[bytes]:
    return cycle([insert(prepared_id, row[:1]) for row in _rows()])


def _batches(prepared_id: bytes) -> Iterator[bytes]:
    rows = cycle(_rows())
    batches = []
    for _ in range(_DIFFERENT):
        queries = tuple(BatchQuery(prepared_id, next(rows)) for _ in range(BATCH_OF))
        batches.append(Batch(BatchType.UNLOGGED, queries).encode(PROTOCOL_V4))
    return cycle(batches)


def texts() -> Iterator[str]:
    """INSERTs of ten columns, each with literals of its own."""
    source = random.Random(_SEED)
    tenants = [UUID(int=source.getrandbits(128), version=4) for _ in range(_TENANTS)]
    while True:
        number = source.randrange(10**7, 10**8)
        yield (
            f"INSERT INTO {KEYSPACE}.ten_columns (tenant, id, name, city, amount, pieces, active, created, "
            f"reference, payload) VALUES ({source.choice(tenants)}, {source.randrange(10**17, 10**18)}, "
            f"'customer {number}', 'city of {number}', {source.randrange(100_000, 999_999) / 100:.2f}, "
            f"{source.randrange(100, 999)}, true, '2026-11-21T12:{number % 60:02}:00.000Z', "
            f"{UUID(int=source.getrandbits(128), version=4)}, 0x{source.randbytes(PAYLOAD_BYTES).hex()})"
        )


def _new_texts(prepared_id: bytes) -> Iterator[bytes]:
    return (Query(text).encode(PROTOCOL_V4) for text in texts())


def _known_texts(prepared_id: bytes) -> Iterator[bytes]:
    made = _new_texts(prepared_id)
    return cycle([next(made) for _ in range(_DIFFERENT)])


SELECTS: Final = Kind("prepared SELECT", Opcode.EXECUTE, _selects, SELECT, copied=False, answer=_ROW)
INSERTS: Final = Kind("prepared INSERT", Opcode.EXECUTE, _inserts, INSERT)
UNLIKE_INSERTS: Final = Kind("prepared INSERT, lengths differ", Opcode.EXECUTE, _unlike_inserts, INSERT)
BATCHES: Final = Kind("BATCH of ten", Opcode.BATCH, _batches, INSERT)
NEW_TEXTS: Final = Kind("text INSERT, new", Opcode.QUERY, _new_texts)
KNOWN_TEXTS: Final = Kind("text INSERT, seen before", Opcode.QUERY, _known_texts)


def frames(opcode: Opcode, bodies: Iterator[bytes], count: int) -> bytes:
    """`count` requests as a client sends them in one go, on streams from 0."""
    sent = []
    for stream in range(count):
        body = next(bodies)
        sent.append(HEADER.pack(PROTOCOL_V4, 0, stream, opcode, len(body)))
        sent.append(body)
    return b"".join(sent)
