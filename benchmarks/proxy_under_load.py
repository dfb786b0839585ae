"""One measurement of one contestant: load on it, and what it took meanwhile."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.copies import copies, wait_delivered
from benchmarks.load import Generators
from benchmarks.measure import usage
from benchmarks.plan import Plan
from benchmarks.report import Sample, sample
from tests.nodes import ProxyProcess, loopback_address, proxy_settings, workspace
from tests.nodes.addresses import ADMIN_PORT
from tests.nodes.proxy import PROGRAM, ContactPoint

ROOM = {"max_requests": 2_000_000, "max_bytes": "2GiB"}
"""Of the queue of copies: a shadow that is still warming up falls behind, and none is to be lost for that."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured. `admin` is the host and port of a cqlproxy's /stats, when they are known."""

    host: str
    port: int
    pid: int
    admin: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is measured; `seconds` is the length of one measurement, after `warm_up` seconds of the same."""

    seconds: float
    connections: int = 8
    window: int = 32
    processes: int = 1
    warm_up: float = 2.0
    rate: float | None = None
    """Requests a second, in an open loop; None: a closed one."""
    backends: tuple[int, ...] = ()
    """Processes of the backends, which are watched as well."""


def started_proxy(
    running: ExitStack,
    primary: ContactPoint,
    shadow: ContactPoint,
    *,
    rules: Mapping[str, object] | None = None,
    program: Sequence[str | Path] = PROGRAM,
    **changes: object,
) -> ProxyProcess:
    """A proxy between two clusters, for as long as `running` lasts; see `ProxyProcess`, `proxy_settings`."""
    root = running.enter_context(workspace())
    settings = proxy_settings(loopback_address(), primary, shadow, **changes)
    proxy = ProxyProcess(settings, root, rules=rules, program=program)
    running.callback(proxy.stop)
    proxy.start()
    return proxy


def measured(proxy: ProxyProcess) -> Measured:
    """A proxy that was started here, to be measured."""
    return Measured(proxy.address, proxy.port, proxy.pid, (proxy.address, ADMIN_PORT))


def plan(proxy: Measured, name: str, settings: Settings, size: int | None = None) -> Plan:
    """The load of a workload that the settings mean."""
    return Plan(
        proxy.host,
        proxy.port,
        name,
        size,
        settings.connections,
        settings.window,
        settings.processes,
        settings.rate,
    )


def measure_one(proxy: Measured, name: str, settings: Settings) -> Sample:
    """Load of one kind for `settings.seconds`, after the warm-up. Raises `BenchmarkError`."""
    with Generators(plan(proxy, name, settings)) as load:
        return measure_stretch(proxy, name, load, settings)


def measure_stretch(proxy: Measured, name: str, load: Generators, settings: Settings) -> Sample:
    """As `measure_one`, with generators that stay. `name`: what the sample is called."""
    load.go()
    time.sleep(settings.warm_up)
    copied_before = copies(*proxy.admin) if proxy.admin is not None else None
    load.count()
    backends_before = [usage(pid) for pid in settings.backends]
    before = usage(proxy.pid)
    time.sleep(settings.seconds)
    after = usage(proxy.pid)
    backends = [
        usage(pid).cpu_seconds - then.cpu_seconds
        for pid, then in zip(settings.backends, backends_before, strict=True)
    ]
    copied = copies(*proxy.admin).since(copied_before) if proxy.admin and copied_before else None
    counted = load.stop()
    if proxy.admin is not None:
        wait_delivered(*proxy.admin)  # or whoever is measured next shares the machine with them
    return sample(name, counted, before, after, copied, backends)
