"""One measurement of one proxy: its table made ready, load on it, and what it took meanwhile."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.client import connect
from benchmarks.copies import copies
from benchmarks.load import Generators
from benchmarks.measure import usage
from benchmarks.plan import Plan
from benchmarks.report import Sample, sample
from benchmarks.workload import INSERT, SCHEMA, SELECT
from frame_codec import Execute, Prepare, QueryParameters, Rows, decode_prepared_id
from tests.nodes import ProxyProcess, loopback_address, proxy_settings, workspace
from tests.nodes.addresses import ADMIN_PORT
from tests.nodes.proxy import ContactPoint

WARM_UP_SECONDS = 2.0

ROOM = {"max_requests": 2_000_000, "max_bytes": "2GiB"}
"""Of the queue of copies: a shadow that is still warming up falls behind, and none is to be lost for that."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The proxy that is measured. `admin` is the host and port of its /stats, when they are known."""

    host: str
    port: int
    pid: int
    admin: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is measured; `seconds` is the length of one measurement."""

    workloads: Sequence[str]
    seconds: float
    rounds: int
    connections: int = 8
    window: int = 32
    processes: int = 1
    warm_up: float = WARM_UP_SECONDS


def started_proxy(
    running: ExitStack,
    primary: ContactPoint,
    shadow: ContactPoint,
    *,
    rules: Mapping[str, object] | None = None,
    **changes: object,
) -> ProxyProcess:
    """A proxy between two clusters, for as long as `running` lasts. `changes` are as for `proxy_settings`."""
    root = running.enter_context(workspace())
    settings = proxy_settings(loopback_address(), primary, shadow, **changes)
    proxy = ProxyProcess(settings, root, rules=rules)
    running.callback(proxy.stop)
    proxy.start()
    return proxy


def measured(proxy: ProxyProcess) -> Measured:
    """A proxy that was started here, to be measured."""
    return Measured(proxy.address, proxy.port, proxy.pid, (proxy.address, ADMIN_PORT))


def plan(proxy: Measured, workload: str, settings: Settings) -> Plan:
    """The load that the settings mean."""
    return Plan(proxy.host, proxy.port, workload, settings.connections, settings.window, settings.processes)


def measure_one(proxy: Measured, workload: str, settings: Settings) -> Sample:
    """Load of one kind for `settings.seconds`, after the warm-up. Raises `BenchmarkError`."""
    with Generators(plan(proxy, workload, settings)) as load:
        return measure_stretch(proxy, workload, load, settings)


def measure_stretch(proxy: Measured, workload: str, load: Generators, settings: Settings) -> Sample:
    """As `measure_one`, with generators that stay. `workload`: what the sample is called."""
    load.go()
    time.sleep(settings.warm_up)
    copied_before = copies(*proxy.admin) if proxy.admin is not None else None
    load.count()
    before = usage(proxy.pid)
    time.sleep(settings.seconds)
    after = usage(proxy.pid)
    copied = copies(*proxy.admin).since(copied_before) if proxy.admin and copied_before else None
    return sample(workload, load.stop(), before, after, copied)


async def prepare_table(proxy: Measured) -> str:
    """Make the table and fill it, so that every SELECT finds a row; the release of the primary.

    An instant backend stores the first row only, which is therefore the one that it is shown being read.
    """
    client = await connect(proxy.host, proxy.port)
    try:
        for text in SCHEMA:
            await client.query(text)
        _, prepared = await client.ask(Prepare(INSERT.text))
        prepared_id = decode_prepared_id(prepared)
        for values in INSERT.rows():
            await client.ask(Execute(prepared_id, QueryParameters(values=values)))
        _, prepared = await client.ask(Prepare(SELECT.text))
        await client.ask(Execute(decode_prepared_id(prepared), QueryParameters(values=SELECT.rows()[0])))
        found = await client.query("SELECT release_version FROM system.local")
    finally:
        client.close()
    release = found.rows[0][0] if isinstance(found, Rows) and found.rows else None
    return release.decode() if release is not None else "of unknown release"
