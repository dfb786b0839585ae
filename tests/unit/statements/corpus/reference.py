"""Definitions, permissions and descriptions: what the grammar of Cassandra 5 has and no other file."""

from __future__ import annotations

from typing import Final

from cqlproxy.statements import Kind
from tests.unit.statements.corpus.case import Case

S: Final = Kind.SCHEMA
ROLE: Final = Kind.ROLE
DESCRIBE: Final = Kind.DESCRIBE

CASES: Final = [
    # --- tables and types
    Case(
        "CREATE TABLE ks.t (a ascii, b bigint, c blob, d boolean, e date, f decimal, g double, h duration,"
        " i float, j inet, k int PRIMARY KEY, l smallint, m text, n time, o timestamp, p timeuuid, q tinyint,"
        " r uuid, s varchar, t varint)",
        S,
        "ks.t",
    ),
    Case("CREATE TABLE views (page text PRIMARY KEY, n counter)", S, "views"),
    Case(
        "CREATE TABLE t (a int, b int, c int, d int, s set<text>, home frozen<address>,"
        " PRIMARY KEY ((a, b), c, d)) WITH CLUSTERING ORDER BY (c ASC, d DESC) AND gc_grace_seconds = 60"
        " AND compression = {'class': 'LZ4Compressor'}",
        S,
        "t",
    ),
    # --- functions
    Case(
        "CREATE FUNCTION ks.plus(a int, b int) CALLED ON NULL INPUT RETURNS int LANGUAGE java"
        " AS 'return a + b; // DROP TABLE t'",
        S,
        keyspaces=("ks",),
    ),
    # --- roles and permissions
    Case("ALTER ROLE r WITH ACCESS TO DATACENTERS {'dc1', 'dc2'} AND ACCESS FROM CIDRS {'office'}", ROLE),
    Case("LIST ROLES", Kind.LIST),
    Case("GRANT ALL ON ALL ROLES TO r", ROLE),
    Case("GRANT CREATE ON ALL FUNCTIONS TO r", ROLE),
    Case("GRANT DROP PERMISSION ON ALL FUNCTIONS IN KEYSPACE ks TO r", ROLE),
    Case("GRANT AUTHORIZE ON ROLE s TO r", ROLE),
    Case("REVOKE ALTER ON ks.t FROM r", ROLE),
    Case("GRANT DESCRIBE ON ALL MBEANS TO r", ROLE),
    Case("REVOKE EXECUTE ON MBEAN 'org.example:type=Thing' FROM r", ROLE),
    Case("GRANT MODIFY ON MBEANS 'org.example:*' TO r", ROLE),
    # --- DESCRIBE
    Case("DESCRIBE SCHEMA WITH INTERNALS", DESCRIBE),
    Case("DESCRIBE KEYSPACE ks", DESCRIBE),
    Case("DESCRIBE TABLES", DESCRIBE),
    Case("DESCRIBE INDEX ks.i", DESCRIBE),
    Case("DESCRIBE TYPES", DESCRIBE),
    Case("DESC TYPE ks.address", DESCRIBE),
    Case("DESCRIBE FUNCTIONS", DESCRIBE),
    Case("DESCRIBE FUNCTION ks.plus", DESCRIBE),
    Case("DESCRIBE AGGREGATES", DESCRIBE),
    Case("DESCRIBE AGGREGATE ks.total", DESCRIBE),
    Case("DESCRIBE ks.t WITH INTERNALS", DESCRIBE),
]
