"""Writes in JSON on real nodes: what the driver reads back on both clusters, and what the nodes refuse."""

import http
import math
import uuid
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import pytest
from cassandra.cluster import Cluster, Session
from cassandra.util import Date, Duration, OrderedMapSerializedKey, SortedSet, Time

from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import letters_of, wait_settled
from tests.integration.json_writes import post, write
from tests.integration.modes import switch
from tests.nodes import CassandraNode, ProxyProcess
from tests.unit.json_writes.vectors import NATIVE, Same

KEYSPACE = "json_writes"
OF_TYPES = f"{KEYSPACE}.of_types"
PLAIN = f"{KEYSPACE}.plain"

ADDRESS = "frozen<address>"
HOME = {"street": "High \u00e4", "zips": [1, 2], "Since": "2024-02-29"}
NESTED: dict[str, list[Same]] = {
    "list<int>": [Same([1, 2, 1], [1, 2, 1])],
    "list<frozen<map<text, uuid>>>": [
        Same(
            [{"a": "123e4567-e89b-42d3-a456-426614174000"}],
            [{"a": uuid.UUID(int=0x123E4567E89B42D3A456426614174000)}],
        )
    ],
    "set<timestamp>": [
        Same(["1970-01-01T00:00:00Z", 1000], {datetime(1970, 1, 1), datetime(1970, 1, 1, 0, 0, 1)})
    ],
    "map<text, decimal>": [Same({"a": Decimal("1.50"), "b": "-2"}, {"a": Decimal("1.50"), "b": Decimal(-2)})],
    "map<int, blob>": [Same({"7": "AAE="}, {7: b"\0\1"}), Same([[7, "AAE="]], {7: b"\0\1"})],
    "map<date, inet>": [Same({"2024-02-29": "::1"}, {Date("2024-02-29"): "::1"})],
    "frozen<map<frozen<list<int>>, boolean>>": [Same([[[1, 2], True]], {(1, 2): True})],
    "tuple<int, text, time>": [Same([1, None, "00:00:01"], (1, None, Time(10**9)))],
    ADDRESS: [
        Same(HOME, ("High \u00e4", [1, 2], Date("2024-02-29"))),
        Same({"street": "x"}, ("x", None, None)),
    ],
    "address": [Same(HOME, ("High \u00e4", [1, 2], Date("2024-02-29")))],
    "map<text, frozen<address>>": [
        Same({"home": HOME}, {"home": ("High \u00e4", [1, 2], Date("2024-02-29"))})
    ],
    "vector<float, 3>": [Same([1, "2.5", Decimal("-0.5")], [1.0, 2.5, -0.5])],
    "vector<text, 2>": [Same(["a", "\u00e9" * 200], ["a", "\u00e9" * 200])],
    "vector<smallint, 2>": [Same([1, -2], [1, -2])],
    "vector<date, 1>": [Same(["2024-02-29"], [Date("2024-02-29")])],
    "vector<frozen<list<int>>, 2>": [Same([[1], [2, 3]], [[1], [2, 3]])],
    "vector<vector<bigint, 2>, 2>": [Same([[1, 2], [3, 4]], [[1, 2], [3, 4]])],
    "frozen<list<duration>>": [Same(["1d", "2h"], [Duration(0, 1, 0), Duration(0, 0, 7200 * 10**9)])],
}
TYPES = {**NATIVE, **NESTED}
COLUMNS = {cql_type: f"v{number}" for number, cql_type in enumerate(TYPES)}


class Readers(NamedTuple):
    """The driver's sessions with the nodes themselves."""

    primary: Session
    shadow: Session


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy(rules={"table_blacklist": [f"{KEYSPACE}.held"]})


