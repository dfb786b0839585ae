"""The same program run directly on a node and through a proxy, and what it saw on either side."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.nodes import CassandraNode, DriverProgram, ProxyProcess

PROGRAMS = Path(__file__).parent / "programs"
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Transcripts:
    """What one program saw on both sides, with names that differ of necessity made equal."""

    direct: dict[str, object]
    proxied: dict[str, object]

    def differences(self) -> dict[str, tuple[object, object]]:
        """Entries that are not the same on both sides: directly, through the proxy."""
        labels = [*self.direct, *(label for label in self.proxied if label not in self.direct)]
        pairs = {
            label: (self.direct.get(label, "nothing"), self.proxied.get(label, "nothing")) for label in labels
        }
        return {label: pair for label, pair in pairs.items() if pair[0] != pair[1]}


class ProgramRun:
    """A program of `PROGRAMS` under way; it makes keyspaces whose names begin with `keyspace`."""

    def __init__(
        self, program: str, server: CassandraNode | ProxyProcess, keyspace: str, *options: str, root: Path
    ) -> None:
        self._address = server.address
        self._keyspace = keyspace
        self._process = DriverProgram(
            PROGRAMS / f"{program}.py", server.address, server.port, keyspace, *options, root=root
        )

    def entries(self) -> dict[str, object]:
        """Its transcript, once it has ended, with KEYSPACE and ADDRESS for the names that it was given."""
        said = json.dumps(self._process.result(_TIMEOUT)["entries"])
        common: dict[str, object] = json.loads(
            said.replace(self._keyspace, "KEYSPACE").replace(self._address, "ADDRESS")
        )
        return common


def both_ways(
    program: str, node: CassandraNode, proxy: ProxyProcess, *options: str, name: str, root: Path
) -> Transcripts:
    """Run `program` on `node` and through `proxy` at the same time, in keyspaces named by `name`."""
    # Names of one length: some answers tell of sizes.
    direct = ProgramRun(program, node, f"direct_{name}", *options, root=root)
    proxied = ProgramRun(program, proxy, f"proxy__{name}", *options, root=root)
    return Transcripts(direct.entries(), proxied.entries())
