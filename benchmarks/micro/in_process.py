"""The whole proxy in this process, between nodes and a client that send nothing by themselves.

All of it is the product's: the proxy as the service makes it, the connection that its listener makes, the
driver's connections. A request goes through it in steps, each a turn of the event loop: the client's bytes
come, the node's answers, the answers to the copies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

from benchmarks.micro.nodes import Node, connected_node
from benchmarks.micro.requests import KEYSPACE, TENANT_COLUMNS, Kind
from benchmarks.micro.transports import Recorder
from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.ring import Ring
from cqlproxy.config import Config, load_config
from cqlproxy.journal import Journal, WhenFull
from cqlproxy.metrics import Metrics
from cqlproxy.proxy import Proxy
from cqlproxy.security_files import SecurityFiles
from cqlproxy.state_file import StateFile
from filters import load_rules
from frame_codec import (
    HEADER,
    HEADER_LENGTH,
    PROTOCOL_V4,
    Opcode,
    Prepare,
    Startup,
    decode_prepared_id,
    encode_frame,
)
from tests.nodes import loopback_address, proxy_settings
from tests.nodes.addresses import NATIVE_PORT

_SECONDS: Final = 10.0
_TENANTS: Final = 1000
_PATTERNS: Final = 50
_TOKENS: Final = 48
"""Of the ring, where a cluster has several nodes."""
_SETTLING_TURNS: Final = 50

_RULES: Final[dict[str, object]] = {
    # Nobody writes for these tenants, nor to these tables: every write is asked about, and copied.
    "tenant_blacklist": [str(-number) for number in range(1, _TENANTS + 1)],
    "tenant_columns_by_table": TENANT_COLUMNS,
    "table_blacklist": [f"held_{number}.*_log" for number in range(_PATTERNS)],
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How the proxy is configured, and how many nodes its primary has. All other features are on."""

    mode: str = "dual_write_async"
    journal: str = "overflow"
    nodes: int = 1
    own_ids: bool = False
    """Whether the clusters give a statement different ids, as Cassandra and ScyllaDB sometimes do."""
    traces: str = ""
    """The OTLP endpoint that spans are sent to, of ``traced`` of the requests; empty: none are made."""
    traced: float = 1.0


DEFAULT: Final = Setting()


@dataclass(slots=True)
class _Place:
    """Where a cluster is found, for the configuration."""

    address: str
    port: int = NATIVE_PORT


class InProcess:
    """A proxy, its client and its nodes. Made by `started`."""

    def __init__(self, proxy: Proxy, client: Recorder, primary: list[Node], shadow: Node) -> None:
        self.proxy = proxy
        self.client = client
        """What the proxy writes to its client."""
        self.receive = client.protocol.data_received
        """Has the proxy read bytes of its client."""
        self.primary = primary
        self.shadow = shadow

    async def settle(self) -> None:
        """Answer all that the proxy asks its nodes, until it asks nothing more."""
        quiet = 0
        while quiet < _SETTLING_TURNS:
            await asyncio.sleep(0)
            quiet += 1
            for node in (*self.primary, self.shadow):
                answers = node.answers()
                if answers:
                    node.receive(answers)
                    quiet = 0

    async def ask(self, opcode: Opcode, body: bytes) -> bytes:
        """The body of the answer to one request."""
        self.client.take()
        self.receive(encode_frame(PROTOCOL_V4, 0, 0, opcode, body))
        await self.settle()
        async with asyncio.timeout(_SECONDS):
            await self.client.written()
        answer = self.client.take()
        _, _, _, opcode_of_answer, _ = HEADER.unpack_from(answer)
        if opcode_of_answer == Opcode.ERROR:
            raise AssertionError(f"the proxy answered with an error: {answer[HEADER_LENGTH:]!r}")
        return answer[HEADER_LENGTH:]

    async def bodies(self, kind: Kind) -> Iterator[bytes]:
        """The bodies of requests of `kind`, with what they need prepared on both clusters."""
        for node in self.primary:
            node.answer = kind.answer
        prepared_id = b""
        if kind.prepared is not None:
            answer = await self.ask(Opcode.PREPARE, Prepare(kind.prepared).encode(PROTOCOL_V4))
            prepared_id = decode_prepared_id(answer)
        bodies = kind.bodies(prepared_id)
        await self.ask(kind.opcode, next(bodies))
        return bodies