@pytest.fixture(scope="module")
def readers(proxy: ProxyProcess, primary: CassandraNode, shadow: CassandraNode) -> Iterator[Readers]:
    with Cluster([primary.address]) as of_primary, Cluster([shadow.address]) as of_shadow:
        found = Readers(of_primary.connect(), of_shadow.connect())
        columns = ", ".join(f"{column} {cql_type}" for cql_type, column in COLUMNS.items())
        for session in found:
            session.execute(
                f"CREATE KEYSPACE {KEYSPACE} WITH replication ="
                " {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.set_keyspace(KEYSPACE)
            for statement in (
                'CREATE TYPE address (street text, zips frozen<list<int>>, "Since" date)',
                f"CREATE TABLE of_types (k text PRIMARY KEY, {columns})",
                "CREATE TABLE plain (k int PRIMARY KEY, v text, l list<int>)",
                "CREATE TABLE held (k int PRIMARY KEY, v text)",
                "CREATE TABLE counted (k int PRIMARY KEY, n counter)",
                'CREATE TABLE "OddName" ("K k" int PRIMARY KEY, "V" text)',
            ):
                session.execute(statement)
        yield found


def plainly(value: object) -> object:
    """A value as the driver reads it, in types that compare by what they hold."""
    match value:
        case SortedSet():
            return set(map(plainly, value))
        case OrderedMapSerializedKey():
            return {_key(key): plainly(one) for key, one in value.items()}
        case list():
            return [plainly(one) for one in value]
        case tuple():
            return tuple(plainly(one) for one in value)
    return value


def _key(key: object) -> object:
    return tuple(key) if isinstance(key, list) else key


def test_every_type_is_read_back_as_it_was_meant_on_both_clusters(
    proxy: ProxyProcess, readers: Readers
) -> None:
    wrong: list[object] = []
    meant: dict[str, tuple[str, object]] = {}
    for cql_type, values in TYPES.items():
        column = COLUMNS[cql_type]
        for number, same in enumerate(values):
            key = f"{cql_type} {number}"
            meant[key] = column, same.python
            for query, given in (
                (f"INSERT INTO {OF_TYPES} (k, {column}) VALUES (?, ?)", [key, same.json]),
                (
                    f"INSERT INTO of_types (k, {column}) VALUES (:key, :value)",
                    {"key": key, "value": same.json},
                ),
            ):
                said = write(proxy, OF_TYPES, query, given)
                if said["success"] is not True:
                    wrong.append((key, said))
    wait_settled(proxy)
    for session in readers:
        for key, (column, python) in meant.items():
            read = session.execute(f"SELECT {column} FROM {OF_TYPES} WHERE k = %s", (key,)).one()[0]
            if plainly(read) != python and not (isinstance(python, float) and math.isnan(read)):
                wrong.append((key, read, python))
    assert wrong == []


def test_counters_count(proxy: ProxyProcess, readers: Readers) -> None:
    table = f"{KEYSPACE}.counted"
    for step in (5, "-2"):
        assert write(proxy, table, "UPDATE counted SET n = n + ? WHERE k = ?", [step, 1])["success"] is True
    wait_settled(proxy)
    for session in readers:
        assert session.execute(f"SELECT n FROM {table}").one() == (3,)


def test_null_deletes_and_what_is_left_out_stays(proxy: ProxyProcess, readers: Readers) -> None:
    insert = f"INSERT INTO {PLAIN} (k, v, l) VALUES (?, ?, ?)"
    assert write(proxy, PLAIN, insert, [1, "a", [1]])["success"] is True
    assert write(proxy, PLAIN, insert, {"k": 1, "l": None})["success"] is True
    wait_settled(proxy)
    for session in readers:
        assert session.execute(f"SELECT v, l FROM {PLAIN} WHERE k = 1").one() == ("a", None)


def test_the_write_time_that_is_told_is_that_of_both_clusters(proxy: ProxyProcess, readers: Readers) -> None:
    given = write(proxy, PLAIN, f"INSERT INTO {PLAIN} (k, v) VALUES (?, ?)", [2, "a"], timestamp=1_000_000)
    own = write(proxy, PLAIN, f"INSERT INTO {PLAIN} (k, v) VALUES (?, ?)", [3, "a"])
    text = write(proxy, PLAIN, f"INSERT INTO {PLAIN} (k, v) VALUES (?, ?) USING TIMESTAMP ?", [4, "a", 77])
    literal = write(proxy, PLAIN, f"INSERT INTO {PLAIN} (k, v) VALUES (5, 'a')", [])
    wait_settled(proxy)
    for session in readers:
        for key, said in ((2, given), (3, own), (4, text), (5, literal)):
            found = session.execute(f"SELECT writetime(v) FROM {PLAIN} WHERE k = {key}").one()[0]
            assert found == said["write_timestamp"]
    assert (given["write_timestamp"], text["write_timestamp"]) == (1_000_000, 77)


def test_rules_hold_writes_back(proxy: ProxyProcess, readers: Readers) -> None:
    before = proxy.count("filtered_writes")
    assert write(proxy, f"{KEYSPACE}.held", "INSERT INTO held (k, v) VALUES (?, ?)", [1, "a"])["success"]
    wait_settled(proxy)
    assert readers.primary.execute(f"SELECT v FROM {KEYSPACE}.held").one() == ("a",)
    assert readers.shadow.execute(f"SELECT v FROM {KEYSPACE}.held").one() is None
    assert proxy.count("filtered_writes") == before + 1


def test_conditions_and_names_in_quotes(proxy: ProxyProcess, readers: Readers) -> None:
    table = f"{KEYSPACE}.OddName"
    insert = 'INSERT INTO "OddName" ("K k", "V") VALUES (?, ?) IF NOT EXISTS'
    first = write(proxy, table, insert, {"K k": 1, "V": "a"})
    second = write(proxy, table, insert, {"K k": 1, "V": "b"})
    assert (first["success"], first["write_timestamp"]) == (True, None)
    assert second["success"] is False
    assert second["error"] == {
        "code": None,
        "name": "NOT_APPLIED",
        "message": "The condition of the write does not hold",
        "may_be_applied": False,
    }
    wait_settled(proxy)
    for session in readers:
        assert session.execute(f'SELECT "V" FROM {KEYSPACE}."OddName"').one() == ("a",)


def test_a_request_id_that_is_given_again_writes_once(proxy: ProxyProcess, readers: Readers) -> None:
    table, count = f"{KEYSPACE}.counted", "UPDATE counted SET n = n + 1 WHERE k = 9"
    said = [write(proxy, table, count, [], request_id="once") for _ in range(3)]
    assert said[0] == said[1] == said[2]
    insert = f"INSERT INTO {PLAIN} (k, v) VALUES (?, ?)"
    first = write(proxy, PLAIN, insert, [6, "a"], request_id="six")
    assert write(proxy, PLAIN, insert, [6, "b"], request_id="seven")["success"] is True
    assert write(proxy, PLAIN, insert, [6, "a"], request_id="six") == first
    status, refused = post(
        proxy,
        "/write",
        {"keyspace": KEYSPACE, "table": "plain", "query": insert, "values": [6, "c"], "request_id": "six"},
    )
    assert (status, refused["field"]) == (http.HTTPStatus.CONFLICT, "request_id")
    wait_settled(proxy)
    for session in readers:
        assert session.execute(f"SELECT n FROM {table} WHERE k = 9").one() == (1,)
        assert session.execute(f"SELECT v FROM {PLAIN} WHERE k = 6").one() == ("b",)


# The query, its values, and what the node says.
REFUSED = [
    ("INSERT INTO plain (k, v) VALUES (?, ?", [], 0x2000, "SYNTAX_ERROR"),
    ("INSERT INTO plain (k, w) VALUES (?, ?)", [1, "a"], 0x2200, "INVALID"),
    ("INSERT INTO plain (k, w) VALUES (1, 'a')", [], 0x2200, "INVALID"),
    ("INSERT INTO plain (v) VALUES (?)", ["a"], 0x2200, "INVALID"),
    ("INSERT INTO plain (k, v) VALUES (?, ?)", {"v": "a"}, 0x2200, "INVALID"),
]


@pytest.mark.parametrize(("query", "values", "code", "name"), REFUSED, ids=range(len(REFUSED)))
def test_what_the_node_refuses_is_told_as_it_says_it(
    query: str, values: object, code: int, name: str, proxy: ProxyProcess, readers: Readers
) -> None:
    status, said = post(
        proxy, "/write", {"keyspace": KEYSPACE, "table": "plain", "query": query, "values": values}
    )
    if name == "SYNTAX_ERROR":
        assert (status, said["field"]) == (http.HTTPStatus.UNPROCESSABLE_ENTITY, "query")
        return
    assert (status, said["success"]) == (http.HTTPStatus.OK, False)
    error = said["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["name"], error["may_be_applied"]) == (code, name, False)
    assert error["message"]


UNFIT: list[tuple[object, str]] = [
    ([1], "values"),
    ([1, "a", [None]], "values[2][0]"),
    (["one", "a", []], "values[0]"),
    ({"k": 1, "x": 2}, "values.x"),
    ({"k": 1, "l": [1, 2.5]}, "values.l[1]"),
]


@pytest.mark.parametrize(("values", "field"), UNFIT, ids=[case[1] for case in UNFIT])
def test_a_value_that_does_not_fit_is_told_with_its_place(
    values: object, field: str, proxy: ProxyProcess, readers: Readers
) -> None:
    query = f"INSERT INTO {PLAIN} (k, v, l) VALUES (?, ?, ?)"
    status, said = post(
        proxy, "/write", {"keyspace": KEYSPACE, "table": "plain", "query": query, "values": values}
    )
    assert (status, said["field"]) == (http.HTTPStatus.UNPROCESSABLE_ENTITY, field)


def test_a_write_follows_the_mode(proxy: ProxyProcess, readers: Readers) -> None:
    insert = f"INSERT INTO {PLAIN} (k, v) VALUES (?, ?)"
    found = {}
    for key, mode in enumerate(("primary_only", "dual_write_sync", "shadow_primary", "target_only"), 10):
        switch(proxy, mode)
        assert write(proxy, PLAIN, insert, [key, mode])["success"] is True
        wait_settled(proxy)
        found[mode] = [
            session.execute(f"SELECT v FROM {PLAIN} WHERE k = {key}").one() is not None for session in readers
        ]
    switch(proxy, "dual_write_async", force=True)
    assert found == {
        "primary_only": [True, False],
        "dual_write_sync": [True, True],
        "shadow_primary": [True, True],
        "target_only": [False, True],
    }
    assert letters_of(proxy) == []
