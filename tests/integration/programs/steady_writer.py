"""An ordinary program that writes, changes, deletes and reads its rows one after the other until a file
appears.

Arguments: contact point, port, keyspace (with a table ``t (id int PRIMARY KEY, v text)``), the path of that
file. Each read is compared with what the program has written last. Prints ``started``; at the end one JSON
object: ``expected``, by id what the table must hold of its rows; ``deleted``, the ids of which it must hold
nothing; ``requests``; ``errors`` and ``wrong_reads``, a line of text for each.
"""

import json
import sys
import time
from pathlib import Path

from cassandra.cluster import Cluster

_MOST_SECONDS = 300.0
_PAUSE = 0.002


def main(address: str, port: str, keyspace: str, stop: str) -> None:
    expected: dict[int, str] = {}
    deleted: list[int] = []
    errors: list[str] = []
    wrong_reads: list[str] = []
    requests = 0
    with Cluster([address], port=int(port)) as cluster:
        session = cluster.connect()
        insert = session.prepare(f"INSERT INTO {keyspace}.t (id, v) VALUES (?, ?)")
        update = session.prepare(f"UPDATE {keyspace}.t SET v = ? WHERE id = ?")
        delete = session.prepare(f"DELETE FROM {keyspace}.t WHERE id = ?")
        select = session.prepare(f"SELECT v FROM {keyspace}.t WHERE id = ?")
        print("started", flush=True)
        until = time.monotonic() + _MOST_SECONDS
        number = 0
        while time.monotonic() < until and not Path(stop).exists():
            number += 1
            try:
                session.execute(insert, (number, f"{number}: written"))
                expected[number] = f"{number}: written"
                if number % 3 == 0:
                    session.execute(update, (f"{number - 2}: changed", number - 2))
                    expected[number - 2] = f"{number - 2}: changed"
                if number % 10 == 0:
                    session.execute(delete, (number - 5,))
                    del expected[number - 5]
                    deleted.append(number - 5)
                looked_at = max(1, number - number % 7)
                row = session.execute(select, (looked_at,)).one()
                found = None if row is None else row.v
                if found != expected.get(looked_at):
                    wrong_reads.append(f"{looked_at}: {found!r}, not {expected.get(looked_at)!r}")
                requests += 2 + (number % 3 == 0) + (number % 10 == 0)
            except Exception as error:
                errors.append(f"{number}: {type(error).__name__}: {error}")
            time.sleep(_PAUSE)
    print(
        json.dumps(
            {
                "expected": expected,
                "deleted": deleted,
                "requests": requests,
                "errors": errors,
                "wrong_reads": wrong_reads,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
