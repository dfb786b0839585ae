"""Statements of the corpus that Cassandra 5.0 refuses to parse, and for which reason that is right."""

from __future__ import annotations

from typing import Final

SCYLLADB: Final = frozenset(
    {
        "INSERT INTO t (a) VALUES (1) USING TIMEOUT 50ms",
        "INSERT INTO t (a) VALUES (1) USING TIMESTAMP 5 AND TIMEOUT 1s",
        "UPDATE t USING TIMEOUT 1s SET a=1 WHERE k=1",
        "UPDATE t SET scylla_timeuuid_list_index(l)[?] = 'x' WHERE k = 1",
        "DELETE FROM t USING TIMESTAMP 1 AND TIMEOUT 1s WHERE k = 1",
        "SELECT * FROM t BYPASS CACHE",
        "SELECT * FROM t WHERE k = 1 BYPASS CACHE USING TIMEOUT 100ms",
        "SELECT * FROM t USING TIMEOUT ?",
        "SELECT * FROM MUTATION_FRAGMENTS(ks.t) WHERE k = 1",
        "PRUNE MATERIALIZED VIEW ks.v",
        "PRUNE MATERIALIZED VIEW v WHERE token(k) > ? USING CONCURRENCY 10",
        "CREATE INDEX i ON t ((a), b)",
        "CREATE SCHEMA ks WITH replication = {}",
        "TRUNCATE t USING TIMEOUT 5m",
        "CREATE SERVICE_LEVEL sl WITH shares = 100",
        "DROP SERVICE LEVEL IF EXISTS sl",
        "ATTACH SERVICE_LEVEL sl TO r",
        "DETACH SERVICE LEVEL FROM r",
    }
)
"""Of ScyllaDB's grammar alone."""

NEWER: Final = frozenset(
    {
        "DELETE FROM t WHERE token(k) > 1 AND c BETWEEN ? AND 5",
        "SELECT a FROM t WHERE k NOT IN (1, 2)",
        "SELECT a FROM t WHERE c : 'newer than this grammar'",
        "CREATE TABLE ks.a LIKE ks.b WITH INDEXES",
        "CREATE TABLE IF NOT EXISTS a LIKE b",
        "COMMENT ON TABLE ks.t IS 'x'",
        "COMMENT ON COLUMN ks.t.c IS 'x'",
        "COMMENT ON KEYSPACE ks IS NULL",
        "COMMENT ON TYPE ks.u IS 'x'",
        "SECURITY LABEL FOR p ON TABLE t IS 'x'",
        "SECURITY LABEL ON COLUMN t.c IS 'x'",
        "CREATE ROLE r WITH GENERATED PASSWORD AND ACCESS FROM ALL CIDRS",
        "LIST SUPERUSERS",
    }
)
"""Of versions after 5.0, or of none yet."""

READ_GENEROUSLY: Final = frozenset(
    {
        "UPDATE t SET a = 1 WHERE (k, c) IN (?, (1, 2))",
        "UPDATE t SET a = b + ? WHERE k = 1",
        "DELETE json FROM json WHERE token = 1",
        # The function does not exist, which Cassandra takes for an error of syntax.
        "GRANT EXECUTE ON FUNCTION ks.f(int) TO r",
        "SELECT f(x, (SELECT)) FROM t",
        # Cassandra wants the end of a line after a comment, even after the last one.
        "/* DROP TABLE x; */ INSERT -- INTO y\n INTO t (a) // z\n VALUES (1) -- end",
        "SELECT a FROM t WHERE k = 1 AND c = 'FROM u' -- FROM v",
    }
)
"""Refused by every server, and yet understood: the server's answer is what the client sees."""
