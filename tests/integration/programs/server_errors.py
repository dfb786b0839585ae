"""Errors of the server: class, code, text and fields are those that it sent."""

from functools import partial

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT
from cassandra.query import BatchStatement, SimpleStatement

from tests.integration.programs.transcript import REPLICATED_ONCE, Transcript, conversation

_TABLES = (
    "CREATE TABLE t (k int, c int, v text, w int, PRIMARY KEY (k, c))",
    "CREATE TABLE pairs (k int PRIMARY KEY, p frozen<tuple<int, text>>, l list<int>)",
)


def texts(saw: Transcript) -> None:
    for cql in (
        *(
            "",
            ";",
            "SELEC * FROM t",
            "SELECT FROM",
            "INSERT INTO t (k, c VALUES (1)",
            "SELECT 'open FROM t",
            "\x00",
        ),
        *("SELECT * FROM t WHERE k = ", "BEGIN BATCH INSERT INTO t (k, c) VALUES (1, 1);", "APPLY BATCH"),
        *("SELECT * FROM missing", "INSERT INTO missing (k) VALUES (1)", "DELETE FROM missing WHERE k = 1"),
        *(
            "SELECT missing FROM t",
            "SELECT * FROM no_such_keyspace.t",
            "UPDATE t SET nope = 1 WHERE k = 1 AND c = 1",
        ),
        *(
            "INSERT INTO t (k, c) VALUES ('text', 1)",
            "INSERT INTO t (k) VALUES (1)",
            "INSERT INTO t (c) VALUES (1)",
        ),
        *("INSERT INTO t (k, c, v) VALUES (1, 1)", "INSERT INTO t (k, c) VALUES (null, 1)"),
        *("SELECT * FROM t WHERE v = 'x'", "SELECT * FROM t WHERE c = 1", "SELECT * FROM t ORDER BY c"),
        *(
            "UPDATE t SET v = 'x' WHERE k = 1",
            "UPDATE t SET k = 1 WHERE k = 1 AND c = 1",
            "DELETE FROM t WHERE c = 1",
        ),
        "UPDATE t USING TTL -1 SET v = 'x' WHERE k = 1 AND c = 1",
        "INSERT INTO t (k, c, v) VALUES (1, 1, 'x') USING TIMESTAMP 'x'",
        "INSERT INTO t (k, c, w) VALUES (1, 1, 99999999999)",
        "INSERT INTO pairs (k, p) VALUES (1, (1, 'a', 'b'))",
        "INSERT INTO pairs (k, l) VALUES (1, ['x'])",
        "UPDATE pairs SET l[0] = 1 WHERE k = 404",
        "INSERT INTO t JSON '{\"k\": 1}'",
        "INSERT INTO t JSON 'nonsense'",
        "SELECT no_such_function(v) FROM t",
        "SELECT to_date('x', 'y') FROM t",
        "SELECT blob_as_int(0x01) FROM t WHERE k = 1",
        "SELECT v + w FROM t WHERE k = 1",
        "SELECT sum(v) FROM t",
        "SELECT k FROM t GROUP BY v",
        "TRUNCATE missing",
        "DROP TABLE missing",
        "DROP KEYSPACE no_such_keyspace",
        "ALTER TABLE t ADD v text",
        "ALTER TABLE t DROP k",
        "CREATE TABLE bad (k int)",
        "CREATE TABLE bad (k nonsense PRIMARY KEY)",
        "CREATE KEYSPACE bad WITH replication = {'class': 'None'}",
        "CREATE MATERIALIZED VIEW bad AS SELECT * FROM t",
        "CREATE FUNCTION f (a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS 'return a;'",
        "LIST ROLES",
        "CREATE ROLE r",
        "GRANT SELECT ON t TO r",
        "DESCRIBE TABLE missing",
        "BEGIN BATCH INSERT INTO t (k, c) VALUES (1, 1); SELECT * FROM t; APPLY BATCH",
        "BEGIN BATCH INSERT INTO missing (k, c) VALUES (1, 1); APPLY BATCH",
    ):
        saw.refused(f"text: {cql}", cql)
        saw.fails(f"prepare: {cql}", partial(_prepare_and_execute, saw, cql))


def _prepare_and_execute(saw: Transcript, cql: str) -> object:
    return saw.session.execute(saw.session.prepare(cql))


