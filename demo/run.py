"""The demo, from nothing to a verdict: two nodes, the proxy, a program, and both clusters compared.

usage: python -m demo.run [--keep]        exit status 0 only if everything is as it must be
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import cast

from bootstrap.commands import BootstrapError
from bootstrap.environments import driver_python
from demo.report import Comparison, Rules, TableOutcome, outcome_table, problems
from tests.nodes import (
    CassandraNode,
    DriverProgram,
    ProcessError,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
    workspace,
)
from tests.nodes.addresses import ADMIN_PORT
from tests.nodes.jars import CASSANDRA_VERSION, cassandra_jars

_HERE = Path(__file__).parent
_TENANT_COLUMN = "system_domain_id"
_HELD_TENANT = ("b2c9e0d7-73a1-4f0c-8a35-5d2f4be5c002", "Globex")
_HELD_TABLE = "migrations"
_LAG_SAMPLE = 0.02
"""Seconds."""
_RULES = {
    "tenant_blacklist": [_HELD_TENANT[0]],
    "table_blacklist": [f"*.{_HELD_TABLE}"],
    "tenant_columns": [_TENANT_COLUMN],
}


def main() -> int:
    """Run the demo; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    try:
        cassandra_jars()
        driver_python()
        with workspace() as root:
            return _demonstrate(root, keep=keep)
    except (BootstrapError, ProcessError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _demonstrate(root: Path, *, keep: bool) -> int:
    with ExitStack() as running:
        primary = CassandraNode("primary", loopback_address(), root)
        shadow = CassandraNode("shadow", loopback_address(), root)
        with _step(f"Starting two Cassandra {CASSANDRA_VERSION} nodes, a primary and a shadow"):
            running.enter_context(start_together(primary, shadow))

        proxy = ProxyProcess(proxy_settings(loopback_address(), primary, shadow), root, rules=_RULES)
        running.callback(proxy.stop)
        with _step("Starting cqlproxy between them"):
            proxy.start()

        with _step("Running demo/app.py, an ordinary cassandra-driver program, against the proxy"):
            said, lag = _run_app(proxy, root)
        answered = time.monotonic()
        proxy.wait_copied()
        behind = time.monotonic() - answered

        with _step("Comparing both clusters row by row, values and write times"):
            outcomes = _compare(said, primary, shadow, root)

        rules = Rules(tables=frozenset({_HELD_TABLE}), tenants=dict([_HELD_TENANT]))
        found = problems(outcomes, rules, proxy.stats())
        _show(outcomes, rules, lag=lag, behind=behind)
        for problem in found:
            print(f"WRONG: {problem}")
        if found:
            print(f"\nThe end of the proxy's log:\n{proxy.log_tail()}")
        else:
            print("All is as it must be.")
        if keep:
            _keep(primary, shadow, proxy)
    return 1 if found else 0


def _run_app(proxy: ProxyProcess, root: Path) -> tuple[Mapping[str, object], float]:
    """What the program said, and the longest copy lag that the proxy stated meanwhile, in seconds."""
    app = DriverProgram(_HERE / "app.py", proxy.address, proxy.port, root=root)
    lag = 0.0
    while not app.wait(_LAG_SAMPLE):
        lag = max(lag, proxy.count("mirror_lag_seconds"))
    return app.result(0), lag


def _compare(
    said: Mapping[str, object], primary: CassandraNode, shadow: CassandraNode, root: Path
) -> list[TableOutcome]:
    """Each table of the program's keyspace, as both clusters hold it now."""
    keyspace = str(said["keyspace"])
    writes = cast(Mapping[str, int], said["writes"])
    rows = cast(Mapping[str, int], said["rows"])
    compare = DriverProgram(
        *(_HERE / "compare.py", primary.address, shadow.address, primary.port, keyspace, _TENANT_COLUMN),
        root=root,
    )
    found = cast(Mapping[str, Comparison], compare.result(120))
    return [
        TableOutcome(f"{keyspace}.{table}", writes[table], rows[table], found[table])
        for table in sorted(found)
    ]


def _show(outcomes: list[TableOutcome], rules: Rules, *, lag: float, behind: float) -> None:
    print(f"\n{outcome_table(outcomes, rules)}\n")
    copied = sum(table.found["shadow"] - table.found["different"] for table in outcomes)
    times = sum(table.found["write_times"] for table in outcomes)
    print(f"Equal on both clusters: {copied} rows and the {times} write times in them.")
    print(
        f"Lag: copies were at most {lag * 1000:.0f} ms behind while the program ran, mostly because the "
        "shadow\ncreates one table after the other; "
        f"{behind * 1000:.0f} ms after the program's end none was left to copy.\n"
    )


def _keep(primary: CassandraNode, shadow: CassandraNode, proxy: ProxyProcess) -> None:
    """Say how to look around, and wait for Ctrl-C."""
    print(
        f"""
All of it keeps running until Ctrl-C.

  through the proxy   {proxy.address} port {proxy.port}
  the primary         {primary.address} port {primary.port}
  the shadow          {shadow.address} port {shadow.port}

Connect with cqlsh (pip install cqlsh), or with any driver, to one of them:

  cqlsh {proxy.address} {proxy.port} -e "SELECT count(*) FROM shop.customers"
  cqlsh {shadow.address} {shadow.port} -e "SELECT count(*) FROM shop.customers"

What the proxy counts:    curl http://{proxy.address}:{ADMIN_PORT}/stats
Its configuration, rules: {proxy.config_file} and {proxy.rules_file.name} beside it
""",
        flush=True,
    )
    with suppress(KeyboardInterrupt):
        signal.pause()
    print("Stopping ...", flush=True)


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{what} ... ", end="", flush=True)
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
