"""An ordinary program under steady load: so many operations a second, and what became of each.

Arguments: contact point, port, keyspace (must exist, with table ``steady``), seconds, operations a second,
and a file that ends the load when it is there.
Prints one JSON object: ``operations`` is a list of [start, seconds, error], start in Unix time, error null
where the operation succeeded. Every fourth operation is a read, the others are prepared INSERTs.
"""

import json
import sys
import threading
import time
from pathlib import Path

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile


def main(host: str, port: int, keyspace: str, seconds: float, rate: int, end: Path) -> None:
    profile = ExecutionProfile(request_timeout=30)
    cluster = Cluster([host], port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    session = cluster.connect()
    insert = session.prepare(f"INSERT INTO {keyspace}.steady (id, v) VALUES (?, ?)")
    select = session.prepare(f"SELECT v FROM {keyspace}.steady WHERE id = ?")
    operations: list[list[object]] = []
    open_operations = threading.Semaphore(0)

    def send(number: int) -> None:
        started = time.time()

        def done(error: object = None) -> None:
            text = None if error is None else f"{type(error).__name__}: {error}"
            operations.append([started, time.time() - started, text])
            open_operations.release()

        if number % 4 == 3:
            future = session.execute_async(select, (number - 1,))
        else:
            future = session.execute_async(insert, (number, f"value {number}"))
        future.add_callbacks(lambda rows: done(), done)

    print("started", flush=True)
    begin = time.monotonic()
    total = int(seconds * rate)
    for number in range(total):
        if number % rate == 0 and end.exists():
            total = number
            break
        delay = begin + number / rate - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        send(number)
    for _ in range(total):
        open_operations.acquire()
    print(json.dumps({"operations": operations}))
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5]), Path(sys.argv[6]))
