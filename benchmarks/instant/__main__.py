"""The process of an instant backend: python -m benchmarks.instant LISTEN NODE --control PATH.

LISTEN and NODE are HOST:PORT; it says ``ready`` when it listens, and ends by SIGTERM.
"""

import argparse
import asyncio
import gc
from pathlib import Path

import uvloop

from benchmarks.instant.control import serve_control
from benchmarks.instant.known_answers import KnownAnswers
from benchmarks.instant.relay import ClientEnd, Shared
from benchmarks.workload import KEYSPACE

_BACKLOG = 4096


async def _serve(listen: tuple[str, int], node: tuple[str, int], control: Path, keyspace: str) -> None:
    shared = Shared(KnownAnswers(keyspace))
    server = await asyncio.get_running_loop().create_server(
        lambda: ClientEnd(shared, node), *listen, backlog=_BACKLOG
    )
    commands = await serve_control(shared, control)
    # A collection would show as a latency of what is measured; only lost connections leave cycles.
    gc.disable()
    print("ready", flush=True)
    async with server, commands:
        await server.serve_forever()


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError("expected HOST:PORT")
    return host, int(port)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instant", description=__doc__.splitlines()[0])
    parser.add_argument("listen", type=_endpoint)
    parser.add_argument("node", type=_endpoint)
    parser.add_argument("--control", type=Path, required=True, help="path of the Unix socket for commands")
    parser.add_argument("--keyspace", default=KEYSPACE, help="what is answered at once; default: %(default)s")
    given = parser.parse_args()
    uvloop.run(_serve(given.listen, given.node, given.control, given.keyspace))


if __name__ == "__main__":
    main()
