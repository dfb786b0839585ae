"""Conditional writes: applied, not applied with the row that is there, in batches, serial consistency."""

from cassandra import ConsistencyLevel
from cassandra.query import BatchStatement, SimpleStatement

from tests.integration.programs.transcript import Transcript, conversation

_TABLES = (
    "CREATE TABLE accounts (name text PRIMARY KEY, owner text, balance int)",
    "CREATE TABLE ledger (k int, c int, v text, total int static, PRIMARY KEY (k, c))",
)


def single(saw: Transcript) -> None:
    for number, cql in enumerate(
        (
            "INSERT INTO accounts (name, owner, balance) VALUES ('a', 'ann', 1) IF NOT EXISTS",
            "INSERT INTO accounts (name, owner, balance) VALUES ('a', 'bob', 2) IF NOT EXISTS",
            "UPDATE accounts SET balance = 5 WHERE name = 'a' IF balance = 1",
            "UPDATE accounts SET balance = 6 WHERE name = 'a' IF balance = 1",
            "UPDATE accounts SET balance = 7 WHERE name = 'a' IF balance > 1 AND owner IN ('ann', 'eve')",
            "UPDATE accounts SET balance = 8 WHERE name = 'a' IF balance != 7",
            "UPDATE accounts SET balance = 9 WHERE name = 'nobody' IF EXISTS",
            "UPDATE accounts SET balance = 9 WHERE name = 'nobody' IF balance = 1",
            "UPDATE accounts SET balance = 9 WHERE name = 'new' IF balance = null",
            "UPDATE accounts SET owner = null WHERE name = 'a' IF EXISTS",
            "UPDATE accounts USING TTL 1000 SET owner = 'ttl' WHERE name = 'a' IF owner = null",
            "DELETE FROM accounts WHERE name = 'new' IF balance = 1",
            "DELETE balance FROM accounts WHERE name = 'new' IF balance = 9",
            "DELETE FROM accounts WHERE name = 'new' IF EXISTS",
            "DELETE FROM accounts WHERE name = 'new' IF EXISTS",
            """INSERT INTO accounts JSON '{"name": "json", "balance": 3}' IF NOT EXISTS""",
        )
    ):
        saw.ask(f"{number} {cql}", cql)
    saw.ask("accounts", "SELECT * FROM accounts")


def prepared(saw: Transcript) -> None:
    insert = saw.session.prepare("INSERT INTO accounts (name, owner, balance) VALUES (?, ?, ?) IF NOT EXISTS")
    update = saw.session.prepare(
        "UPDATE accounts SET balance = ? WHERE name = ? IF balance = ? AND owner = ?"
    )
    saw.ask("prepared insert", insert, ("p", "pat", 1))
    saw.ask("prepared insert again", insert, ("p", "pip", 2))
    saw.ask("prepared update", update, (2, "p", 1, "pat"))
    saw.ask("prepared update again", update, (3, "p", 1, "pat"))
    serial = update.bind((4, "p", 2, "pat"))
    serial.serial_consistency_level = ConsistencyLevel.LOCAL_SERIAL
    saw.ask("local serial", serial)
    saw.ask(
        "serial read",
        SimpleStatement("SELECT * FROM accounts WHERE name = 'p'", consistency_level=ConsistencyLevel.SERIAL),
    )
    saw.ask(
        "serial consistency of text",
        SimpleStatement(
            "UPDATE accounts SET balance = 5 WHERE name = 'p' IF balance = 4",
            serial_consistency_level=ConsistencyLevel.SERIAL,
        ),
    )


def batches(saw: Transcript) -> None:
    begin = "BEGIN BATCH INSERT INTO ledger (k, c, v) VALUES (1, {c}, 'x') IF NOT EXISTS; {more} APPLY BATCH"
    more = "UPDATE ledger SET total = {total} WHERE k = 1 IF total = {was};"
    saw.ask("text batch", begin.format(c=1, more="UPDATE ledger SET total = 1 WHERE k = 1;"))
    saw.ask("text batch, not applied", begin.format(c=1, more=more.format(total=2, was=1)))
    saw.ask("text batch, two conditions", begin.format(c=2, more=more.format(total=2, was=1)))
    insert = saw.session.prepare("INSERT INTO ledger (k, c, v) VALUES (?, ?, ?) IF NOT EXISTS")
    total = saw.session.prepare("UPDATE ledger SET total = ? WHERE k = ? IF total = ?")
    for label, row, new, was in (("applied", 3, 3, 2), ("not applied", 3, 4, 3), ("nor this", 4, 4, 2)):
        batch = BatchStatement(serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL)
        batch.add(insert, (1, row, label))
        batch.add(total, (new, 1, was))
        saw.ask(f"prepared batch, {label}", batch)
    saw.ask("ledger", "SELECT * FROM ledger")


def refused(saw: Transcript) -> None:
    saw.refused("write time", "UPDATE accounts USING TIMESTAMP 1 SET balance = 1 WHERE name = 'a' IF EXISTS")
    saw.refused("unknown column", "UPDATE accounts SET balance = 1 WHERE name = 'a' IF colour = 'red'")
    saw.refused(
        "batch over partitions",
        "BEGIN BATCH INSERT INTO ledger (k, c, v) VALUES (1, 9, 'x') IF NOT EXISTS; "
        "INSERT INTO ledger (k, c, v) VALUES (2, 9, 'x') IF NOT EXISTS; APPLY BATCH",
    )


if __name__ == "__main__":
    with conversation() as saw:
        saw.create(*_TABLES)
        single(saw)
        prepared(saw)
        batches(saw)
        refused(saw)
