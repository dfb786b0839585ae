"""An unchanged driver sees through the proxy what it sees on the node itself, to the letter."""

import re
from pathlib import Path

import pytest

from tests.integration.conftest import StartProxy
from tests.integration.transcripts import PROGRAMS, Transcripts, both_ways
from tests.nodes import CassandraNode, DriverProgram, ProxyProcess


@pytest.fixture(scope="module")
def proxy(start_module_proxy: StartProxy) -> ProxyProcess:
    return start_module_proxy()


@pytest.mark.parametrize(
    ("program", "at_least"),
    [
        ("statements", 60),
        ("paging", 15),
        ("conditional_writes", 30),
        ("counters", 15),
        ("collection_changes", 30),
        ("keyspaces_in_use", 50),
        ("frame_extras", 35),
        ("server_errors", 140),
    ],
)
def test_a_program_sees_the_same(
    program: str, at_least: int, proxy: ProxyProcess, primary: CassandraNode, root: Path
) -> None:
    transcripts = both_ways(program, primary, proxy, name=program, root=root)
    assert transcripts.differences() == {}
    assert len(transcripts.direct) >= at_least


@pytest.mark.parametrize(
    ("program", "version", "compression"),
    [
        ("native_types", 3, True),
        ("native_types", 3, False),
        ("native_types", 4, True),
        ("native_types", 4, False),
        ("nested_types", 3, False),
        ("nested_types", 4, True),
    ],
)
def test_every_type_is_the_same_in_each_version_and_compression(
    program: str, version: int, compression: bool, proxy: ProxyProcess, primary: CassandraNode, root: Path
) -> None:
    options = [f"--protocol-version={version}", *([] if compression else ["--no-compression"])]
    name = f"{program}_{version}_{compression}".lower()
    transcripts = both_ways(program, primary, proxy, *options, name=name, root=root)
    assert transcripts.differences() == {}
    assert len(transcripts.direct) >= 250
    assert transcripts.proxied["compressed"] is compression


def test_changes_of_the_schema_are_told_once_and_in_order(
    proxy: ProxyProcess, primary: CassandraNode, root: Path
) -> None:
    transcripts = both_ways("schema_changes", primary, proxy, name="schema_changes", root=root)
    assert transcripts.differences() == {}
    events = transcripts.proxied["events"]
    assert isinstance(events, list)
    # One event for each change but TRUNCATE and CREATE IF NOT EXISTS, which change nothing; those after the
    # first 17 statements: ALTER KEYSPACE, and what `known_to_others` does.
    assert len(events) == 23


def test_thousands_of_writes_under_way_at_once_all_arrive(
    proxy: ProxyProcess, primary: CassandraNode, root: Path
) -> None:
    transcripts = both_ways("many_writes", primary, proxy, name="many_writes", root=root)
    assert transcripts.differences() == {}
    # Equal is not enough here: both sides could have lost the same.
    assert transcripts.proxied["count"] == 5_500
    assert transcripts.proxied["wrong values"] == []


def test_a_driver_comes_down_to_version_4_and_agrees_on_lz4(proxy: ProxyProcess, root: Path) -> None:
    said = DriverProgram(PROGRAMS / "negotiation.py", proxy.address, proxy.port, root=root).result(60)
    assert said == {"version": 4, "compressed": True, "row": ["local"]}


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKENS = re.compile(r"\[(['\"])-?\d{1,19}\1(, \1-?\d{1,19}\1){15}\]")


@pytest.fixture(scope="module")
def topology(proxy: ProxyProcess, primary: CassandraNode, root: Path) -> Transcripts:
    return both_ways("topology", primary, proxy, name="topology", root=root)


def test_the_cluster_is_one_node_at_the_proxys_address(
    topology: Transcripts, proxy: ProxyProcess, primary: CassandraNode
) -> None:
    hosts = topology.proxied["hosts"]
    assert isinstance(hosts, list)
    assert [host[:2] for host in hosts] == [[f"ADDRESS:{proxy.port}", "ADDRESS"]]
    for label, said in topology.proxied.items():
        for address in ("0.0.0.0", primary.address):
            assert address not in str(said), label


def test_but_for_host_id_tokens_and_version_the_tables_are_the_nodes_own(topology: Transcripts) -> None:
    assert len(topology.direct) >= 50

    def common(said: object, version: str) -> str:
        text = _UUID.sub("HOST_ID", _TOKENS.sub("TOKENS", str(said).replace('\\"', '"').replace("\\'", "'")))
        return text.replace(f'"native_protocol_version": "{version}"', "V").replace(f"str '{version}'", "V")

    for label, direct in topology.direct.items():
        assert common(topology.proxied[label], "4") == common(direct, "5"), label
