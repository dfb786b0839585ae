"""docs/drivers.md, made of what the clients have seen: client by feature, with versions and reasons.

``python -m tests.drivers.page FOLDER`` prints it, of the transcripts that the tests have kept there.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.drivers.clients import ABSENT, CLIENTS, Client
from tests.drivers.dialogue import Line
from tests.drivers.meant import MEANT
from tests.drivers.runs import transcript_file
from tests.drivers.transcripts import differences, unmeant

FEATURES: Mapping[str, str] = {
    "connect": "connect, agree on a protocol version",
    "discover": "discover the nodes",
    "schema": "create a schema and know it",
    "statements": "plain and prepared statements",
    "types": "all native types",
    "nulls": "null and unset",
    "collections": "collections",
    "udt": "user-defined types",
    "tuple": "tuples",
    "vector": "vectors",
    "lwt": "conditional writes (LWT)",
    "counters": "counters",
    "batches": "logged, unlogged and counter batches, text and prepared mixed",
    "paging": "paging, resumed as well",
    "named values": "values by name",
    "use": "USE, several keyspaces",
    "metadata": "schema agreement, metadata after a change",
    "events": "schema events",
    "tracing": "tracing",
    "consistency": "consistency levels",
    "timestamps": "client timestamps",
    "ttl": "time to live",
    "errors": "errors: codes, texts, fields",
    "concurrency": "1,000 requests at once",
    "compression": "lz4",
    "reconnection": "reconnection after the proxy's restart",
    "repreparation": "prepared statements after the proxy's restart",
    "authentication": "authentication and permissions",
    "tls": "TLS",
}
"""By id, in the order of the script."""

_HEAD = """\
# Drivers and tools that work unchanged

Each client was pointed at the proxy as its only contact point, with its default settings, and did the work of
[tests/drivers](../tests/drivers/README.md) three times: directly at a Cassandra {server} node, through the
proxy, which is restarted meanwhile, and through the proxy with the shadow killed in the middle. Everything
that it was told, rows, types, metadata, error codes and texts, was compared by a program. This page is made
of the first two by `make drivers`, which takes a quarter of an hour and is not part of `make test`.

With the shadow killed, the drivers for Python and cqlsh saw no difference; those for Go, Java, Rust and
Node.js have not been compared so far. On a machine with much other work the driver for Java and that for
Python with asyncio have seen a difference between direct and proxied in some runs, and none in others; why is
not known yet.

*yes*: all steps, and no difference. *no* and *part*: the client cannot do it, or not all of it, directly
either; the number says why.
"""


class _Notes:
    """Reasons, numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, line: Line) -> int:
        text = f"{line['unsupported']} ([link]({line['link']}))"
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def lines(self) -> Iterator[str]:
        for text, number in self._numbers.items():
            yield f"{number}. {text}"


def of(results: Mapping[Client, tuple[list[Line], list[Line]]]) -> str:
    """The page; of each client what it saw directly and through the proxy."""
    notes = _Notes()
    parts = [_HEAD.format(server=_server(results)), "## Drivers\n"]
    drivers = {client: seen for client, seen in results.items() if not client.tool}
    tools = {client: seen for client, seen in results.items() if client.tool}
    parts.append("\n".join(_table(drivers, notes)) + "\n")
    if tools:
        parts.append("## Tools\n")
        parts.append("\n".join(_list(tools, notes)) + "\n")
    parts.append("## Not in the table\n")
    parts.append("\n".join(f"- {name}: {why} ([link]({link}))." for name, why, link in ABSENT) + "\n")
    parts.append("### Notes\n")
    parts.append("\n".join(notes.lines()) + "\n")
    parts.append("## What is different, and meant\n")
    parts.append("\n".join(f"- {meant.feature}, {meant.step}: {meant.reason}" for meant in MEANT) + "\n")
    return "\n".join(parts)


def _table(drivers: Mapping[Client, tuple[list[Line], list[Line]]], notes: _Notes) -> Iterator[str]:
    yield (
        "| | " + " | ".join(f"{client.title} {_version(seen[1])}" for client, seen in drivers.items()) + " |"
    )
    yield "|---" * (len(drivers) + 1) + "|"
    for feature, title in FEATURES.items():
        cells = (_cell(feature, *seen, notes) for seen in drivers.values())
        yield f"| {title} | " + " | ".join(cells) + " |"


def _list(tools: Mapping[Client, tuple[list[Line], list[Line]]], notes: _Notes) -> Iterator[str]:
    yield "| tool | what it did | |"
    yield "|---|---|---|"
    for client, seen in tools.items():
        for feature in dict.fromkeys(str(line["feature"]) for line in seen[1] if "feature" in line):
            yield f"| {client.title} {_version(seen[1])} | {feature} | {_cell(feature, *seen, notes)} |"


def _cell(feature: str, direct: list[Line], proxied: list[Line], notes: _Notes) -> str:
    of_feature = [line for line in proxied if line.get("feature") == feature]
    without = [line for line in of_feature if "unsupported" in line]
    numbers = ", ".join(str(number) for number in sorted({notes.number(line) for line in without}))
    if unmeant([each for each in differences(direct, proxied) if each.feature == feature]) or not of_feature:
        return "**differs**"
    if not without:
        return "yes"
    return f"no ({numbers})" if len(without) == len(of_feature) else f"part ({numbers})"


def _version(lines: list[Line]) -> str:
    return str(lines[0]["version"])


def _server(results: Mapping[Client, tuple[list[Line], list[Line]]]) -> str:
    """The release of the nodes, as the first client saw it."""
    for seen in results.values():
        for line in seen[1]:
            answer = line.get("answer")
            if (line.get("feature"), line.get("step")) == ("connect", "local") and isinstance(answer, dict):
                return str(dict(zip(answer["columns"], answer["rows"][0], strict=True))["release_version"])
    raise ValueError("no client has read system.local")


def main(folder: Path) -> None:
    """Print the page of what was kept in `folder`."""
    seen = {client: (_kept(folder, client, "direct"), _kept(folder, client, "proxied")) for client in CLIENTS}
    print(of(seen), end="")


def _kept(folder: Path, client: Client, way: str) -> list[Line]:
    return [json.loads(line) for line in transcript_file(folder, client, way).read_text().splitlines()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
