"""What people do in cqlsh, at a terminal; what appears there is what is written down."""

import os
import re
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.drivers.cqlsh.terminal import EndedError, Shell
from tests.drivers.python.notes import KEYSPACE, REPLICATED_ONCE
from tests.drivers.said import ask, say

_ROWS = 1_000
_AUTH = f"{KEYSPACE}_auth"
_TYPES = {
    "ascii": "'a'",
    "bigint": "-9223372036854775808",
    "blob": "0x00ff",
    "boolean": "true",
    "date": "'2024-02-29'",
    "decimal": "-0.125",
    "double": "1.5e300",
    "duration": "1y2mo3w",
    "float": "0.5",
    "frozen<list<int>>": "[3, 1]",
    "frozen<set<text>>": "{'b', 'a'}",
    "frozen<map<text, int>>": "{'a': 1}",
    "frozen<tuple<int, text>>": "(1, 'x')",
    "frozen<street>": "{name: 'Long Lane', number: 7}",
    "inet": "'2001:db8::1'",
    "smallint": "1",
    "text": "'it''s \u00e9'",
    "time": "'23:59:59.999999999'",
    "timestamp": "'2024-02-29T12:34:56.789Z'",
    "timeuuid": "00000000-0000-1000-8080-808080808080",
    "tinyint": "null",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "varint": "1267650600228229401496703205376",
    "vector<float, 2>": "[0.5, 1]",
}


class Steps:
    """Lines typed in one shell, and what appears written down under one feature."""

    def __init__(self, feature: str, shell: Shell) -> None:
        self._feature = feature
        self._shell = shell

    def note(self, step: str, answer: object) -> None:
        say({"feature": self._feature, "step": step, "answer": answer})

    def type(self, step: str, line: str) -> None:
        self.note(step, _steady(self._shell.type(line)))


def _steady(text: str) -> str:
    """Without speeds and durations."""
    text = re.sub(r"Processed: .*", "", text)
    text = re.sub(r"in (\d+ minutes, )?[0-9.]+ seconds", "in some seconds", text)
    return "\n".join(line for line in text.split("\n") if line.strip())


def schema(shell: Shell) -> None:
    steps = Steps("statements", shell)
    steps.type("keyspace", f"CREATE KEYSPACE {KEYSPACE} {REPLICATED_ONCE};")
    steps.type("use", f"USE {KEYSPACE};")
    steps.type("type", "CREATE TYPE street (name text, number int);")
    columns = ", ".join(f"v{number} {kind}" for number, kind in enumerate(_TYPES))
    steps.type("table of types", f"CREATE TABLE types (k int PRIMARY KEY, {columns});")
    steps.type(
        "table", "CREATE TABLE items (k int, c int, v text, PRIMARY KEY (k, c)) WITH comment = 'of items';"
    )
    steps.type("index", "CREATE INDEX by_v ON items (v);")
    steps.type("counter", "CREATE TABLE hits (page text PRIMARY KEY, n counter);")
    steps.type("many", "CREATE TABLE many (k int PRIMARY KEY, v bigint);")
    names = ", ".join(f"v{number}" for number in range(len(_TYPES)))
    steps.type("insert types", f"INSERT INTO types (k, {names}) VALUES (1, {', '.join(_TYPES.values())});")
    steps.type("select types", "SELECT * FROM types;")
    steps.type("expand", "EXPAND ON;")
    steps.type("expanded", "SELECT * FROM types;")
    steps.type("expand off", "EXPAND OFF;")
    for number in range(10):
        shell.type(f"INSERT INTO items (k, c, v) VALUES (1, {number}, 'row {number}');")
    steps.type("several lines", "SELECT v\nFROM items WHERE k = 1\nAND c < 3;".replace("\n", " "))
    steps.type("json", "SELECT JSON * FROM items WHERE k = 1 AND c = 1;")
    steps.type("conditional", "INSERT INTO items (k, c, v) VALUES (3, 1, 'x') IF NOT EXISTS;")
    steps.type("not applied", "INSERT INTO items (k, c, v) VALUES (3, 1, 'y') IF NOT EXISTS;")
    steps.type(
        "batch",
        "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (4, 1, 'x');"
        " DELETE FROM items WHERE k = 1 AND c = 9; APPLY BATCH;",
    )
    steps.type("count up", "UPDATE hits SET n = n + 2 WHERE page = 'home';")
    steps.type("counted", "SELECT * FROM hits;")
    steps.type("wrong syntax", "SELEC * FROM items;")
    steps.type("no such table", "SELECT * FROM missing;")
    steps.type("filtering", "SELECT * FROM types WHERE v5 = 1;")


