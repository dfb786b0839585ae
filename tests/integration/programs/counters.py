"""Counters: by plain, prepared and batch statements."""

from cassandra.query import BatchStatement, BatchType

from tests.integration.programs.transcript import Transcript, conversation

_TABLE = "CREATE TABLE hits (page text, day int, seen counter, clicked counter, PRIMARY KEY (page, day))"
_ALL = "SELECT * FROM hits WHERE page = 'home'"


def counters(saw: Transcript) -> None:
    saw.ask("plain", "UPDATE hits SET seen = seen + 1 WHERE page = 'home' AND day = 1")
    saw.ask("by a value", "UPDATE hits SET seen = seen + %s WHERE page = 'home' AND day = %s", (10, 1))
    saw.ask("down", "UPDATE hits SET seen = seen - 3, clicked = clicked + 1 WHERE page = 'home' AND day = 1")
    add = saw.session.prepare("UPDATE hits SET seen = seen + ? WHERE page = ? AND day = ?")
    for amount in (1, -1, 2**40):
        saw.ask(f"prepared {amount}", add, (amount, "home", 2))
    for number in range(20):
        saw.session.execute(add, (number, "home", 3))
    batch = BatchStatement(BatchType.COUNTER)
    batch.add(add, (5, "home", 4))
    batch.add("UPDATE hits SET clicked = clicked + 7 WHERE page = 'home' AND day = 4")
    saw.ask("counter batch", batch)
    saw.ask(
        "BEGIN COUNTER BATCH",
        "BEGIN COUNTER BATCH UPDATE hits SET seen = seen + 1 WHERE page = 'home' AND day = 4; "
        "UPDATE hits SET seen = seen + 1 WHERE page = 'shop' AND day = 4; APPLY BATCH",
    )
    saw.ask("all", _ALL)
    saw.ask("sum", "SELECT sum(seen), count(clicked) FROM hits WHERE page = 'home'")
    saw.ask("delete", "DELETE FROM hits WHERE page = 'home' AND day = 1")
    saw.ask("after delete", _ALL)


def refused(saw: Transcript) -> None:
    saw.refused("insert", "INSERT INTO hits (page, day, seen) VALUES ('home', 1, 1)")
    saw.refused("set", "UPDATE hits SET seen = 1 WHERE page = 'home' AND day = 1")
    saw.refused(
        "write time", "UPDATE hits USING TIMESTAMP 1 SET seen = seen + 1 WHERE page = 'home' AND day = 1"
    )
    saw.refused(
        "counter in a logged batch", _logged("UPDATE hits SET seen = seen + 1 WHERE page = 'a' AND day = 1")
    )


def _logged(cql: str) -> BatchStatement:
    batch = BatchStatement(BatchType.LOGGED)
    batch.add(cql)
    return batch


if __name__ == "__main__":
    with conversation() as saw:
        saw.create(_TABLE)
        counters(saw)
        refused(saw)
