"""USE, unqualified and quoted names, and a keyspace that comes and goes while it is in use."""

from cassandra.cluster import Session

from tests.integration.programs.transcript import REPLICATED_ONCE, Transcript, conversation


def use(saw: Transcript) -> None:
    one, two = f"{saw.keyspace}_one", f"{saw.keyspace}_two"
    saw.refused("no keyspace yet", "SELECT * FROM t")
    saw.refused("no keyspace yet, insert", "INSERT INTO t (k) VALUES (1)")
    saw.fails("no keyspace yet, prepare", lambda: saw.session.prepare("SELECT * FROM t"))
    for keyspace in (one, two):
        saw.ask(f"create {keyspace}", f"CREATE KEYSPACE {keyspace} {REPLICATED_ONCE}")
        saw.ask(f"use {keyspace}", f"USE {keyspace}")
        saw.note(f"keyspace of the session after {keyspace}", saw.session.keyspace)
        saw.ask(f"create in {keyspace}", "CREATE TABLE t (k int PRIMARY KEY, place text)")
        saw.ask(f"insert in {keyspace}", "INSERT INTO t (k, place) VALUES (1, %s)", (keyspace,))
    saw.ask("unqualified", "SELECT * FROM t")
    of_two = saw.session.prepare("SELECT place FROM t")
    saw.ask("use in upper case", f"USE {one.upper()}")
    saw.ask("unqualified after USE", "SELECT * FROM t")
    of_one = saw.session.prepare("SELECT place FROM t")
    saw.ask("prepared in the first", of_one)
    saw.ask("qualified", f"SELECT * FROM {two}.t")
    saw.ask(
        "batch",
        f"BEGIN BATCH UPDATE t SET place = 'b' WHERE k = 2; "
        f"UPDATE {two}.t SET place = 'b' WHERE k = 2; APPLY BATCH",
    )
    saw.refused("use of none", f"USE {saw.keyspace}_none")
    saw.ask("still in use", "SELECT * FROM t")
    saw.refused("use of nonsense", "USE 1")
    saw.refused("use of two words", "USE a b")
    saw.either("use with an open comment", f"USE {one} ; -- y")
    saw.ask("use with comments", f"/* x */ USE /* y */ {two} ; -- z\n")
    saw.ask("after comments", "SELECT * FROM t WHERE k = 2")
    # Statement of the second keyspace again: it means what it meant when it was prepared.
    saw.note("prepared in the second", [list(row) for row in saw.session.execute(of_two)])
    saw.ask("use of system", "USE system")
    saw.ask("local", "SELECT key, bootstrapped FROM local")


def quoted(saw: Transcript) -> None:
    keyspace = f"{saw.keyspace}_MyKs"
    saw.ask("create quoted", f'CREATE KEYSPACE "{keyspace}" {REPLICATED_ONCE}')
    saw.ask("use quoted", f'USE "{keyspace}"')
    saw.note("quoted keyspace of the session", saw.session.keyspace)
    saw.refused("use without quotes", f"USE {keyspace}")
    saw.ask(
        "create quoted table",
        'CREATE TABLE "MyTable" ("Id" int PRIMARY KEY, "a ""b""" text, "select" int, id text)',
    )
    saw.ask(
        "quoted insert",
        'INSERT INTO "MyTable" ("Id", "a ""b""", "select", id) VALUES (1, %s, 2, %s)',
        ("x", "y"),
    )
    saw.ask("quoted read", f'SELECT * FROM "{keyspace}"."MyTable"')
    saw.refused("unquoted table", "SELECT * FROM MyTable")
    insert = saw.session.prepare('INSERT INTO "MyTable" ("Id", "a ""b""") VALUES (:"Id", :"text")')
    saw.ask("quoted markers", insert, {"Id": 2, "text": "z"})
    saw.ask("quoted update", 'UPDATE "MyTable" SET "select" = 3 WHERE "Id" = 1')
    saw.ask("quoted alias", 'SELECT "select" AS "From", "a ""b""" AS b FROM "MyTable"')
    saw.session.set_keyspace(f"{saw.keyspace}_one")
    saw.ask("after set_keyspace", "SELECT * FROM t")
    saw.session.set_keyspace(keyspace)
    saw.ask("after set_keyspace, quoted", 'SELECT "Id" FROM "MyTable"')
    saw.fails("set_keyspace of none", lambda: saw.session.set_keyspace(f"{saw.keyspace}_none"))


def connected_in(saw: Transcript) -> None:
    second: Session = saw.cluster.connect(f"{saw.keyspace}_two")
    saw.note("connected in a keyspace", [list(row) for row in second.execute("SELECT k, place FROM t")])
    saw.note("the other session", saw.session.keyspace)
    third: Session = saw.cluster.connect(f"{saw.keyspace}_MyKs")
    saw.note("connected in a quoted one", [list(row) for row in third.execute('SELECT "Id" FROM "MyTable"')])
    saw.fails("connect in none", lambda: saw.cluster.connect(f"{saw.keyspace}_none"))
    saw.ask("the session is not disturbed", 'SELECT "Id" FROM "MyTable"')


def dropped(saw: Transcript) -> None:
    keyspace = f"{saw.keyspace}_one"
    saw.session.set_keyspace(keyspace)
    select = saw.session.prepare("SELECT * FROM t WHERE k = ?")
    saw.ask("before the drop", select, (1,))
    saw.ask("drop the keyspace in use", f"DROP KEYSPACE {keyspace}")
    saw.refused("unqualified after the drop", "SELECT * FROM t")
    saw.refused("insert after the drop", "INSERT INTO t (k) VALUES (1)")
    saw.refused("create after the drop", "CREATE TABLE u (k int PRIMARY KEY)")
    saw.refused("use after the drop", f"USE {keyspace}")
    saw.ask("create again", f"CREATE KEYSPACE {keyspace} {REPLICATED_ONCE}")
    saw.ask("still in use, and empty", "CREATE TABLE t (k int PRIMARY KEY, place int)")
    saw.ask("insert again", "INSERT INTO t (k, place) VALUES (5, 5)")
    saw.ask("read again", "SELECT * FROM t")
    saw.ask("use again", f"USE {keyspace}")
    saw.ask("prepared again", saw.session.prepare("SELECT * FROM t WHERE k = ?"), (5,))


if __name__ == "__main__":
    with conversation() as saw:
        use(saw)
        quoted(saw)
        connected_in(saw)
        dropped(saw)
