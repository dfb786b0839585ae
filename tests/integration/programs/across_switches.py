"""What an application had begun before the mode is switched, and goes on with afterwards.

Arguments: contact point and port of the proxy, address and port of the primary, the same of the shadow, the
port of the proxy's admin endpoints, the keyspace to make, how many rows to make in it on the primary and on
the shadow. The proxy begins in ``dual_write_async``. Each row says where it is, and the shadow's table has a
column more. Prints one JSON object: what was read when; see `main`.
"""

import http.client
import json
import sys

from cassandra.cluster import Cluster, Session
from cassandra.query import SimpleStatement

_PAGE = 10


def make(server: list[str], keyspace: str, name: str, rows: int, more: str) -> None:
    """The table as one cluster has it."""
    with Cluster([server[0]], port=int(server[1])) as direct:
        session = direct.connect()
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        session.execute(f"CREATE TABLE {keyspace}.t (k int, c int, {more} v text, PRIMARY KEY (k, c))")
        session.execute(f"CREATE TABLE {keyspace}.w (id int PRIMARY KEY, v text)")
        for number in range(rows):
            session.execute(f"INSERT INTO {keyspace}.t (k, c, v) VALUES (1, {number}, '{name}')")


def rows_of(session: Session, statement: object, values: object = None) -> list[list[object]]:
    return [[row.c, row.v] for row in session.execute(statement, values)]


def main(
    proxy: list[str], primary: list[str], shadow: list[str], admin_port: int, keyspace: str, rows: list[int]
) -> None:
    def switch(mode: str) -> None:
        connection = http.client.HTTPConnection(proxy[0], admin_port, timeout=30)
        connection.request(
            "POST", "/config/mode", json.dumps({"mode": mode}), {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{mode}: {answer.status} {said!r}")

    make(primary, keyspace, "primary", rows[0], "")
    # Not at the end, alphabetically: SELECT * gives other columns at the same places.
    make(shadow, keyspace, "shadow", rows[1], "extra int,")
    said: dict[str, object] = {}
    with Cluster([proxy[0]], port=int(proxy[1])) as cluster:
        session = cluster.connect()
        session.default_fetch_size = _PAGE
        prepared = session.prepare(f"SELECT * FROM {keyspace}.t WHERE k = ?")
        insert = session.prepare(f"INSERT INTO {keyspace}.w (id, v) VALUES (?, ?)")
        text = SimpleStatement(f"SELECT * FROM {keyspace}.t WHERE k = 1", fetch_size=_PAGE)
        said["before"] = rows_of(session, prepared, (1,))
        session.execute(insert, (1, "before"))
        begun = {"prepared": session.execute(prepared, (1,)), "text": session.execute(text)}
        for page in begun.values():
            assert len(page.current_rows) == _PAGE

        switch("shadow_primary")
        said["begun on the primary"] = {
            name: [[row.c, row.v] for row in pages] for name, pages in begun.items()
        }
        said["after"] = rows_of(session, prepared, (1,))
        said["text after"] = rows_of(session, text)
        session.execute(insert, (2, "after"))
        begun = {"prepared": session.execute(prepared, (1,)), "text": session.execute(text)}

        switch("dual_write_async")
        said["begun on the shadow"] = {
            name: [[row.c, row.v] for row in pages] for name, pages in begun.items()
        }
        said["back"] = rows_of(session, prepared, (1,))
        session.execute(insert, (3, "back"))
        said["written"] = sorted(
            [row.id, row.v] for row in session.execute(f"SELECT id, v FROM {keyspace}.w")
        )
    print(json.dumps(said))


if __name__ == "__main__":
    main(
        sys.argv[1:3], sys.argv[3:5], sys.argv[5:7], int(sys.argv[7]), sys.argv[8], [*map(int, sys.argv[9:])]
    )
