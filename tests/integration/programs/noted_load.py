"""A steady load of prepared INSERTs, counters and reads until a file appears, each request noted.

Arguments: contact point, port, keyspace (made here unless it exists), then as options: --rate (requests a
second), --stop (the path of that file), --seconds (after so many it ends in any case), --retries (how often
the driver sends a request again that has timed out; it never does for other reasons). Prints ``started``; at
the end one JSON object: ``requests`` is a list of [number, start, seconds, error], start in Unix time, error
null where it succeeded; ``retried`` is how often the driver has sent one again.
"""

import argparse
import json
import threading
import time
from pathlib import Path

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, RetryPolicy

from tests.integration.programs.noted_requests import counter_row, kind

_MOST_SECONDS = 300.0
_AT_ONCE = 300
_SCHEMA = (
    "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = "
    "{{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    "CREATE TABLE IF NOT EXISTS {}.rows (id int PRIMARY KEY, v text)",
    "CREATE TABLE IF NOT EXISTS {}.counts (id int PRIMARY KEY, n counter)",
)


class RetryAfterTimeout:
    """An application that sends a write again when it has timed out, so many times, and nothing else."""

    def __init__(self, times: int) -> None:
        self._times = times
        self.retried = 0

    def on_write_timeout(self, *_: object, retry_num: int, **__: object) -> tuple[int, int | None]:
        if retry_num >= self._times:
            return RetryPolicy.RETHROW, None
        self.retried += 1
        return RetryPolicy.RETRY, None

    def on_other(self, *_: object, **__: object) -> tuple[int, int | None]:
        return RetryPolicy.RETHROW, None

    on_read_timeout = on_unavailable = on_request_error = on_other


def values(number: int) -> tuple[object, ...]:
    """What request `number` binds."""
    what = kind(number)
    if what == "insert":
        return number, f"value {number}"
    return (counter_row(number),) if what == "counter" else (number - 1,)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("keyspace")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--stop", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=_MOST_SECONDS)
    parser.add_argument("--retries", type=int, default=0)
    options = parser.parse_args()
    policy = RetryAfterTimeout(options.retries)
    cluster = Cluster(
        [options.address],
        port=options.port,
        schema_metadata_enabled=False,
        reconnection_policy=ConstantReconnectionPolicy(0.1, max_attempts=None),
        execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(request_timeout=30, retry_policy=policy)},
    )
    session = cluster.connect()
    for statement in _SCHEMA:
        session.execute(statement.format(options.keyspace), timeout=60)
    statements = {
        "insert": session.prepare(f"INSERT INTO {options.keyspace}.rows (id, v) VALUES (?, ?)"),
        "counter": session.prepare(f"UPDATE {options.keyspace}.counts SET n = n + 1 WHERE id = ?"),
        "read": session.prepare(f"SELECT v FROM {options.keyspace}.rows WHERE id = ?"),
    }
    requests: list[list[object]] = []
    room = threading.Semaphore(_AT_ONCE)

    def send(number: int) -> None:
        room.acquire()
        started = time.time()

        def done(error: object = None) -> None:
            text = None if error is None else f"{type(error).__name__}: {error}"
            requests.append([number, started, time.time() - started, text])
            room.release()

        session.execute_async(statements[kind(number)], values(number)).add_callbacks(
            lambda rows: done(), done
        )

    print("started", flush=True)
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + options.seconds and (number % 16 or not options.stop.exists()):
        delay = begin + number / options.rate - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        send(number)
        number += 1
    for _ in range(_AT_ONCE):
        room.acquire()
    print(json.dumps({"requests": requests, "retried": policy.retried}))
    cluster.shutdown()


if __name__ == "__main__":
    main()
