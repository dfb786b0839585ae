"""What is asked of a contestant: the tables of the benchmarks, their keys, and the requests on them. Pure.

Each kind of request has one size that can be set: bytes of payload for most, or how many columns, tables or
prepared statements there are.
"""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple
from uuid import UUID

from frame_codec import (
    PROTOCOL_V4,
    Batch,
    BatchQuery,
    BatchType,
    Execute,
    Opcode,
    Options,
    Query,
    QueryParameters,
    Request,
)

KEYSPACE: Final = "cqlproxy_bench"

MAKE_KEYSPACE: Final = (
    f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} "
    "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
)

KEYS: Final = 4096
"""Partitions that are written and read, so that neither locks nor caches see one hot row."""

TEXTS: Final = 16_384
"""Different texts: more than any contestant keeps, so that each is read anew."""

PAYLOAD_BYTES: Final = 100
BATCH_OF: Final = 10

_BIGINT: Final = struct.Struct(">q")
_SEED: Final = 9042
_MOST_BYTES: Final = 16 << 20
"""Of all bodies of a workload together; of large ones there are fewer."""
_FEWEST: Final = 16
_BATCHES: Final = 1024
_TENANTS: Final = 64


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request, sent with one key after the other."""

    name: str
    opcode: Opcode
    schema: Sequence[str]
    """Tables that it needs, in `KEYSPACE`."""
    statements: Sequence[str]
    """What must be prepared for it, in the order in which `requests` wants the ids."""
    requests: Callable[[Sequence[bytes]], Iterator[Request]]
    """From the prepared ids to the requests; those of the first ``len(statements)`` use all ids."""
    filled_by: "Workload | None" = None
    """Whose requests write what this one reads."""
    answer: Opcode = Opcode.RESULT
    """What every request is to be answered with."""

    def bodies(self, prepared_ids: Sequence[bytes]) -> list[bytes]:
        """The bodies of the requests (spec section 4.1), all of the same length."""
        return [request.encode(PROTOCOL_V4) for request in self.requests(prepared_ids)]


def partition_keys(count: int = KEYS) -> list[bytes]:
    """`count` keys as serialized bigints, positive and scattered over the ring; the same in every run."""
    source = random.Random(_SEED)
    return [_BIGINT.pack(number) for number in sorted(source.sample(range(10**18, 9 * 10**18), count))]


def workload(name: str, size: int | None = None) -> Workload:
    """The workload of that name, one of `WORKLOADS`; without `size` that is the usual one."""
    kind = WORKLOADS[name]
    return kind.make(kind.size if size is None else size)


def _payload(key: bytes, size: int) -> bytes:
    return random.Random(key).randbytes(size)


def _keys_for(size: int) -> list[bytes]:
    return partition_keys()[: max(_FEWEST, min(KEYS, _MOST_BYTES // size))]


def _payload_table(name: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.{name} (key bigint PRIMARY KEY, payload blob)"


def _insert_into(table: str) -> str:
    return f"INSERT INTO {KEYSPACE}.{table} (key, payload) VALUES (?, ?)"


def _execute(prepared_id: bytes, *values: bytes) -> Execute:
    return Execute(prepared_id, QueryParameters(values=values))


def _insert(size: int, table: str = "by_key") -> Workload:
    def requests(ids: Sequence[bytes]) -> Iterator[Request]:
        return (_execute(ids[0], key, _payload(key, size)) for key in _keys_for(size))

    return Workload("insert", Opcode.EXECUTE, [_payload_table(table)], [_insert_into(table)], requests)


def _select(size: int) -> Workload:
    def requests(ids: Sequence[bytes]) -> Iterator[Request]:
        return (_execute(ids[0], key) for key in _keys_for(size))

    table = f"read_{size}"
    text = f"SELECT payload FROM {KEYSPACE}.{table} WHERE key = ?"
    fill = _insert(size, table)
    return Workload("select", Opcode.EXECUTE, fill.schema, [text], requests, filled_by=fill)


def _batch(size: int) -> Workload:
    def requests(ids: Sequence[bytes]) -> Iterator[Request]:
        keys = _keys_for(size)
        for number in range(min(_BATCHES, len(keys))):
            chosen = [keys[(number * BATCH_OF + more) % len(keys)] for more in range(BATCH_OF)]
            yield Batch(
                BatchType.UNLOGGED, tuple(BatchQuery(ids[0], (key, _payload(key, size))) for key in chosen)
            )

    return Workload("batch", Opcode.BATCH, [_payload_table("by_key")], [_insert_into("by_key")], requests)


def _text(size: int) -> Workload:
    schema = (
        f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.ten_columns (tenant uuid, id bigint, name text, city text, "
        "amount double, pieces int, active boolean, created timestamp, reference uuid, payload blob, "
        "PRIMARY KEY ((tenant, id)))"
    )
    return Workload("text", Opcode.QUERY, [schema], [], lambda ids: _ten_columns(size))


def _ten_columns(size: int) -> Iterator[Request]:
    source = random.Random(_SEED)
    tenants = [UUID(int=source.getrandbits(128), version=4) for _ in range(_TENANTS)]
    for number in range(max(_FEWEST, min(TEXTS, _MOST_BYTES // size))):
        reference = UUID(int=source.getrandbits(128), version=4)
        yield Query(
            f"INSERT INTO {KEYSPACE}.ten_columns (tenant, id, name, city, amount, pieces, active, created, "
            f"reference, payload) VALUES ({tenants[number % _TENANTS]}, {source.randrange(10**17, 10**18)}, "
            f"'customer {number:08}', 'city of {number:08}', {source.randrange(100_000, 999_999) / 100:.2f}, "
            f"{source.randrange(100, 999)}, true, '2026-11-21T12:{number % 60:02}:00.000Z', "
            f"{reference}, 0x{source.randbytes(size).hex()})"
        )


def _columns(count: int) -> Workload:
    names = [f"c{number}" for number in range(1, count)]
    table = f"wide_{count}"
    schema = (
        f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.{table} (key bigint PRIMARY KEY, "
        f"{', '.join(f'{name} bigint' for name in names)})"
    )
    text = (
        f"INSERT INTO {KEYSPACE}.{table} ({', '.join(['key', *names])}) "
        f"VALUES ({', '.join('?' for _ in range(count))})"
    )

    def requests(ids: Sequence[bytes]) -> Iterator[Request]:
        return (_execute(ids[0], *[key] * count) for key in _keys_for(8 * count))

    return Workload("columns", Opcode.EXECUTE, [schema], [text], requests)


def _tables(count: int) -> Workload:
    names = [f"one_of_many_{number:05}" for number in range(count)]
    return Workload(
        "tables",
        Opcode.EXECUTE,
        [_payload_table(name) for name in names],
        [_insert_into(name) for name in names],
        _each_in_turn,
    )


def _statements(count: int) -> Workload:
    texts = [f"{_insert_into('by_key')} /* {number:05} */" for number in range(count)]
    return Workload("statements", Opcode.EXECUTE, [_payload_table("by_key")], texts, _each_in_turn)


def _options(times: int) -> Workload:
    """What a proxy answers itself: a probe of its event loop, and of nothing behind it."""
    return Workload(
        "options", Opcode.OPTIONS, [], [], lambda ids: repeat(Options(), times), answer=Opcode.SUPPORTED
    )


def _each_in_turn(ids: Sequence[bytes]) -> Iterator[Request]:
    keys = _keys_for(PAYLOAD_BYTES)
    for number in range(max(len(ids), len(keys))):
        key = keys[number % len(keys)]
        yield _execute(ids[number % len(ids)], key, _payload(key, PAYLOAD_BYTES))


class Kind(NamedTuple):
    """A kind of workload: from a size to the workload, the usual size, and what the size counts."""

    make: Callable[[int], Workload]
    size: int
    unit: str


WORKLOADS: Final = {
    "insert": Kind(_insert, PAYLOAD_BYTES, "bytes of payload"),
    "select": Kind(_select, PAYLOAD_BYTES, "bytes of payload"),
    "text": Kind(_text, PAYLOAD_BYTES, "bytes of payload"),
    "batch": Kind(_batch, PAYLOAD_BYTES, "bytes of payload in each of ten"),
    "options": Kind(_options, 1, "bodies, all empty"),
    "columns": Kind(_columns, 10, "columns"),
    "tables": Kind(_tables, 1, "tables"),
    "statements": Kind(_statements, 1, "prepared statements"),
}
