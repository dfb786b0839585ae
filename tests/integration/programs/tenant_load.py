"""Tenants writing at a steady rate, by every way to write, until a file appears.

Arguments: contact point, port, keyspace, requests a second, the path of that file, three tenants (uuids).
Creates the keyspace first and prints ``started``; at the end one JSON object: ``requests`` is a list of
[number, way, sent, answered, error] with times in Unix time, error null where it succeeded. Request
``number`` writes the rows with the id ``number`` that ``tenant_rows.ROWS`` names for its way.
"""

import json
import sys
import threading
import time
import uuid
from pathlib import Path

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import BatchStatement, BatchType

from tests.integration.programs.tenant_rows import ROWS, WAYS, tenant_of

_MOST_SECONDS = 240.0
_AT_ONCE = 200
_TEXT = "INSERT INTO {}.{} (tenant, id, v) VALUES ({}, {}, '{}')"


class Writer:
    """Sends one request of each way in turn."""

    def __init__(self, cluster: Cluster, keyspace: str, tenants: list[uuid.UUID]) -> None:
        self.session = session = cluster.connect()
        self.keyspace = keyspace
        self.tenants = tenants
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        for table in ("orders", "audit"):
            columns = "tenant uuid, id bigint, v text, PRIMARY KEY (tenant, id)"
            session.execute(f"CREATE TABLE {keyspace}.{table} ({columns})")
        self.insert = {
            table: session.prepare(f"INSERT INTO {keyspace}.{table} (tenant, id, v) VALUES (?, ?, ?)")
            for table in ("orders", "audit")
        }
        self.update = session.prepare(
            f"UPDATE {keyspace}.orders SET v = :v WHERE id = :number AND tenant = :whose"
        )

    def text(self, number: int, table: str, tenant: int, way: str) -> str:
        return _TEXT.format(self.keyspace, table, self.tenants[tenant], number, way)

    def statement(self, number: int) -> tuple[object, object]:
        way = WAYS[number % len(WAYS)]
        tenant = self.tenants[tenant_of(number)]
        rows = ROWS[way](number)
        if way == "prepared":
            return self.insert["orders"], (tenant, number, way)
        if way == "audit":
            return self.insert["audit"], (tenant, number, way)
        if way == "named":
            return self.update, {"v": way, "number": number, "whose": tenant}
        if way == "plain":
            return self.text(number, *rows[0], way), None
        if way == "json":
            document = json.dumps({"id": number, "tenant": str(tenant), "v": way})
            return f"INSERT INTO {self.keyspace}.orders JSON '{document}'", None
        if way == "text_batch":
            inner = "; ".join(self.text(number, table, whose, way) for table, whose in rows)
            return f"BEGIN BATCH {inner}; APPLY BATCH", None
        batch = BatchStatement(BatchType.UNLOGGED)
        for position, (table, whose) in enumerate(rows):
            if position % 2:
                batch.add(self.text(number, table, whose, way))
            else:
                batch.add(self.insert[table], (self.tenants[whose], number, way))
        return batch, None


def main(host: str, port: int, keyspace: str, rate: int, stop: Path, tenants: list[uuid.UUID]) -> None:
    profile = ExecutionProfile(request_timeout=60)
    cluster = Cluster([host], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    writer = Writer(cluster, keyspace, tenants)
    requests: list[list[object]] = []
    room = threading.Semaphore(_AT_ONCE)

    def send(number: int) -> None:
        room.acquire()
        statement, values = writer.statement(number)
        # Half of them without a write time of the driver's: whoever stands in between gives one.
        writer.session.use_client_timestamp = number // len(WAYS) % 2 == 0
        sent = time.time()

        def done(error: object = None) -> None:
            text = None if error is None else f"{type(error).__name__}: {error}"
            requests.append([number, WAYS[number % len(WAYS)], sent, time.time(), text])
            room.release()

        writer.session.execute_async(statement, values).add_callbacks(lambda rows: done(), done)

    print("started", flush=True)
    begin = time.monotonic()
    number = 0
    while not stop.exists() and time.monotonic() < begin + _MOST_SECONDS:
        for _ in range(max(1, rate // 50)):
            delay = begin + number / rate - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            send(number)
            number += 1
    for _ in range(_AT_ONCE):
        room.acquire()
    print(json.dumps({"requests": requests}))
    cluster.shutdown()


if __name__ == "__main__":
    main(
        sys.argv[1],
        int(sys.argv[2]),
        sys.argv[3],
        int(sys.argv[4]),
        Path(sys.argv[5]),
        [uuid.UUID(text) for text in sys.argv[6:9]],
    )
