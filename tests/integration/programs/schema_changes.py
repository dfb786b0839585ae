"""Changes of the schema: what the driver is told of them, and what its metadata holds afterwards."""

import threading
from collections.abc import Callable

from cassandra.cluster import Cluster

from tests.integration.programs.transcript import REPLICATED_ONCE, Transcript, conversation


class Listener:
    """A second connection that has registered for events, as any monitoring program might."""

    def __init__(self, saw: Transcript) -> None:
        self._keyspace = saw.keyspace
        self._changed = threading.Condition()
        self._events: list[str] = []
        self.cluster = Cluster(
            [saw.options.address],
            port=saw.options.port,
            protocol_version=saw.options.protocol_version,
            # Metadata are read when an event comes, not up to two seconds later.
            schema_event_refresh_window=0,
        )
        self.cluster.connect()
        self.cluster.control_connection._connection.register_watchers({"SCHEMA_CHANGE": self._heard})

    def _heard(self, event: dict[str, object]) -> None:
        if event["keyspace"] != self._keyspace:
            return
        details = " ".join(f"{key}={event[key]}" for key in sorted(event))
        with self._changed:
            self._events.append(details)
            self._changed.notify_all()

    def up_to(self, last: str) -> list[str]:
        """All events, once one of the table `last` has come."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: any(f" table={last} " in event for event in self._events), 20
            ):
                raise AssertionError(f"no event of table {last}: {self._events}")
            return list(self._events)


def eventually(saw: Transcript, what: str, holds: Callable[[], bool]) -> None:
    """The driver reads metadata anew some time after an event; wait for that."""
    pause = threading.Event()
    for _ in range(200):
        if holds():
            saw.note(what, True)
            return
        pause.wait(0.05)
    raise AssertionError(f"the driver's metadata never came to: {what}")


CHANGES = (
    "CREATE TYPE place (street text, number int)",
    "ALTER TYPE place ADD town text",
    "CREATE TABLE t (k int PRIMARY KEY, v text, p frozen<place>) WITH comment = 'one'",
    "ALTER TABLE t WITH comment = 'two'",
    "ALTER TABLE t ADD (w int, x list<text>)",
    "ALTER TABLE t DROP x",
    "ALTER TABLE t RENAME k TO key",
    "CREATE INDEX by_w ON t (w)",
    "CREATE INDEX by_v ON t (v) USING 'sai'",
    "CREATE MATERIALIZED VIEW by_value AS SELECT key, v, w FROM t"
    " WHERE v IS NOT NULL AND key IS NOT NULL PRIMARY KEY (v, key)",
    "ALTER MATERIALIZED VIEW by_value WITH comment = 'a view'",
    "DROP INDEX by_w",
    "DROP MATERIALIZED VIEW by_value",
    "TRUNCATE t",
    "CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)",
    "DROP TABLE t",
    "DROP TYPE place",
)


def changes(saw: Transcript, listener: Listener) -> None:
    for cql in CHANGES:
        result = saw.ask(cql, cql)
        saw.note(f"{cql}: agreed", result.response_future.is_schema_agreed)
        saw.note(f"{cql}: metadata", saw.cluster.metadata.keyspaces[saw.keyspace].export_as_string())
    saw.ask("alter the keyspace", f"ALTER KEYSPACE {saw.keyspace} WITH durable_writes = false")
    saw.note("durable writes", saw.cluster.metadata.keyspaces[saw.keyspace].durable_writes)


def known_to_others(saw: Transcript, listener: Listener) -> None:
    """The other program learns of changes by events alone."""
    keyspaces = listener.cluster.metadata.keyspaces
    saw.session.execute("CREATE TABLE late (k int PRIMARY KEY)")
    eventually(saw, "others know the table", lambda: "late" in keyspaces[saw.keyspace].tables)
    saw.session.execute("ALTER TABLE late ADD more text")
    eventually(
        saw, "others know the column", lambda: "more" in keyspaces[saw.keyspace].tables["late"].columns
    )
    saw.session.execute(f"DROP KEYSPACE {saw.keyspace}")
    eventually(saw, "others know that it is gone", lambda: saw.keyspace not in keyspaces)
    saw.session.execute(f"CREATE KEYSPACE {saw.keyspace} {REPLICATED_ONCE}")
    saw.session.execute("CREATE TABLE last (k int PRIMARY KEY)")
    saw.note("events", listener.up_to("last"))


def columns_under_a_prepared_statement(saw: Transcript) -> None:
    """The driver keeps the columns that PREPARE told, and asks for no others (skip_metadata)."""
    saw.session.execute("CREATE TABLE wide (k int PRIMARY KEY, b text)")
    insert = saw.session.prepare("INSERT INTO wide (k, b) VALUES (?, ?)")
    select = saw.session.prepare("SELECT * FROM wide WHERE k = ?")
    one = saw.session.prepare("SELECT b FROM wide WHERE k = ?")
    saw.ask("insert before", insert, (1, "b1"))
    saw.ask("select before", select, (1,))
    saw.session.execute("ALTER TABLE wide ADD a int")
    saw.session.execute("INSERT INTO wide (k, a, b) VALUES (1, 7, 'b2')")
    saw.ask("insert after", insert, (2, "b3"))
    saw.ask("named column after", one, (1,))
    # Whether the driver reads this rightly is its own affair: equal to the direct run is what is asked.
    saw.either("select after", select, (1,))
    saw.either("select after, again", select, (2,))
    again = saw.session.prepare("SELECT * FROM wide WHERE k = ?")
    saw.ask("prepared again", again, (1,))
    saw.session.execute("ALTER TABLE wide DROP b")
    saw.either("select after the drop", again, (1,))
    saw.either("insert after the drop", insert, (3, "b"))
    saw.either("named column after the drop", one, (1,))
    saw.ask("rows", "SELECT * FROM wide")


if __name__ == "__main__":
    with conversation() as saw:
        listener = Listener(saw)
        saw.create()
        changes(saw, listener)
        known_to_others(saw, listener)
        columns_under_a_prepared_statement(saw)
        listener.cluster.shutdown()
