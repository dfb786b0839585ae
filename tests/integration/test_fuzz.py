"""Mutated traffic of a real driver: the proxy neither falls nor leaks, and serves others as well as before.

CQLPROXY_FUZZ_FRAMES: how many mutated frames (10,000 unless it is set), each among four that are right, since
what follows one that ends its connection is not read; CQLPROXY_FUZZ_SEED: other ones.
"""

import contextlib
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bootstrap.environments import CHECKOUT
from tests.integration.conftest import StartProxy
from tests.integration.honest_client import HonestClient
from tests.integration.recorded_traffic import recorded
from tests.nodes import ProxyProcess

FRAMES = int(os.environ.get("CQLPROXY_FUZZ_FRAMES", "10000"))
SEED = int(os.environ.get("CQLPROXY_FUZZ_SEED", "7"))
RATE = 2000
"""Frames a second while the honest client is measured: as they are, and mutated, in turn."""
ROUNDS = 3
NOISE = 0.002
"""Seconds that a p99 of a few milliseconds may differ for no reason but the scheduler's: two cores are
shared by the nodes, the proxy and the clients."""
_PROGRAMS = Path(__file__).parent / "programs"
_SELECT = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'system'"
_ROOM = 16 << 20
"""Bytes by which the resident memory may differ for reasons of the allocator."""


class Fuzz:
    """The program ``fuzz.py``, running."""

    def __init__(self, proxy: ProxyProcess, frames: list[bytes], root: Path) -> None:
        file = root / "recorded-frames"
        file.write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
        command: list[str | Path] = [
            sys.executable,
            _PROGRAMS / "fuzz.py",
            proxy.address,
            str(proxy.port),
            file,
            str(SEED),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )

    def tell(self, order: str) -> int:
        """How many of the frames sent so far were mutated."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(order, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def resident(proxy: ProxyProcess) -> int:
    """Bytes."""
    return int(Path(f"/proc/{proxy.pid}/statm").read_text().split()[1]) * 4096


def descriptors(proxy: ProxyProcess) -> int:
    return len(os.listdir(f"/proc/{proxy.pid}/fd"))


def rounds(count: int, fuzz: Fuzz, honest: HonestClient) -> Iterator[tuple[float, float]]:
    """The honest client's p99 beside mutated frames, and beside as many that are right."""
    for _ in range(count):
        fuzz.tell(f"mutated {RATE}")
        beside = honest.serve(1.0).p99
        fuzz.tell(f"valid {RATE}")
        yield beside, honest.serve(1.0).p99


def slower(measured: list[tuple[float, float]]) -> bool:
    """Whether the honest client waits longer beside mutated frames."""
    beside = statistics.median(p99 for p99, _ in measured)
    return beside > 1.2 * statistics.median(p99 for _, p99 in measured) + NOISE


def test_mutated_frames(start_proxy: StartProxy, root: Path) -> None:
    proxy = start_proxy()
    frames = recorded(proxy, _PROGRAMS / "statements.py", "fuzzed", root=root)
    assert len(frames) > 50
    proxy.wait_copied()
    fuzz = Fuzz(proxy, frames, root)
    honest = HonestClient(proxy, _SELECT)
    with contextlib.closing(honest), contextlib.ExitStack() as stack:
        stack.callback(fuzz.end)
        fuzz.tell("valid 0")
        honest.serve(1.0)
        fuzz.tell("mutated 0")
        honest.serve(1.0)
        measured = list(rounds(ROUNDS, fuzz, honest))
        if slower(measured):
            measured += rounds(2 * ROUNDS, fuzz, honest)
        print(f"p99 beside mutated frames, and beside as many that are right: {measured}")
        fuzz.tell("rest 0")
        proxy.wait_until(lambda stats: stats["client_connections"] == 1, 15, what="the honest client alone")
        memory, files = resident(proxy), descriptors(proxy)

        begin = time.monotonic()
        first = sent = fuzz.tell("mutated 0")
        while sent - first < FRAMES:
            honest.serve(0.5)
            assert proxy.is_running(), proxy.log_tail()
            sent = fuzz.tell("count")
        fuzz.tell("rest 0")
        print(f"{sent - first} mutated frames in {time.monotonic() - begin:.0f} s")
        proxy.wait_until(
            lambda stats: stats["client_connections"] == 1 and stats["requests_under_way"] == 0,
            15,
            what="the honest client alone, and nothing under way",
        )
        honest.serve(0.5)
        print(f"resident: {memory >> 10} KiB, then {resident(proxy) >> 10} KiB")
        print(f"descriptors: {files}, then {descriptors(proxy)}")
        assert descriptors(proxy) <= files + 2
        assert resident(proxy) <= memory * 1.1 + _ROOM
    assert proxy.stats()["unhandled_errors"] == 0
    assert "a bug of the proxy" not in proxy.log.read_text()
    assert not slower(measured)
