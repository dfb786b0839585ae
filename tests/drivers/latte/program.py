"""latte, a load generator with ScyllaDB's driver for Rust: a schema, rows written and read, a user, TLS.

The only argument is the program itself.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.drivers.said import ask, say

_KEYSPACE = os.environ["CQL_KEYSPACE"]
_AUTH = f"{_KEYSPACE}_auth"
_ROWS = 1_000

_WORK = """\
pub async fn schema(db) {{
    db.execute("CREATE KEYSPACE {keyspace} WITH replication = \\
{{'class': 'SimpleStrategy', 'replication_factor': 1}}").await?;
    db.execute("CREATE TABLE {keyspace}.{table} (k bigint PRIMARY KEY, v text)").await?;
}}

pub async fn prepare(db) {{
    db.load_cycle_count = {rows};
    db.prepare("insert", "INSERT INTO {keyspace}.{table} (k, v) VALUES (?, ?)").await?;
    db.prepare("select", "SELECT v FROM {keyspace}.{table} WHERE k = ?").await?;
}}

pub async fn load(db, i) {{
    db.execute_prepared("insert", [i + {first}, "row"]).await?
}}

pub async fn run(db, i) {{
    db.execute_prepared("select", [i % {rows} + {first}]).await?
}}
"""


class Latte:
    """Runs of it with one script, in a folder of their own."""

    def __init__(self, program: str, folder: Path, name: str, **script: object) -> None:
        self._program = program
        self._folder = folder
        self._script = folder / f"{name}.rn"
        self._script.write_text(_WORK.format(**script))

    def note(self, feature: str, step: str, command: str, server: list[str]) -> None:
        """Write down how a run has ended; of one that reads, how many rows."""
        report = self._folder / "report.json"
        report.unlink(missing_ok=True)
        reading = ["--output", report, "--duration", _ROWS, "--quiet"] if command == "run" else []
        many = ["--concurrency", "128"] if command != "schema" else []
        *options, address = server
        done = subprocess.run(
            [self._program, command, *map(str, reading), *many, *options, self._script, address],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            check=False,
        )
        print(done.stdout, file=sys.stderr, flush=True)
        answer: dict[str, object] = {"status": done.returncode}
        if report.exists():
            result = json.loads(report.read_text())["result"]
            answer |= {name: int(result[name]) for name in ("request_count", "error_count", "row_count")}
        if done.returncode != 0:
            answer["said"] = done.stdout.splitlines()[-1:]
        say({"feature": feature, "step": step, "answer": answer})


def main(program: str) -> None:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    say({"client": "latte", "version": told.split()[-1]})
    plain = [f"{os.environ['CQL_HOST']}:{os.environ['CQL_PORT']}"]
    user = ["--user", os.environ["CQL_USERNAME"], "--password", os.environ["CQL_PASSWORD"]]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        work = Latte(program, folder, "many", keyspace=_KEYSPACE, table="many", rows=_ROWS, first=0)
        work.note("workload", "schema", "schema", plain)
        work.note("workload", "load", "load", plain)
        ask("middle")
        work.note("workload", "run", "run", plain)
        ask("restart")
        work.note("workload", "run after the restart", "run", plain)
        first = Latte(program, folder, "first", keyspace=_AUTH, table="t", rows=1, first=1)
        at_auth = [*user, f"{os.environ['CQL_AUTH_HOST']}:{os.environ['CQL_AUTH_PORT']}"]
        first.note("authentication", "schema", "schema", at_auth)
        first.note("authentication", "load", "load", at_auth)
        wrong = ["--user", os.environ["CQL_USERNAME"], "--password", "wrong", at_auth[-1]]
        first.note("authentication", "wrong password", "load", wrong)
        second = Latte(program, folder, "second", keyspace=_AUTH, table="t", rows=1, first=2)
        tls = ["--ssl", "--ssl-ca", os.environ["CQL_CA_FILE"]]
        at_tls = [*user, *tls, f"{os.environ['CQL_TLS_HOST']}:{os.environ['CQL_TLS_PORT']}"]
        second.note("TLS", "load", "load", at_tls)
        second.note("TLS", "run", "run", at_tls)


if __name__ == "__main__":
    main(sys.argv[1])
