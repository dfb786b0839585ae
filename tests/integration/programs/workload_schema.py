"""The tables that ``workload.py`` writes to, by what their writes depend on.

Arguments: contact point, port, keyspace. Prints one JSON object when they are made.
"""

import json
import sys

from cassandra.cluster import Cluster

TABLES = (
    "CREATE TYPE {ks}.street (name text, number int)",
    # Plain writes by everybody to everything: the write times decide.
    "CREATE TABLE {ks}.items (k int, c int, v text, w int, b blob, s text static, PRIMARY KEY (k, c))",
    "CREATE TABLE {ks}.parts (k int PRIMARY KEY, s set<text>, m map<text, int>, u street, "
    "t tuple<int, text>, f frozen<list<text>>, d map<int, frozen<street>>)",
    # Keys of a timeuuid's own making.
    "CREATE TABLE {ks}.events (k int, at timeuuid, id uuid, v int, PRIMARY KEY (k, at))",
    "CREATE TABLE {ks}.generated (k int, c int, at timeuuid, id uuid, stamp timestamp, day date, hour time, "
    "PRIMARY KEY (k, c))",
    # Each key of these belongs to one client.
    "CREATE TABLE {ks}.appended (k int PRIMARY KEY, l list<int>)",
    "CREATE TABLE {ks}.indexed (k int PRIMARY KEY, l list<int>)",
    "CREATE TABLE {ks}.accounts (k int PRIMARY KEY, owner text, balance int)",
    "CREATE TABLE {ks}.ledger (k int, c int, v text, total int static, PRIMARY KEY (k, c))",
    # One client's alone.
    "CREATE TABLE {ks}.emptied (k int PRIMARY KEY, v text)",
    # Counters.
    "CREATE TABLE {ks}.counts (k int PRIMARY KEY, n counter, m counter)",
)


def main(host: str, port: int, keyspace: str) -> None:
    with Cluster([host], port=port, schema_metadata_enabled=False) as cluster:
        session = cluster.connect()
        session.default_timeout = 60
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {replication}")
        for table in TABLES:
            session.execute(table.format(ks=keyspace))
    print(json.dumps({"created": keyspace}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
