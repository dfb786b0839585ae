"""What was begun before a switch goes on after it; a cluster that is not ready is not switched to."""

from pathlib import Path
from typing import cast

from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.integration.modes import ask_to_switch, switch
from tests.nodes import CassandraNode, DriverProgram
from tests.nodes.addresses import ADMIN_PORT

_PROGRAM = Path(__file__).parent / "programs" / "across_switches.py"
KEYSPACE = "across_switches"
PRIMARY_ROWS = 60
SHADOW_ROWS = 90


def test_prepared_statements_and_paged_reads_go_on_across_switches(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    at = [place for server in (proxy, primary, shadow) for place in (server.address, server.port)]
    said = DriverProgram(_PROGRAM, *at, ADMIN_PORT, KEYSPACE, PRIMARY_ROWS, SHADOW_ROWS, root=root).result(60)
    of_primary = [[number, "primary"] for number in range(PRIMARY_ROWS)]
    of_shadow = [[number, "shadow"] for number in range(SHADOW_ROWS)]
    assert said["before"] == said["back"] == of_primary
    assert said["after"] == said["text after"] == of_shadow
    assert said["begun on the primary"] == {"prepared": of_primary, "text": of_primary}
    assert said["begun on the shadow"] == {"prepared": of_shadow, "text": of_shadow}
    assert said["written"] == [[1, "before"], [2, "after"], [3, "back"]]
    wait_settled(proxy)
    on_primary, on_shadow = contents_of_both(primary, shadow, KEYSPACE, root=root)
    written = f"{KEYSPACE}.w"
    assert differences({written: on_primary[written]}, {written: on_shadow[written]}) == []
    assert proxy.stats()["mode_changes"] == 2


def test_a_cluster_that_is_away_is_not_switched_to_unless_by_force(
    start_proxy: StartProxy, shadow: CassandraNode
) -> None:
    shadow.kill()
    proxy = start_proxy()
    status, said = ask_to_switch(proxy, "shadow_primary")
    assert status == 409, said
    assert "shadow" in str(said["error"])
    assert proxy.stats()["mode"] == "dual_write_async"
    assert switch(proxy, "shadow_primary", force=True)["mode"] == "shadow_primary"


def test_a_mode_that_was_set_survives_a_kill(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    proxy.wait_until(shadow_is_up, 30, what="a shadow that is connected")
    switch(proxy, "shadow_primary")
    proxy.kill()
    proxy.start()
    assert proxy.stats()["mode"] == "shadow_primary"
    assert proxy.stats()["last_run"] == "unclean"


def shadow_is_up(stats: dict[str, object]) -> bool:
    nodes = cast("list[dict[str, object]]", stats["nodes"])
    return any(node["cluster"] == "shadow" and node["up"] for node in nodes)