def already_exists(saw: Transcript) -> None:
    saw.refused("keyspace exists", f"CREATE KEYSPACE {saw.keyspace} {REPLICATED_ONCE}")
    saw.refused("table exists", "CREATE TABLE t (k int PRIMARY KEY)")
    saw.refused("table exists, qualified", f"CREATE TABLE {saw.keyspace}.pairs (k int PRIMARY KEY)")
    saw.ask("if not exists", "CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)")
    saw.ask("keyspace if not exists", f"CREATE KEYSPACE IF NOT EXISTS {saw.keyspace} {REPLICATED_ONCE}")
    saw.session.execute("CREATE TYPE pair (a int, b int)")
    saw.refused("type exists", "CREATE TYPE pair (a int)")
    saw.session.execute("CREATE INDEX by_w ON t (w)")
    saw.refused("index exists", "CREATE INDEX by_w ON t (w)")
    saw.ask("drop if exists", "DROP TABLE IF EXISTS missing")


def bound_values(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, ?)")
    saw.refused("null primary key", insert, (None, 1, "x"))
    saw.refused("null clustering key", insert, (1, None, "x"))
    saw.refused("too many by the driver", insert, (1, 1, "x", "y"))
    saw.refused(
        "key too long",
        saw.session.prepare("SELECT * FROM system_schema.tables WHERE keyspace_name = ?"),
        ("x" * 65536,),
    )
    one = saw.session.prepare("SELECT * FROM t WHERE k = ?")
    two = saw.session.prepare("SELECT * FROM t WHERE k = ? AND c = ?")
    # The driver trusts the description of another statement, so that the server is asked what cannot be.
    two.query_id, one.query_id = one.query_id, two.query_id
    saw.refused("too many values", two, (1, 1))
    saw.refused("too few values", one, (1,))
    text = saw.session.prepare("SELECT * FROM pairs WHERE k = ?")
    wrong = saw.session.prepare("SELECT * FROM system_schema.tables WHERE keyspace_name = ?")
    wrong.query_id = text.query_id
    saw.refused("wrong length of an int", wrong, ("12345",))
    limit = saw.session.prepare("SELECT * FROM t WHERE k = ? LIMIT ?")
    saw.refused("limit of 0", limit, (1, 0))
    saw.refused("null limit", limit, (1, None))
    expiry = saw.session.prepare("UPDATE t USING TTL ? SET v = 'x' WHERE k = 1 AND c = 1")
    saw.refused("ttl too long", expiry, (700_000_000,))
    # Fully qualified, because the id that the driver is given instead depends on the keyspace.
    unknown = saw.session.prepare("SELECT * FROM system_schema.keyspaces")
    unknown.query_id = b"\x01" * 16
    saw.fails("an id that nobody has given", lambda: saw.session.execute(unknown))


def unavailable(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v) VALUES (1, 1, 'x')")
    for level in (ConsistencyLevel.THREE, ConsistencyLevel.TWO):
        name = ConsistencyLevel.value_to_name[level]
        for cql in (
            "SELECT * FROM t WHERE k = 1",
            "INSERT INTO t (k, c) VALUES (1, 1)",
            "INSERT INTO t (k, c) VALUES (1, 1) IF NOT EXISTS",
        ):
            saw.either(f"{name}: {cql}", SimpleStatement(cql, consistency_level=level))
        bound = insert.bind(())
        bound.consistency_level = level
        saw.refused(f"{name}: prepared", bound)
        batch = BatchStatement(consistency_level=level)
        batch.add(insert, ())
        saw.refused(f"{name}: batch", batch)
    for level in (ConsistencyLevel.ANY, ConsistencyLevel.SERIAL):
        name = ConsistencyLevel.value_to_name[level]
        saw.either(f"{name} read", SimpleStatement("SELECT * FROM t WHERE k = 1", consistency_level=level))
        saw.either(f"{name} write", SimpleStatement("DELETE FROM t WHERE k = 1", consistency_level=level))
    # As most programs see it: by the driver's own retry policy.
    usual = saw.session.execution_profile_clone_update(EXEC_PROFILE_DEFAULT, retry_policy=None)
    statement = SimpleStatement("SELECT * FROM t WHERE k = 1", consistency_level=ConsistencyLevel.THREE)
    saw.refused("unavailable, retried", statement, execution_profile=usual)


def too_large(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO t (k, c, v) VALUES (?, ?, ?)")
    batch = BatchStatement()
    for number in range(100):
        batch.add(insert, (number, 1, "x" * 1000))
    saw.refused("batch too large", batch)
    cql = "".join(f"INSERT INTO t (k, c, v) VALUES ({number}, 1, '{'y' * 1000}');" for number in range(100))
    saw.refused("text batch too large", f"BEGIN BATCH {cql} APPLY BATCH")
    saw.refused(
        "many values", f"SELECT * FROM t WHERE k IN ({', '.join(map(str, range(70_000)))}) AND v = 'x'"
    )
    saw.ask("nothing was written", "SELECT * FROM t")


if __name__ == "__main__":
    with conversation() as saw:
        saw.create(*_TABLES)
        texts(saw)
        already_exists(saw)
        bound_values(saw)
        unavailable(saw)
        too_large(saw)