def describe(shell: Shell) -> None:
    steps = Steps("DESCRIBE", shell)
    for what in (
        *("CLUSTER", f"KEYSPACE {KEYSPACE}", "TABLES", "TABLE items", "TYPES", "TYPE street", "INDEX by_v"),
        *("TABLE missing", "items", "FUNCTIONS"),
    ):
        steps.type(what, f"DESCRIBE {what};")
    steps.note("KEYSPACES", KEYSPACE in shell.type("DESCRIBE KEYSPACES;").split())


def copy(shell: Shell, folder: Path) -> None:
    steps = Steps("COPY", shell)
    rows = folder / "rows.csv"
    rows.write_text("".join(f"{number},{7 * number}\n" for number in range(_ROWS)))
    steps.note("FROM", _outcome(shell.type(f"COPY many (k, v) FROM '{rows}' WITH NUMPROCESSES = 1;")))
    steps.type("arrived", "SELECT count(*), sum(v) FROM many;")
    out = folder / "out.csv"
    steps.note("TO", _outcome(shell.type(f"COPY many (k, v) TO '{out}' WITH NUMPROCESSES = 1;")))
    steps.note("rows", sorted(out.read_text().splitlines()) == sorted(rows.read_text().splitlines()))
    out.unlink()
    # COPY FROM cannot make durations, nor user-defined types in a process of its own.
    left_out = "duration", "frozen<street>"
    columns = [f"v{number}" for number, kind in enumerate(_TYPES) if kind not in left_out]
    some = f"types (k, {', '.join(columns)})"
    steps.note("TO, types", _outcome(shell.type(f"COPY {some} TO '{out}' WITH NUMPROCESSES = 1;")))
    steps.note("types", out.read_text())
    steps.type("TRUNCATE", "TRUNCATE types;")
    steps.note("FROM, types", _outcome(shell.type(f"COPY {some} FROM '{out}' WITH NUMPROCESSES = 1;")))
    steps.type("types again", "SELECT * FROM types;")


def _outcome(text: str) -> list[str]:
    """What COPY came to; what it shows on its way depends on the time."""
    told = re.compile("rows |[Ff]ailed|[Ee]rror")
    return [line for line in _steady(text).split("\n") if told.search(line)]


def settings(shell: Shell, folder: Path) -> None:
    steps = Steps("TRACING", shell)
    steps.type("on", "TRACING ON;")
    traced = shell.type("SELECT v FROM items WHERE k = 1 AND c = 1;")
    steps.note("row", "row 1" in traced)
    steps.note("session", "Tracing session: " in traced)
    steps.note("request", "Execute CQL3 query" in traced)
    steps.note("complete", "Request complete" in traced)
    steps.type("off", "TRACING OFF;")

    steps = Steps("PAGING", shell)
    steps.type("3", "PAGING 3;")
    steps.note("pages", [_steady(page) for page in shell.pages("SELECT c, v FROM items WHERE k = 1;")])
    steps.type("off", "PAGING OFF;")
    steps.type("all", "SELECT c, v FROM items WHERE k = 1;")

    steps = Steps("CONSISTENCY", shell)
    steps.type("shown", "CONSISTENCY;")
    for level in ("QUORUM", "LOCAL_ONE", "THREE"):
        steps.type(level, f"CONSISTENCY {level};")
        steps.type(f"{level}: write", "INSERT INTO items (k, c, v) VALUES (7, 1, 'x');")
        steps.type(f"{level}: read", "SELECT * FROM items WHERE k = 7;")
    steps.type("ONE", "CONSISTENCY ONE;")
    steps.type("SERIAL", "SERIAL CONSISTENCY LOCAL_SERIAL;")

    steps = Steps("SOURCE", shell)
    script = folder / "script.cql"
    script.write_text(
        "INSERT INTO items (k, c, v) VALUES (8, 1, 'sourced');\n"
        "-- a comment\nINSERT INTO items (k, c, v)\n  VALUES (8, 2, $$it's$$);\n"
        "SELECT * FROM items WHERE k = 8;\n"
    )
    steps.type("script", f"SOURCE '{script}';")


