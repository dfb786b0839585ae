"""A migration as an operator does it: `cqlproxy migrate` through all phases, with a way back, under load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import yaml

from bootstrap.environments import CHECKOUT
from tests.integration.comparison import Table, contents, contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess
from tests.nodes.addresses import ADMIN_PORT

_PROGRAMS = Path(__file__).parent / "programs"
BEFORE = 500
"""Rows of before the migration."""
_WAIT = 60.0
NOT_CONFIRMED = 3


class Migrating:
    """The command with a plan for one proxy."""

    def __init__(self, proxy: ProxyProcess, root: Path, keyspace: str) -> None:
        self.plan = root / f"{keyspace}.yaml"
        self.journal = root / f"{keyspace}.journal"
        calm = {"lag_under": "2s", "no_mismatches_for": "1s", "held_for": "300ms"}
        self.plan.write_text(
            yaml.safe_dump(
                {
                    "proxies": [f"http://{proxy.address}:{ADMIN_PORT}"],
                    "journal": self.journal.name,
                    "look_every": "100ms",
                    "steps": [
                        {"to": "dual_write_async"},
                        {"to": "dual_write_sync", "when": {**calm, "confirm": "Is all data there?"}},
                        {"to": "shadow_primary", "when": calm},
                        {"to": "target_only", "when": {"stayed": "1s", "lag_under": "2s"}},
                    ],
                }
            )
        )

    def __call__(self, *options: str, status: int = 0) -> list[str]:
        """Run it to its end; the lines that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "cqlproxy", "migrate", str(self.plan), *options],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=_WAIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        print(
            f"$ cqlproxy migrate plan.yaml {' '.join(options)}\n{done.stdout}{done.stderr}[{done.returncode}]"
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout.splitlines()

    def phases(self) -> list[str]:
        """Those that were entered, by the journal."""
        events = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [event["phase"] for event in events if event["event"] == "entered"]


@contextmanager
def writing(proxy: ProxyProcess, root: Path, keyspace: str) -> Iterator[dict[str, object]]:
    """The program writes meanwhile; afterwards the mapping has what it said."""
    stop, said = root / f"{keyspace}.stop", dict[str, object]()
    stop.unlink(missing_ok=True)
    program = DriverProgram(
        _PROGRAMS / "steady_writer.py", proxy.address, proxy.port, keyspace, str(stop), root=root
    )
    try:
        wait_for_writes(proxy, 50)
        yield said
    finally:
        stop.touch()
        said.update(program.result(_WAIT))


def wait_for_writes(proxy: ProxyProcess, writes: int) -> None:
    """Until the program has written so many more."""
    wanted = proxy.count("successful_writes") + writes
    proxy.wait_until(lambda stats: cast(int, stats["successful_writes"]) >= wanted, _WAIT, what="more writes")


def test_all_phases_with_a_way_back_while_a_program_runs_and_nothing_is_lost(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    keyspace = "migrated"
    old, new = _place(primary), _place(shadow)
    proxy = start_proxy(mode="primary_only", validation_percentage=100, validation_recheck_ms=200)
    migrate = Migrating(proxy, root, keyspace)
    _table(root, keyspace, "make", old, new)
    _table(root, keyspace, "fill", _place(proxy), str(BEFORE))
    with writing(proxy, root, keyspace) as said:
        # Everything is copied from now on, and then there is a question that nobody is there to answer.
        migrate(status=NOT_CONFIRMED)
        assert proxy.stats()["mode"] == "dual_write_async"
        assert _table(root, keyspace, "load", old, new) > BEFORE
        migrate("--confirm", "--to", "shadow_primary")
        assert proxy.stats()["mode"] == "shadow_primary"
        wait_for_writes(proxy, 100)

        migrate("--rollback")
        assert proxy.stats()["mode"] == "dual_write_sync"
        wait_for_writes(proxy, 100)
        assert "phase       dual_write_sync" in "\n".join(migrate("--status"))

        migrate()
        assert proxy.stats()["mode"] == "target_only"
        wait_for_writes(proxy, 100)
    assert migrate.phases() == [
        *("dual_write_async", "dual_write_sync", "shadow_primary"),
        *("dual_write_sync", "shadow_primary", "target_only"),
    ]
    assert (said["errors"], said["wrong_reads"]) == ([], [])
    stats = wait_settled(proxy)
    assert (stats["dropped_writes"], stats["failed_copies"], stats["dead_letters"]) == (0, 0, 0)
    expected = {f"[{number}]": text for number, text in cast(dict[str, str], said["expected"]).items()}
    expected |= {f"[-{number}]": f"from before: {number}" for number in range(1, BEFORE + 1)}
    assert _values(contents(shadow, keyspace, root=root)[f"{keyspace}.t"]) == expected


def test_both_clusters_are_alike_after_a_way_back(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    """Back from the shadow to the primary, which then has all that was written meanwhile."""
    keyspace = "moved_back"
    _table(root, keyspace, "make", _place(primary), _place(shadow))
    proxy = start_proxy(mode="dual_write_sync", validation_percentage=100, validation_recheck_ms=200)
    migrate = Migrating(proxy, root, keyspace)
    with writing(proxy, root, keyspace) as said:
        migrate("--to", "shadow_primary")
        wait_for_writes(proxy, 200)
        migrate("--rollback", "--to", "dual_write_async")
        wait_for_writes(proxy, 50)
    assert (said["errors"], said["wrong_reads"]) == ([], [])
    wait_settled(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, keyspace, root=root)
    expected = {f"[{number}]": text for number, text in cast(dict[str, str], said["expected"]).items()}
    assert _values(on_primary[f"{keyspace}.t"]) == expected
    assert differences(on_primary, on_shadow) == []


def _place(server: CassandraNode | ProxyProcess) -> str:
    return f"{server.address}:{server.port}"


def _table(root: Path, keyspace: str, what: str, *arguments: str) -> int:
    """Run `moving_table.py`; how many rows it wrote."""
    program = DriverProgram(_PROGRAMS / "moving_table.py", keyspace, what, *arguments, root=root)
    return cast(int, program.result(_WAIT)["rows"])


def _values(table: Table) -> dict[str, str]:
    """What each row has in ``v``, by its key."""
    return {key: str(cells["v"][0]).strip("'") for key, cells in table.items()}
