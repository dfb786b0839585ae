"""Functions that give another value each time are evaluated once for both clusters, unseen by the client."""

from pathlib import Path

from tests.integration.comparison import contents_of_both, differences
from tests.integration.conftest import StartProxy
from tests.integration.dead_letters import wait_settled
from tests.nodes import CassandraNode, DriverProgram

_PROGRAM = Path(__file__).parent / "programs" / "generated_values.py"


def test_a_thousand_rows_of_now_and_uuid_are_the_same_on_both_clusters(
    start_proxy: StartProxy, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    proxy = start_proxy()
    said = DriverProgram(_PROGRAM, proxy.address, proxy.port, "generated", root=root).result(60)
    assert said == {"variables": [["k", "n"], ["k", "n"]], "rows": 1000}
    stats = wait_settled(proxy)
    assert (stats["failed_copies"], stats["dropped_writes"]) == (0, 0), stats
    on_primary, on_shadow = contents_of_both(primary, shadow, "generated", root=root)
    rows = on_primary["generated.t"]
    assert len(rows) == 1000  # each had a key of its own
    assert differences(on_primary, on_shadow) == []
    for column in ("hour", "later"):
        assert len({row[column][0] for row in rows.values()}) > 400  # nor one value for all
