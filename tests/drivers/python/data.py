"""Features 4 to 12: statements, every kind of value, conditional writes, counters."""

from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, SimpleStatement

from tests.drivers.python.notes import Feature, described, rows_of
from tests.drivers.python.values import written


def statements(session: Session) -> None:
    feature = Feature("statements", session)
    feature.execute("insert", "INSERT INTO items (k, c, v, w) VALUES (1, 1, 'plain', 10)")
    # The driver writes the values into the text.
    values = (1, 2, "valued", 20)
    feature.execute("insert with values", "INSERT INTO items (k, c, v, w) VALUES (%s, %s, %s, %s)", values)
    insert = session.prepare("INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)")
    feature.execute("insert prepared", insert, (1, 3, "prepared", 30))
    session.execute(insert, (1, 4, "gone", 40))
    feature.note(
        "variables",
        [[column.name, column.type.cql_parameterized_type()] for column in insert.column_metadata],
    )
    feature.execute("select", "SELECT * FROM items WHERE k = 1")
    select = session.prepare("SELECT v, w FROM items WHERE k = ? AND c = ?")
    feature.execute("select prepared", select, (1, 3))
    feature.execute("update", "UPDATE items SET v = 'updated' WHERE k = 1 AND c = 2")
    feature.execute("delete", session.prepare("DELETE FROM items WHERE k = ? AND c = ?"), (1, 4))
    feature.execute("after", "SELECT * FROM items WHERE k = 1")
    feature.execute("functions", "SELECT count(*), max(w) AS most FROM items WHERE k = 1")
    feature.execute("json", "SELECT JSON * FROM items WHERE k = 1 AND c = 1")
    session.execute("INSERT INTO moments (k, t, u) VALUES (1, now(), uuid())")
    session.execute(session.prepare("INSERT INTO moments (k, t, u) VALUES (?, now(), uuid())"), (2,))
    feature.execute("now", "SELECT count(*) FROM moments")


def round_trip(session: Session, name: str, script: dict[str, Any]) -> None:
    """Each literal as the driver reads it, and as it reads it after it has written it back."""
    feature = Feature(name, session)
    types = script["round_trips"][name]
    columns = ", ".join(f"v{number} {kind}" for number, kind in enumerate(types))
    session.execute(f"CREATE TABLE {name} (k text PRIMARY KEY, {columns})")
    for number, (kind, literals) in enumerate(types.items()):
        column = f"v{number}"
        select = session.prepare(f"SELECT {column} FROM {name} WHERE k = ?")
        insert = session.prepare(f"INSERT INTO {name} (k, {column}) VALUES (?, ?)")
        found: dict[str, list[object]] = {"read": [], "again": []}
        for index, literal in enumerate(literals):
            key = f"{number} {index}"
            session.execute(f"INSERT INTO {name} (k, {column}) VALUES ('{key}', {literal})")
            try:
                result = session.execute(select, (key,))
                value = result.one()[0]
                found["read"].append(written(value, result.column_types[0]))
                session.execute(insert, (f"{key} again", value))
                result = session.execute(select, (f"{key} again",))
                found["again"].append(written(result.one()[0], result.column_types[0]))
            except Exception as error:
                found["read" if len(found["read"]) == index else "again"].append(described(error))
        feature.note(kind, found)
    if name == "collections":
        session.execute(
            "UPDATE collections SET v0 = v0 + [9], v1 = v1 + {'new'}, v2['more'] = 5 WHERE k = '0 1'"
        )
        feature.execute("changed", "SELECT v0, v1, v2 FROM collections WHERE k = '0 1'")


def nulls(session: Session) -> None:
    feature = Feature("nulls", session)
    insert = session.prepare("INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)")
    select = session.prepare("SELECT v, w FROM items WHERE k = ? AND c = ?")
    session.execute(insert, (2, 1, None, 1))
    feature.execute("null", select, (2, 1))
    session.execute(insert, (2, 2, "kept", 1))
    session.execute(insert, (2, 2, UNSET_VALUE, 2))
    feature.execute("unset", select, (2, 2))
    session.execute(insert, (2, 2, None, 3))
    feature.execute("null again", select, (2, 2))


def lwt(session: Session) -> None:
    feature = Feature("lwt", session)
    feature.execute("applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'first') IF NOT EXISTS")
    feature.execute("not applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'second') IF NOT EXISTS")
    update = session.prepare("UPDATE items SET v = ? WHERE k = ? AND c = ? IF v = ?")
    feature.execute("update applied", update, ("third", 3, 1, "first"))
    feature.execute("update not applied", update, ("third", 3, 1, "first"))
    feature.execute(
        "serial read",
        SimpleStatement(
            "SELECT v FROM items WHERE k = 3 AND c = 1", consistency_level=ConsistencyLevel.SERIAL
        ),
    )
    feature.execute(
        "batch",
        "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (3, 2, 'x') IF NOT EXISTS;"
        " UPDATE items SET v = 'y' WHERE k = 3 AND c = 3; APPLY BATCH",
    )


def counters(session: Session) -> None:
    feature = Feature("counters", session)
    session.execute("UPDATE hits SET n = n + 1 WHERE page = 'home'")
    add = session.prepare("UPDATE hits SET n = n + ? WHERE page = ?")
    session.execute(add, (10, "home"))
    session.execute(add, (-3, "home"))
    feature.attempt("value", lambda: rows_of(session.execute("SELECT n FROM hits WHERE page = 'home'")))