def completion(shell: Shell) -> None:
    steps = Steps("completion", shell)
    # Each line is completed by what cqlsh knows of the schema, and is then run as it stands.
    for step, typed in {
        "keyspace": f"USE {KEYSPACE[:-2]}\t",
        "table": "SELECT * FROM ite\tWHERE k = 8;",
        "columns": "UPDATE hits SET \t + 1 WHERE pa\t= 'tab';",
        "type": "DESCRIBE TYPE str\t;",
        "index": "DESCRIBE INDEX by\t;",
    }.items():
        echo, appeared = shell.exchange(typed)
        steps.note(step, {"line": echo, "appeared": _steady(appeared)})


def reconnection(shell: Shell) -> None:
    ask("restart")
    steps = Steps("reconnection", shell)
    deadline = time.monotonic() + 60
    while True:
        appeared = _steady(shell.type("SELECT v FROM items WHERE k = 1 AND c = 1;"))
        if "row 1" in appeared or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    steps.note("answer", appeared)


def authentication(folder: Path) -> None:
    address = [os.environ["CQL_AUTH_HOST"], os.environ["CQL_AUTH_PORT"]]
    user, password = os.environ["CQL_USERNAME"], os.environ["CQL_PASSWORD"]
    shell = Shell(*address, "-u", user, "-p", password)
    steps = Steps("authentication", shell)
    steps.type("keyspace", f"CREATE KEYSPACE {_AUTH} {REPLICATED_ONCE};")
    steps.type("table", f"CREATE TABLE {_AUTH}.t (k int PRIMARY KEY, v text);")
    steps.type("insert", f"INSERT INTO {_AUTH}.t (k, v) VALUES (1, 'mine');")
    steps.type("roles", "LIST ROLES;")
    shell.type(f"LOGIN {os.environ['CQL_OTHER_USERNAME']} '{os.environ['CQL_OTHER_PASSWORD']}';")
    steps.type("forbidden", f"SELECT * FROM {_AUTH}.t;")
    shell.close()
    try:
        Shell(*address, "-u", user, "-p", "wrong").close()
    except EndedError as end:
        steps.note("wrong password", _steady(str(end)))

    host, port = os.environ["CQL_TLS_HOST"], os.environ["CQL_TLS_PORT"]
    settings = folder / "cqlshrc"
    settings.write_text(f"[ssl]\ncertfile = {os.environ['CQL_CA_FILE']}\nvalidate = true\n")
    shell = Shell(host, port, "--ssl", f"--cqlshrc={settings}", "-u", user, "-p", password)
    steps = Steps("TLS", shell)
    steps.type("insert", f"INSERT INTO {_AUTH}.t (k, v) VALUES (2, 'secret');")
    steps.type("select", f"SELECT * FROM {_AUTH}.t;")
    shell.close()


def main() -> None:
    say({"client": "cqlsh", "version": version("cqlsh")})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shell = Shell(os.environ["CQL_HOST"], os.environ["CQL_PORT"])
        Steps("connect", shell).note("greeting", _steady(shell.greeting))
        schema(shell)
        describe(shell)
        copy(shell, folder)
        ask("middle")
        settings(shell, folder)
        completion(shell)
        reconnection(shell)
        shell.close()
        authentication(folder)


if __name__ == "__main__":
    main()
