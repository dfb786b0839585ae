"""What a proxy costs that runs already on this machine, whichever it is and whatever its clusters are.

It leaves the keyspace cqlproxy_bench on them. The kinds of request take turns, so that whatever else the
machine does meets all of them.
"""

import argparse
import sys
from collections.abc import Sequence

import uvloop

from benchmarks.errors import BenchmarkError
from benchmarks.machine import machine
from benchmarks.measure import usage, wait_idle
from benchmarks.parts.closed_loop import KINDS
from benchmarks.proxy_under_load import Measured, Settings, measure_one
from benchmarks.report import Sample, line, problems, remarks, table
from benchmarks.tables import prepare_tables
from benchmarks.workload import KEYS, PAYLOAD_BYTES, workload
from tests.nodes.addresses import NATIVE_PORT

_IDLE_SECONDS = 60.0


def main() -> int:
    """Measure and show; the exit status, 0 only if every request was answered and every write copied."""
    proxy, kinds, rounds, settings = _arguments()
    try:
        samples = _measure(proxy, kinds, rounds, settings)
    except BenchmarkError as error:
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


def _measure(proxy: Measured, kinds: Sequence[str], rounds: int, settings: Settings) -> list[Sample]:
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
    for number in range(1, rounds + 1):
        for kind in kinds:
            wait_idle(proxy.pid, _IDLE_SECONDS)
            taken = measure_one(proxy, kind, settings)
            samples.append(taken)
            print(f"round {number}  {kind}  {line(taken)}", flush=True)
    return samples


def _arguments() -> tuple[Measured, Sequence[str], int, Settings]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.running_proxy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", required=True, help="where it listens for CQL")
    parser.add_argument("--port", type=int, default=NATIVE_PORT, help="default: %(default)s")
    parser.add_argument("--pid", type=int, required=True, help="its process id")
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help="the admin address of a cqlproxy: copies are counted as well"
    )
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="of request; may be repeated; default: all"
    )
    for option, default, meaning in (
        ("--rounds", 3, "of all kinds"),
        ("--connections", 8, "of the load"),
        ("--window", 32, "requests in flight on each"),
        ("--processes", 1, "of the generator"),
    ):
        said = f"{meaning}; default: %(default)s"
        parser.add_argument(option, type=_count, default=default, metavar="N", help=said)
    parser.add_argument(
        "--seconds", type=_positive, default=8.0, metavar="N", help="of one measurement; default: %(default)g"
    )
    given = parser.parse_args()
    if given.processes > given.connections:
        parser.error("--processes: there are fewer --connections to deal out")
    admin = None
    if given.admin is not None:
        host, _, port = given.admin.rpartition(":")
        if not host or not port.isdecimal():
            parser.error("--admin: expected HOST:PORT")
        admin = (host.strip("[]"), int(port))
    settings = Settings(given.seconds, given.connections, given.window, given.processes)
    proxy = Measured(given.host, given.port, given.pid, admin)
    return proxy, given.kind or KINDS, given.rounds, settings


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
