"""Whether what a client wrote is on the shadow as well."""

from tests.drivers.runs import Run
from tests.drivers.servers import Servers
from tests.integration.comparison import Table, Tables, contents_of_both, differences

_CONDITIONAL = "[3, "
"""How the keys of those rows of ``items`` begin that the script writes by conditions: their write time is a
ballot of Paxos, which each cluster makes itself."""
_IN_PAXOS = ".items, by conditions"


def lost(run: Run, servers: Servers) -> list[str]:
    """What is not the same on both: a line each. Empty when all is there."""
    counters_given_up = any(".hits" in table for letter in run.letters for table in letter["tables"])
    given_up = [str(letter) for letter in run.letters if ".hits" not in "".join(letter["tables"])]
    primary, shadow = contents_of_both(servers.primary, servers.shadow, run.keyspace, root=servers.root)
    # Written at another cluster, and by its own proxies.
    of_guarded = shadow.pop(f"{run.keyspace}_auth.t", {})
    without_tls = any(line.get("feature") == "tls" and "unsupported" in line for line in run.transcript)
    assert of_guarded.keys() == ({"[1]"} if without_tls else {"[1]", "[2]"}), of_guarded
    assert sum(map(len, primary.values())) > 1_000, "the script writes more"
    left, right = _apart(primary), _apart(shadow)
    by_value = [table for table in left if table.endswith((_IN_PAXOS, ".hits"))]
    found = differences(left, right, by_value=by_value)
    # A counter whose copy was under way when the shadow was killed may be counted: it is a dead letter.
    return given_up + [line for line in found if not (counters_given_up and ".hits " in line)]


def _apart(tables: Tables) -> Tables:
    """The same, with rows that were written by conditions in a table of their own."""
    parted: Tables = {}
    for name, table in tables.items():
        if name.endswith(".items"):
            conditional: Table = {key: row for key, row in table.items() if key.startswith(_CONDITIONAL)}
            parted[name.removesuffix(".items") + _IN_PAXOS] = conditional
            table = {key: row for key, row in table.items() if key not in conditional}
        parted[name] = table
    return parted
