"""`check-config --connect` between real nodes: what would make a migration fail is found, a line for each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
import yaml
from cassandra.cluster import Cluster

from bootstrap.environments import CHECKOUT
from cqlproxy.config import load_config
from cqlproxy.preflight import inspect_clusters
from cqlproxy.security_files import SecurityFiles
from filters import load_rules
from tests.integration.old_node import OldNode
from tests.nodes import CassandraNode, loopback_address, proxy_settings
from tests.nodes.proxy import ContactPoint

REPLICATED = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
# Other tests leave keyspaces on both nodes.
RULES = {"filters": {"table_whitelist": ["checked.*", "lone.*"], "table_blacklist": ["*.held"]}}
ON_BOTH = (
    f"CREATE KEYSPACE checked {REPLICATED}",
    "CREATE TYPE checked.same (a int, b text)",
    "CREATE TABLE checked.same (k int, c int, v frozen<same>, w map<text, int>, s int static,"
    " PRIMARY KEY (k, c))",
    "CREATE TABLE checked.fewer (k int PRIMARY KEY, v text)",
)
ON_PRIMARY = (
    f"CREATE KEYSPACE lone {REPLICATED}",
    "CREATE TABLE lone.one (k int PRIMARY KEY)",
    "CREATE TABLE lone.two (k int PRIMARY KEY)",
    "ALTER TABLE checked.fewer ADD note text",
    "CREATE TYPE checked.address (street text, number int)",
    "CREATE TABLE checked.gone (k int PRIMARY KEY)",
    "CREATE TABLE checked.held (k int PRIMARY KEY)",
    'CREATE TABLE checked."Typed" (k int PRIMARY KEY, v decimal)',
    "CREATE TABLE checked.keyed (a int, b int, c int, PRIMARY KEY ((a, b), c))",
    "CREATE TABLE checked.ordered (a int, b int, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (b DESC)",
    "CREATE TABLE checked.brief (k int PRIMARY KEY) WITH default_time_to_live = 60",
)
ON_SHADOW = (
    "CREATE TYPE checked.address (street text)",
    'CREATE TABLE checked."Typed" (k int PRIMARY KEY, v double)',
    "CREATE TABLE checked.keyed (a int, b int, c int, PRIMARY KEY (a, b, c))",
    "CREATE TABLE checked.ordered (a int, b int, PRIMARY KEY (a, b))",
    "CREATE TABLE checked.brief (k int PRIMARY KEY)",
    "CREATE TABLE checked.of_its_own (k int PRIMARY KEY)",
)
FOUND = [
    "problem: schema: the fields of type checked.address are (street text, number int) on the primary and"
    " (street text) on the shadow",
    "problem: schema: column checked.Typed.v is decimal on the primary and double on the shadow",
    "problem: schema: column checked.fewer.note (text) is missing on the shadow",
    "problem: schema: table checked.gone is missing on the shadow",
    "problem: schema: the primary key of checked.keyed is ((a, b), c) on the primary and ((a), b, c) on the"
    " shadow",
    "problem: schema: the clustering order of checked.ordered is (b DESC) on the primary and (b ASC) on the"
    " shadow",
    "problem: schema: keyspace lone, with 2 tables, is missing on the shadow",
    "warning: schema: default_time_to_live of checked.brief is 60 on the primary and 0 on the shadow",
    "7 problems found.",
]


def execute(node: CassandraNode, *statements: str) -> None:
    with Cluster([node.address]) as cluster:
        session = cluster.connect()
        for statement in statements:
            session.execute(statement)


@pytest.fixture(scope="module")
def unlike(primary: CassandraNode, shadow: CassandraNode) -> Iterator[None]:
    """Both nodes have keyspaces that differ."""
    execute(primary, *ON_BOTH, *ON_PRIMARY)
    execute(shadow, *ON_BOTH, *ON_SHADOW)
    yield
    execute(primary, "DROP KEYSPACE checked", "DROP KEYSPACE lone")
    execute(shadow, "DROP KEYSPACE checked")


def written(folder: Path, first: ContactPoint, second: ContactPoint | None, **changes: object) -> Path:
    (folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
    settings = proxy_settings(
        loopback_address(), first, second, filters={"rules_file": "rules.yaml"}, **changes
    )
    path = folder / "proxy.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def check(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "cqlproxy",
        "check-config",
        path,
        "--connect",
        *options,
    ]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=90, check=False)


def findings(result: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines after what was understood of the configuration and the clusters."""
    lines = result.stdout.splitlines()
    return [line for line in lines if line.startswith(("problem", "warning")) or line.endswith("found.")]


