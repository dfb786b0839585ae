"""What is asked of the proxy: the table of the benchmarks, its keys, and the requests on it. Pure."""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from frame_codec import PROTOCOL_V4, Execute, QueryParameters

KEYSPACE: Final = "cqlproxy_bench"

SCHEMA: Final = (
    f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} "
    "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    f"CREATE TABLE IF NOT EXISTS {KEYSPACE}.by_key (key bigint PRIMARY KEY, payload blob)",
)

KEYS: Final = 4096
"""Partitions that are written and read, so that neither locks nor caches see one hot row."""

PAYLOAD_BYTES: Final = 100

_BIGINT: Final = struct.Struct(">q")
_SEED: Final = 9042


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of request, as a prepared statement that is executed with one key after the other."""

    name: str
    text: str
    values: Callable[[bytes], tuple[bytes, ...]]
    """From a serialized key to the values that are bound."""

    def bodies(self, prepared_id: bytes) -> list[bytes]:
        """EXECUTE bodies (spec section 4.1.6), one for each key, all of the same length."""
        return [
            Execute(prepared_id, QueryParameters(values=values)).encode(PROTOCOL_V4) for values in self.rows()
        ]

    def rows(self) -> list[tuple[bytes, ...]]:
        """The values of one request for each key."""
        return [self.values(key) for key in partition_keys()]


def partition_keys() -> list[bytes]:
    """The `KEYS` keys as serialized bigints, scattered over the ring; the same ones in every run."""
    source = random.Random(_SEED)
    keys: set[int] = set()
    while len(keys) < KEYS:
        keys.add(source.getrandbits(64) - (1 << 63))
    return [_BIGINT.pack(key) for key in sorted(keys)]


def _payload(key: bytes) -> bytes:
    return random.Random(key).randbytes(PAYLOAD_BYTES)


INSERT: Final = Workload(
    "insert",
    f"INSERT INTO {KEYSPACE}.by_key (key, payload) VALUES (?, ?)",
    lambda key: (key, _payload(key)),
)

SELECT: Final = Workload("select", f"SELECT payload FROM {KEYSPACE}.by_key WHERE key = ?", lambda key: (key,))

WORKLOADS: Final = {workload.name: workload for workload in (INSERT, SELECT)}
