"""Collections, tuples and user-defined types: frozen, not frozen, and nested in one another."""

from collections import namedtuple
from uuid import UUID

from cassandra.query import UNSET_VALUE
from cassandra.util import SortedSet

from tests.integration.programs.transcript import Transcript, conversation

Street = namedtuple("Street", "name number")
Address = namedtuple("Address", "street tags previous")

_HOME = Street("Long Lane", 7)
_ADDRESS = Address(_HOME, SortedSet(["a", "b"]), [Street("Short Row", None), Street(None, 1)])
_ID = UUID("123e4567-e89b-42d3-a456-426614174000")

# Type of the column: values for it. Python's own sets have an order that differs from run to run.
VALUES: dict[str, list[object]] = {
    "list<int>": [[], [1, 2, 3, 2, 1]],
    "set<text>": [set(), SortedSet(["a", "b", ""])],
    "map<text, bigint>": [{}, {"one": 1, "": -1, "two": 2}],
    "frozen<list<text>>": [[], ["b", "a"]],
    "frozen<set<int>>": [set(), SortedSet([3, 1, 2])],
    "frozen<map<uuid, blob>>": [{}, {_ID: b"", UUID(int=1): b"\x00" * 40}],
    "list<frozen<list<int>>>": [[[1], [], [2, 3]]],
    "map<text, frozen<map<int, frozen<set<text>>>>>": [{"k": {1: SortedSet(["x", "y"]), 2: set()}}],
    "set<frozen<tuple<int, text>>>": [SortedSet([(1, "one"), (2, "")])],
    "tuple<int, text, double>": [(1, "x", 0.5), (None, None, None), (1, "short", None)],
    "tuple<tuple<int, int>, frozen<list<text>>>": [((1, 2), ["a"]), (None, [])],
    "street": [_HOME, Street(None, None), Street("", 0)],
    "frozen<street>": [_HOME],
    "frozen<address>": [_ADDRESS, Address(None, None, None)],
    "list<frozen<street>>": [[_HOME, Street("x", None)]],
    "map<text, frozen<address>>": [{"home": _ADDRESS}],
    "frozen<map<frozen<street>, int>>": [{_HOME: 1, Street("a", 2): 3}],
    "tuple<street, int>": [(_HOME, 1)],
    "list<vector<float, 2>>": [[[1.0, 2.0], [-0.0, 0.5]]],
}


def nested(saw: Transcript) -> None:
    saw.create(
        "CREATE TYPE street (name text, number int)",
        "CREATE TYPE address (street frozen<street>, tags frozen<set<text>>,"
        " previous frozen<list<frozen<street>>>)",
    )
    columns = ", ".join(f"v{index} {cql_type}" for index, cql_type in enumerate(VALUES))
    saw.session.execute(f"CREATE TABLE nested (k text PRIMARY KEY, {columns})")
    for index, (cql_type, values) in enumerate(VALUES.items()):
        insert = saw.session.prepare(f"INSERT INTO nested (k, v{index}) VALUES (?, ?)")
        select = saw.session.prepare(f"SELECT v{index} FROM nested WHERE k = ?")
        for number, value in enumerate(values):
            key = f"{cql_type} {number}"
            saw.ask(f"{key}, written", insert, (key, value))
            saw.ask(f"{key}, prepared", select, (key,))
            saw.either(
                f"{key}, written plainly", f"INSERT INTO nested (k, v{index}) VALUES (%s, %s)", (key, value)
            )
            saw.ask(f"{key}, read plainly", f"SELECT v{index} FROM nested WHERE k = %s", (key,))
            saw.ask(f"{key}, as JSON", f"SELECT JSON k, v{index} FROM nested WHERE k = %s", (key,))
            saw.either(f"{key}, unset", insert, (key, UNSET_VALUE))
            saw.ask(f"{key}, after unset", select, (key,))
            saw.ask(f"{key}, null", insert, (key, None))
            saw.ask(f"{key}, after null", select, (key,))


def mapped(saw: Transcript) -> None:
    """User-defined types by the classes that a program has registered."""
    saw.cluster.register_user_type(saw.keyspace, "street", Street)
    saw.cluster.register_user_type(saw.keyspace, "address", Address)
    insert = saw.session.prepare("INSERT INTO nested (k, v11, v13, v15) VALUES ('mapped', ?, ?, ?)")
    saw.ask("mapped, written", insert, (_HOME, _ADDRESS, {"a": _ADDRESS}))
    saw.ask("mapped, read", "SELECT v11, v13, v15 FROM nested WHERE k = 'mapped'")
    saw.ask("mapped, written plainly", "INSERT INTO nested (k, v11) VALUES ('plain', %s)", (_HOME,))
    saw.ask("mapped, read again", "SELECT v11 FROM nested WHERE k = 'plain'")


if __name__ == "__main__":
    with conversation() as saw:
        nested(saw)
        mapped(saw)