@pytest.mark.usefixtures("unlike")
def test_each_difference_of_the_schemas_is_named(
    tmp_path: Path, primary: CassandraNode, shadow: CassandraNode
) -> None:
    result = check(written(tmp_path, primary, shadow))
    print(result.stdout)
    assert (result.returncode, result.stderr) == (1, "")
    assert findings(result) == FOUND


@pytest.mark.usefixtures("unlike")
def test_as_json(tmp_path: Path, primary: CassandraNode, shadow: CassandraNode) -> None:
    result = check(written(tmp_path, primary, shadow), "--json")
    assert (result.returncode, result.stderr) == (1, "")
    said = json.loads(result.stdout)
    assert [cluster["name"] for cluster in said["clusters"]] == ["primary", "shadow"]
    assert [cluster["nodes"] for cluster in said["clusters"]] == [[primary.address], [shadow.address]]
    assert [one["about"] for one in said["findings"]] == ["schema"] * 8
    assert said["valid"]


def test_nothing_is_found_where_nothing_is(
    tmp_path: Path, primary: CassandraNode, shadow: CassandraNode
) -> None:
    path = written(tmp_path, primary, shadow)
    (tmp_path / "rules.yaml").write_text("filters: {table_whitelist: [nothing.at_all]}\n")
    result = check(path)
    assert (result.returncode, result.stderr, findings(result)) == (0, "", ["No problem found."])


def test_a_cluster_without_a_common_version_is_named(
    tmp_path: Path, primary: CassandraNode, shadow: CassandraNode
) -> None:
    with OldNode(shadow) as old:
        result = check(written(tmp_path, primary, old))
    print(result.stdout)
    assert result.returncode == 1
    assert findings(result) == [
        "problem: protocol: the proxy speaks version 4 of the native protocol with both clusters, the shadow"
        " speaks version 3 only: there is no common version",
        "1 problem found.",
    ]


def test_a_cluster_that_is_away_is_named(
    tmp_path: Path, primary: CassandraNode, shadow: CassandraNode
) -> None:
    shadow.kill()
    result = check(written(tmp_path, primary, shadow))
    assert result.returncode == 1
    (line, _) = findings(result)
    assert line.startswith(f"problem: connection: the shadow cluster cannot be reached at {shadow.address}")


@pytest.mark.usefixtures("unlike")
@pytest.mark.parametrize(("ahead", "word"), [(90, "behind"), (-90, "ahead of")])
def test_clocks_that_differ_are_named(
    tmp_path: Path, primary: CassandraNode, shadow: CassandraNode, ahead: float, word: str
) -> None:
    config = load_config(written(tmp_path, primary, shadow))
    assert config.filters is not None
    seen = uvloop.run(
        inspect_clusters(
            config,
            load_rules(config.filters.rules_file),
            SecurityFiles(config),
            clock=lambda: time.time() + ahead,
        )
    )
    assert [one.told for one in seen.findings if one.about == "clock"] == [
        f"the clock of the {node.name}'s node {node.address} is 90.0 s {word} this machine's: let NTP set"
        " both, since write times decide which write counts"
        for node in (primary, shadow)
    ]
