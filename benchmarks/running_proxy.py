"""What a proxy costs while it runs: CPU per request, requests per second, latency and resident memory.

Without arguments it starts a primary and a shadow node of Cassandra and a proxy between them; with --host and
--pid it measures a proxy that runs already (and leaves the keyspace cqlproxy_bench on its clusters).
The kinds of request take turns, so that whatever else the machine does meets both.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.measure import usage, wait_idle
from benchmarks.parts.closed_loop import KINDS
from benchmarks.proxy_under_load import (
    ROOM,
    Measured,
    Settings,
    measure_one,
    measured,
    prepare_tables,
    started_proxy,
)
from benchmarks.report import Sample, line, problems, remarks, table
from benchmarks.workload import KEYS, PAYLOAD_BYTES, workload
from bootstrap.commands import BootstrapError
from tests.nodes import (
    CassandraNode,
    ProcessError,
    loopback_address,
    start_together,
    workspace,
)
from tests.nodes.addresses import NATIVE_PORT
from tests.nodes.jars import cassandra_jars

_IDLE_SECONDS = 60.0
_HEAP = "1G"


def main() -> int:
    """Measure and show; the exit status, 0 only if every request was answered and every write copied."""
    proxy, kinds, settings = _arguments()
    try:
        with ExitStack() as running:
            samples = _measure(proxy or _start(running), kinds, settings)
    except (BenchmarkError, BootstrapError, ProcessError) as error:
        print(f"\nbenchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{table(samples)}\n")
    for remark in remarks(samples):
        print(remark)
    found = problems(samples)
    for problem in found:
        print(f"WRONG: {problem}")
    return 1 if found else 0


def _start(running: ExitStack) -> Measured:
    """Two nodes and a proxy between them, for as long as `running` lasts."""
    cassandra_jars()
    root = running.enter_context(workspace())
    primary, shadow = (node(name, root) for name in ("primary", "shadow"))
    print("Starting two Cassandra nodes and the proxy ...", flush=True)
    running.enter_context(start_together(primary, shadow))
    return measured(started_proxy(running, primary, shadow, mirror=ROOM))


def node(name: str, root: Path) -> CassandraNode:
    # Java's own defaults: a node that is quick to start is slow to serve.
    return CassandraNode(name, loopback_address(), root, heap=_HEAP, java_options=())


def _measure(proxy: Measured, kinds: Sequence[str], settings: Settings) -> list[Sample]:
    usage(proxy.pid)
    workloads = [workload(kind) for kind in kinds]
    release = uvloop.run(prepare_tables(proxy.host, proxy.port, workloads, whole=True))
    print(
        f"{machine()}; Cassandra {release}\n"
        f"{settings.connections} connections x {settings.window} in flight, values of {PAYLOAD_BYTES} bytes, "
        f"{KEYS} partitions, {settings.seconds:g} s after {settings.warm_up:g} s of warm-up each\n",
        flush=True,
    )
    samples = []
    for number in range(1, settings.rounds + 1):
        for kind in kinds:
            wait_idle(proxy.pid, _IDLE_SECONDS)
            taken = measure_one(proxy, kind, settings)
            samples.append(taken)
            print(f"round {number}  {kind}  {line(taken)}", flush=True)
    return samples


def _arguments() -> tuple[Measured | None, Sequence[str], Settings]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.running_proxy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    running = parser.add_argument_group("a proxy that runs already, on this machine")
    running.add_argument("--host", help="where it listens for CQL")
    running.add_argument("--port", type=int, default=NATIVE_PORT, help="default: %(default)s")
    running.add_argument("--pid", type=int, help="its process id")
    running.add_argument("--admin", metavar="HOST:PORT", help="its admin address: copies are counted as well")
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="of request; may be repeated; default: all"
    )
    parser.add_argument(
        "--seconds", type=_positive, default=8.0, metavar="N", help="of one measurement; default: %(default)g"
    )
    parser.add_argument("--rounds", type=_count, default=3, metavar="N", help="default: %(default)s")
    parser.add_argument("--connections", type=_count, default=8, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--window",
        type=_count,
        default=32,
        metavar="N",
        help="requests in flight on each; default: %(default)s",
    )
    parser.add_argument(
        "--processes", type=_count, default=1, metavar="N", help="of the generator; default: %(default)s"
    )
    given = parser.parse_args()
    if (given.host is None) != (given.pid is None):
        parser.error("--host and --pid belong together")
    if given.host is None and given.admin is not None:
        parser.error("--admin is for a proxy that runs already: give --host and --pid, too")
    if given.processes > given.connections:
        parser.error("--processes: there are fewer --connections to deal out")
    kinds = given.kind or KINDS
    settings = Settings(
        given.seconds,
        given.rounds,
        given.connections,
        given.window,
        given.processes,
    )
    if given.host is None:
        return None, kinds, settings
    admin = None
    if given.admin is not None:
        host, _, port = given.admin.rpartition(":")
        if not host or not port.isdecimal():
            parser.error("--admin: expected HOST:PORT")
        admin = (host.strip("[]"), int(port))
    return Measured(given.host, given.port, given.pid, admin), kinds, settings


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 0 < number <= 32768:
        raise argparse.ArgumentTypeError("must be from 1 to 32768")
    return number


if __name__ == "__main__":
    sys.exit(main())
