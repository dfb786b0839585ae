"""The tables of a workload, made and filled on a cluster, or through what stands before it."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from benchmarks.client import LoadClient, connect
from benchmarks.workload import MAKE_KEYSPACE, Workload
from frame_codec import Prepare, Rows, decode_prepared_id

_CONNECTIONS = 8
"""That share what there is to do, since each does one thing after the other."""


async def prepare_tables(host: str, port: int, workloads: Sequence[Workload], *, whole: bool) -> str:
    """Make the tables of the workloads; the release of the cluster. Raises `BenchmarkError`.

    whole: every request of what fills a table is sent, so that every SELECT finds a row. Without it one of
    each statement is, which is all that an instant backend needs to see.
    """
    clients: list[LoadClient] = []
    try:
        for _ in range(_CONNECTIONS):
            clients.append(await connect(host, port))
        await clients[0].query(MAKE_KEYSPACE)
        for asked in workloads:
            if asked.filled_by is not None:
                await _prepare(clients, asked.filled_by, whole=whole)
            await _prepare(clients, asked, whole=False)
        found = await clients[0].query("SELECT release_version FROM system.local")
    finally:
        for client in clients:
            client.close()
    release = found.rows[0][0] if isinstance(found, Rows) and found.rows else None
    return release.decode() if release is not None else "of unknown release"


async def _prepare(clients: Sequence[LoadClient], asked: Workload, *, whole: bool) -> None:
    for text in asked.schema:
        await clients[0].query(text)
    ids = [b""] * len(asked.statements)

    async def learn(client: LoadClient, share: range) -> None:
        for number in share:
            _, prepared = await client.ask(Prepare(asked.statements[number]))
            ids[number] = decode_prepared_id(prepared)

    await asyncio.gather(
        *(learn(client, range(first, len(ids), len(clients))) for first, client in enumerate(clients))
    )
    requests = list(islice(asked.requests(ids), None if whole else max(1, len(ids))))

    async def send(client: LoadClient, first: int) -> None:
        for request in requests[first :: len(clients)]:
            await client.ask(request)

    # Whoever stores the first answer only is to see one.
    await clients[0].ask(requests[0])
    await asyncio.gather(*(send(client, first) for first, client in enumerate(clients)))
