"""An application that sends statements of every kind, from many clients at once, at a steady rate.

Arguments: contact point, port, keyspace (made by ``workload_schema.py``), then as options: --operations,
--keys, --clients, --rate (operations a second), --seed. The same options give the same statements. Every
other client leaves write times to the server, the others give their own. The first client changes the schema
and truncates a table now and then.

Prints ``started``, and at the end one JSON object: ``sent`` and ``seconds``; ``kinds``, how many of each;
``applied`` and ``not_applied``, of conditional writes; ``errors``, the texts of all.
"""

import argparse
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import FallthroughRetryPolicy

from tests.integration.programs.workload_client import Sent, Writer
from tests.integration.programs.workload_statements import KINDS

_READS = {
    "read": "SELECT * FROM $ks.items WHERE k = ?",
    "read of parts": "SELECT * FROM $ks.parts WHERE k = ?",
}
_EVERY_READ = 12
"""One operation in so many is a read."""
_EVERY_SCHEMA_CHANGE = 8
"""One operation in so many of the first client is a step of `schema_changes`."""


def schema_changes(writer: Writer) -> Iterator[Sent]:
    """Tables made, changed, emptied and dropped, and written to in between, by one client."""
    for number in itertools.count():
        side = f"$ks.side_{number}"
        for text in (
            f"CREATE TABLE {side} (k int PRIMARY KEY, v text)",
            f"INSERT INTO {side} (k, v) VALUES (1, 'one')",
            f"ALTER TABLE {side} ADD w int",
            f"INSERT INTO {side} (k, v, w) VALUES (2, 'two', 2)",
            f"INSERT INTO $ks.emptied (k, v) VALUES ({number}, 'before')",
            "TRUNCATE $ks.emptied",
            f"INSERT INTO $ks.emptied (k, v) VALUES ({number + 1}, 'after')",
            f"CREATE INDEX ON {side} (w)",
            f"UPDATE {side} SET w = 3 WHERE k = 1",
            f"DROP TABLE {side}" if number % 2 else f"ALTER TABLE {side} WITH comment = 'kept'",
        ):
            yield writer.cql(text), None


class Clients:
    """The clients, each on a thread of its own, and what they were answered."""

    def __init__(self, options: argparse.Namespace, sessions: list[Session]) -> None:
        self._options = options
        self._sessions = sessions
        self._names = list(KINDS)
        self._weights = list(itertools.accumulate(weight for weight, _ in KINDS.values()))
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.kinds: Counter[str] = Counter()
        self.applied: Counter[bool] = Counter()
        self.errors: list[str] = []
        self._begin = time.monotonic()

    def run(self) -> float:
        """Send it all; how long it took, in seconds."""
        threads = [
            threading.Thread(target=self._run_one, args=(number,)) for number in range(self._options.clients)
        ]
        self._begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - self._begin

    def _run_one(self, client: int) -> None:
        options = self._options
        session = self._sessions[client % len(self._sessions)]
        writer = Writer(session, options.keyspace, options.keys, options.seed, client, options.clients)
        changes = schema_changes(writer) if client == 0 else None
        for number in range(client, options.operations, options.clients):
            delay = self._begin + number / options.rate - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            turn = number // options.clients
            if changes is not None and turn % _EVERY_SCHEMA_CHANGE == _EVERY_SCHEMA_CHANGE - 1:
                name, (statement, values) = "schema", next(changes)
            elif turn % _EVERY_READ == _EVERY_READ - 1:
                name = "read" if turn % 2 else "read of parts"
                statement, values = writer.prepared(_READS[name]), (writer.any_key(),)
            else:
                name = writer.one_of(self._names, self._weights)
                statement, values = KINDS[name][1](writer)
            self._send(session, name, statement, values)

    def _send(self, session: Session, name: str, statement: object, values: object) -> None:
        try:
            result = session.execute(statement, values)
        except Exception as error:
            with self._lock:
                self.errors.append(f"{name}: {type(error).__name__}: {error}")
            return
        applied = bool(result.column_names) and result.column_names[0] == "[applied]"
        with self._lock:
            self.kinds[name] += 1
            if applied:
                self.applied[result.was_applied] += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("keyspace")
    parser.add_argument("--operations", type=int, required=True)
    parser.add_argument("--keys", type=int, required=True)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Each request is sent once: what is answered is what the proxy answered.
    profile = ExecutionProfile(request_timeout=60, retry_policy=FallthroughRetryPolicy())
    with Cluster(
        [options.address],
        port=options.port,
        schema_metadata_enabled=False,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    ) as cluster:
        sessions = [cluster.connect(), cluster.connect()]
        sessions[0].use_client_timestamp = False
        clients = Clients(options, sessions)
        print("started", flush=True)
        seconds = clients.run()
    said = {
        "sent": clients.kinds.total() + len(clients.errors),
        "seconds": seconds,
        "kinds": clients.kinds,
        "applied": clients.applied[True],
        "not_applied": clients.applied[False],
        "errors": clients.errors,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
