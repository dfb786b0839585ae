"""Bad clients in numbers: thousands that never handshake, some that trickle, claim, or never read."""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from cqlproxy.descriptors import SET_ASIDE
from tests.integration.conftest import StartProxy
from tests.integration.honest_client import HonestClient
from tests.nodes import ProxyProcess

SILENT = 5000
ROUNDS = 3
"""Of a second with the bad clients and one without; the medians count. Three times as many when they are not
clear: a machine of two cores has its moods."""
_KEPT = 0.9
SELECT = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'system'"
_PROGRAM = Path(__file__).parent / "programs" / "abuse.py"


class Abuse:
    """The program ``abuse.py``, running."""

    def __init__(self, proxy: ProxyProcess) -> None:
        # The proxy sets some aside for other things, and takes fewer clients where there are not enough.
        spare = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 2 * SET_ASIDE
        self.silent = SILENT if spare < 0 else min(SILENT, spare)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _PROGRAM, proxy.address, str(proxy.port), str(self.silent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, order: str) -> int:
        """How many bad clients are connected when it has been obeyed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(order, file=self._process.stdin, flush=True)
        done, count = self._process.stdout.readline().split()
        assert done == order
        return int(count)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Rates(NamedTuple):
    """Of the honest client, in answers a second."""

    steady: float
    """When it asks as an application with a steady rate does."""
    at_most: float
    """When it asks as much as it can: answers for a second of the proxy's processor time.

    For a second of the clock there are now twice as many and now half, on cores that nodes and clients share
    with the proxy. What bad clients cost the proxy is lost to the honest one either way.
    """

    @classmethod
    def of(cls, honest: HonestClient, proxy: ProxyProcess) -> Self:
        steady = honest.serve(1.0).rate
        begin, used = time.monotonic(), processor_seconds(proxy)
        rate = honest.serve(1.0, pausing=False).rate
        return cls(steady, rate * (time.monotonic() - begin) / (processor_seconds(proxy) - used))


def rounds(
    count: int, proxy: ProxyProcess, abuse: Abuse, honest: HonestClient
) -> Iterator[tuple[Rates, Rates]]:
    """The rates beside the bad clients and alone, again and again."""
    for _ in range(count):
        bad = abuse.tell("on")
        assert bad >= abuse.silent
        wait_for_clients(proxy, bad, 1 << 30)
        # Meanwhile those that never read have their answers, as far as they are sent.
        honest.serve(0.5)
        beside = Rates.of(honest, proxy)
        abuse.tell("off")
        wait_for_clients(proxy, 1, 1)
        yield beside, Rates.of(honest, proxy)


def test_an_honest_client_beside_thousands_of_bad_ones_keeps_its_rate(start_proxy: StartProxy) -> None:
    # None is ended while it is counted; that they are in time is shown by the tests of limits.
    proxy = start_proxy(mode="primary_only", listen={"handshake_seconds": 120, "frame_seconds": 120})
    descriptors = len(list(Path(f"/proc/{proxy.pid}/fd").iterdir()))
    abuse = Abuse(proxy)
    honest = HonestClient(proxy, SELECT)
    with contextlib.closing(honest), contextlib.ExitStack() as stack:
        stack.callback(abuse.end)
        honest.serve(0.5)
        measured = list(rounds(ROUNDS, proxy, abuse, honest))
        if min(kept(measured)) < _KEPT:
            measured += rounds(2 * ROUNDS, proxy, abuse, honest)
        steady, at_most = kept(measured)
        print(
            f"beside {abuse.silent} bad clients and more, {steady:.1%} of a steady rate is kept,"
            f" and {at_most:.1%} of the highest: {measured}"
        )
        assert min(steady, at_most) >= _KEPT
    proxy.wait_until(lambda stats: stats["client_connections"] == 0, 10, what="no client")
    assert len(list(Path(f"/proc/{proxy.pid}/fd").iterdir())) <= descriptors + 2
    assert proxy.stats()["unhandled_errors"] == 0


def processor_seconds(proxy: ProxyProcess) -> float:
    """Of all its threads, so far."""
    fields = Path(f"/proc/{proxy.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_clients(proxy: ProxyProcess, low: int, high: int) -> None:
    """Until so many are connected."""
    proxy.wait_until(
        lambda stats: low <= int(str(stats["client_connections"])) <= high,
        25,
        what=f"{low} to {high} clients",
    )


def kept(measured: list[tuple[Rates, Rates]]) -> Rates:
    """The shares of its rates that the honest client keeps."""
    beside, alone = (
        Rates(*(statistics.median(values) for values in zip(*rates, strict=True)))
        for rates in zip(*measured, strict=True)
    )
    return Rates(beside.steady / alone.steady, beside.at_most / alone.at_most)
