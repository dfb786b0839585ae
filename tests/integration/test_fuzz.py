"""Mutated traffic of a real driver: the proxy neither falls nor leaks, and serves others as well as before.

CQLPROXY_FUZZ_FRAMES: how many mutated frames it must have read and answered (10,000 unless it is set);
CQLPROXY_FUZZ_SEED: other ones.
"""

import contextlib
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.environments import CHECKOUT
from tests.integration.conftest import StartProxy
from tests.integration.honest_client import HonestClient
from tests.integration.recorded_traffic import recorded
from tests.nodes import CassandraNode, ProxyProcess, loopback_address

FRAMES = int(os.environ.get("CQLPROXY_FUZZ_FRAMES", "10000"))
SEED = int(os.environ.get("CQLPROXY_FUZZ_SEED", "7"))
MOST = 16 << 20
"""Bytes of the longest body that the proxy takes."""
SENDERS = 3
RATE = 2000
"""Frames a second while the honest client is measured: as they are, and mutated, in turn."""
ROUNDS = 3
_PROGRAMS = Path(__file__).parent / "programs"
_SELECT = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'system'"
_ROOM = 16 << 20
"""Bytes by which the resident memory may differ for reasons of the allocator."""


class Program:
    """One of the programs of this folder that take orders, running."""

    def __init__(self, name: str, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, _PROGRAMS / name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )

    def order(self, order: str) -> None:
        assert self._process.stdin is not None
        print(order, file=self._process.stdin, flush=True)

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Fuzz:
    """Several of ``fuzz.py``, with the same frames and chances of their own."""

    def __init__(self, proxy: ProxyProcess, frames: list[bytes], root: Path) -> None:
        file = root / "recorded-frames"
        file.write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
        at = (proxy.address, str(proxy.port), file)
        self._senders = [
            Program("fuzz.py", *at, str(SEED + 1000 * number), str(MOST)) for number in range(SENDERS)
        ]

    def tell(self, order: str, rate: int = 0) -> Counter[str]:
        """What became of the frames sent so far: see ``fuzz.Told``."""
        for sender in self._senders:
            sender.order(f"{order} {rate // SENDERS}")
        told: Counter[str] = Counter()
        for sender in self._senders:
            told.update(json.loads(sender.line()))
        return told

    def end(self) -> None:
        for sender in self._senders:
            sender.end()


class StandIn(Program):
    """``stand_in.py``, running, before a primary and a shadow."""

    def __init__(self, primary: CassandraNode, shadow: CassandraNode) -> None:
        self.addresses = loopback_address(), loopback_address()
        here = [f"{address}:{primary.port}" for address in self.addresses]
        there = [f"{node.address}:{node.port}" for node in (primary, shadow)]
        super().__init__("stand_in.py", here[0], there[0], here[1], there[1])
        assert self.line() == "ready"

    def answer(self) -> None:
        """From now on, itself."""
        self.order("answer")
        assert self.line() == "answer"


@pytest.fixture
def stand_in(primary: CassandraNode, shadow: CassandraNode) -> Iterator[StandIn]:
    program = StandIn(primary, shadow)
    yield program
    program.end()


def resident(proxy: ProxyProcess) -> int:
    """Bytes."""
    return int(Path(f"/proc/{proxy.pid}/statm").read_text().split()[1]) * 4096


def descriptors(proxy: ProxyProcess) -> int:
    return len(os.listdir(f"/proc/{proxy.pid}/fd"))


def rounds(count: int, fuzz: Fuzz, honest: HonestClient) -> Iterator[tuple[float, float]]:
    """The honest client's p99 beside mutated frames, and beside as many that are right."""
    for _ in range(count):
        fuzz.tell("mutated", RATE)
        beside = honest.serve(1.0).p99
        fuzz.tell("valid", RATE)
        yield beside, honest.serve(1.0).p99


def slower(measured: list[tuple[float, float]]) -> bool:
    """Whether the honest client waits longer beside mutated frames."""
    beside = statistics.median(p99 for p99, _ in measured)
    return beside > 1.2 * statistics.median(p99 for _, p99 in measured)


def test_mutated_frames(start_proxy: StartProxy, stand_in: StandIn, root: Path) -> None:
    primary, shadow = ({"contact_points": [address]} for address in stand_in.addresses)
    proxy = start_proxy(primary=primary, shadow=shadow, listen={"max_frame_bytes": MOST})
    frames = recorded(proxy, _PROGRAMS / "statements.py", "fuzzed", root=root)
    assert len(frames) > 50
    proxy.wait_copied()
    honest = HonestClient(proxy, _SELECT)
    honest.serve(0.2)
    fuzz = Fuzz(proxy, frames, root)
    with contextlib.closing(honest), contextlib.ExitStack() as stack:
        stack.callback(fuzz.end)
        stand_in.answer()
        fuzz.tell("valid")
        honest.serve(1.0)
        fuzz.tell("mutated")
        honest.serve(3.0)
        measured = list(rounds(ROUNDS, fuzz, honest))
        for more in (2 * ROUNDS, 4 * ROUNDS):
            # Two cores are shared by all that runs here: what is not clear at once may be so in the end.
            if slower(measured):
                measured += rounds(more, fuzz, honest)
        print("p99 beside mutated frames, and beside as many that are right, in ms:")
        print(", ".join(f"{1000 * beside:.1f} {1000 * p99:.1f}" for beside, p99 in measured))
        fuzz.tell("rest")
        at_rest(proxy)
        memory, files = resident(proxy), descriptors(proxy)

        begin = time.monotonic()
        first = told = fuzz.tell("mutated")
        while told["mutated"] - first["mutated"] < FRAMES:
            honest.serve(0.5)
            assert proxy.is_running(), proxy.log_tail()
            told = fuzz.tell("count")
        told = fuzz.tell("rest")
        print(f"in {time.monotonic() - begin:.0f} s: {dict(told - first)}")
        at_rest(proxy)
        honest.serve(0.5)
        print(f"resident: {memory >> 10} KiB, then {resident(proxy) >> 10} KiB")
        print(f"descriptors: {files}, then {descriptors(proxy)}")
        assert descriptors(proxy) <= files + 2
        assert resident(proxy) <= memory * 1.1 + _ROOM
        assert told["unanswered"] == 0
    assert proxy.stats()["unhandled_errors"] == 0
    assert "a bug of the proxy" not in proxy.log.read_text()
    assert not slower(measured)


def at_rest(proxy: ProxyProcess) -> None:
    """Wait until nothing is under way, and nobody but the honest client is there."""
    proxy.wait_until(
        lambda stats: (
            stats["client_connections"] == 1
            and stats["requests_under_way"] == 0
            and stats["queue_depth"] == 0
            and stats["in_flight_copies"] == 0
        ),
        60,
        what="rest",
    )
