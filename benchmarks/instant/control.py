"""The control socket of an instant backend: what it did so far, and what it is to do from now on.

A line with the name of a `Behaviour`, or an empty one to change nothing, is answered by the counts, in JSON.
"""

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import BenchmarkError
from benchmarks.instant.relay import Behaviour, Shared

_ANSWER_SECONDS = 10.0


class Counts(NamedTuple):
    """Requests since the start of the backend, by what became of them."""

    answered: int
    forwarded: int
    ignored: int


async def serve_control(shared: Shared, path: Path) -> asyncio.AbstractServer:
    """Listen on the Unix socket `path`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            async for line in reader:
                if told := line.decode().strip():
                    shared.behaviour = Behaviour(told)
                counts = Counts(shared.answered, shared.forwarded, shared.ignored)
                writer.write(json.dumps(counts).encode() + b"\n")

    return await asyncio.start_unix_server(serve, path)


def tell(path: Path, behaviour: Behaviour | None = None) -> Counts:
    """Have the backend behave so from now on, or with None only ask; its counts. Raises `BenchmarkError`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as lines:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(path))
            lines.write(f"{behaviour or ''}\n".encode())
            lines.flush()
            return Counts(*json.loads(lines.readline()))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"the instant backend at {path} does not obey: {error}") from error