@asynccontextmanager
async def started(setting: Setting) -> AsyncIterator[InProcess]:
    """A proxy that a client has connected to, and that is connected to its nodes."""
    with TemporaryDirectory(prefix="cqlproxy-micro-") as folder:
        config = _config(Path(folder), setting)
        metrics = Metrics(config.mode)
        journal = await _journal(config, metrics)
        assert config.filters is not None
        rules = load_rules(config.filters.rules_file, loaded_at=time.time())
        state = StateFile.open(config.state_file, config.mode, shadow=True, now=datetime.now(UTC))
        proxy = Proxy(config, rules, state, journal, metrics, SecurityFiles(config))
        for mirror in proxy._mirrors:
            # Copies go as they come: what is counted must not depend on how fast the machine is.
            mirror._gathering.moment = 0.0
        nodes: list[Node] = []
        try:
            primary, shadow = proxy._clusters
            assert shadow is not None
            for _ in range(setting.nodes):
                nodes.append(await connected_node(primary.main, loopback_address(), NATIVE_PORT))
            nodes.append(await connected_node(shadow.main, loopback_address(), NATIVE_PORT))
            if setting.own_ids:
                nodes[-1].name_of_ids = shadow.main.name
            if setting.nodes > 1:
                _ring(primary.main)
            client = await _client(proxy, config)
            yield InProcess(proxy, client, nodes[:-1], nodes[-1])
        finally:
            await _leave(proxy)
            await proxy.stop()
            for node in nodes:
                node.close()


def _config(folder: Path, setting: Setting) -> Config:
    # Nothing is listening where the clusters are said to be: the nodes are connected to by hand.
    settings = proxy_settings(
        loopback_address(),
        _Place(loopback_address()),
        _Place(loopback_address()),
        mode=setting.mode,
        # On a machine with other work seconds may pass between two steps.
        mirror={"journal": setting.journal, "shadow_timeout_ms": 60_000},
        filters={"rules_file": "rules.yaml"},
    )
    if setting.traces:
        settings["tracing"] = {"endpoint": setting.traces, "ratio": setting.traced, "max_per_second": 10_000}
    (folder / "rules.yaml").write_text(yaml.safe_dump({"filters": _RULES}))
    path = folder / "proxy.yaml"
    path.write_text(yaml.safe_dump(settings))
    return load_config(path)


async def _journal(config: Config, metrics: Metrics) -> Journal | None:
    if config.mirror.journal == "off":
        return None
    return await Journal.open(
        config.mirror.journal_path,
        max_bytes=config.mirror.journal_max_bytes,
        fsync_seconds=config.mirror.journal_fsync_ms / 1000,
        when_full=WhenFull(config.mirror.journal_full),
        on_dropped=lambda side, copies: metrics.count_dropped("journal_full", copies, side),
    )


def _ring(backend: Backend) -> None:
    """The replicas of the bench keyspace, as if its nodes had told of them: three for each token."""
    nodes = list(backend.nodes.values())
    ends = [(turn << 64) // _TOKENS - (1 << 63) for turn in range(1, _TOKENS + 1)]
    replicas = [tuple(nodes[(turn + at) % len(nodes)] for at in range(3)) for turn in range(_TOKENS)]
    backend._rings[KEYSPACE] = Ring(ends, replicas)


class _Client(asyncio.Protocol):
    """The client's end of the connection until the proxy's transport is replaced."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.answered.set()


async def _client(proxy: Proxy, config: Config) -> Recorder:
    await proxy._listener.start()
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(_Client, config.listen.host, config.listen.port)
    startup = Startup({"CQL_VERSION": "3.0.0"}).encode(PROTOCOL_V4)
    transport.write(encode_frame(PROTOCOL_V4, 0, 0, Opcode.STARTUP, startup))
    async with asyncio.timeout(_SECONDS):
        await client.answered.wait()
    (connection,) = proxy._listener._connections
    assert connection._transport is not None
    connection._transport = connection._flow.transport = recorder = Recorder(connection._transport)
    return recorder


async def _leave(proxy: Proxy) -> None:
    """The client goes: a proxy that stops would give it time to do so."""
    for connection in list(proxy._listener._connections):
        if isinstance(connection._transport, Recorder):
            connection._transport = connection._transport.real
        if connection._transport is not None:
            connection._transport.abort()
    await asyncio.sleep(0)
