"""A proxy for half an hour under load, and something happens every minute: python -m tests.integration.soak.

Every minute the mode is switched, the rules are read again, a crowd of clients comes and goes, and one of
the nodes restarts, the primary less often. At the end no request may be without an answer, no copy lost, and
memory not grown by more than a tenth since the first five minutes (or the first third of a shorter run).
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path

from tests.integration.comparison import contents_of_both
from tests.integration.dead_letters import counted_in, letters_of, wait_settled
from tests.integration.modes import switch
from tests.integration.noted_load import Landed, NotedLoad, Requests
from tests.integration.raw_client import RawClient
from tests.nodes import (
    DURABLE,
    CassandraNode,
    ProxyProcess,
    loopback_address,
    proxy_settings,
    start_together,
    workspace,
)

MODES = ("dual_write_sync", "dual_write_async", "primary_only", "dual_write_async")
"""In which the primary answers, so that nothing is ever missing there; dual_write_sync refuses what the
shadow lacks while it restarts. What is written in primary_only is on the primary alone."""
CROWD = 200
SAMPLE_SECONDS = 5.0
SETTLED_MINUTES = 5.0
GROWTH = 1.1
_MIB = 1 << 20


def resident(proxy: ProxyProcess) -> int:
    return int(Path(f"/proc/{proxy.pid}/statm").read_text().split()[1]) * 4096


def descriptors(proxy: ProxyProcess) -> int:
    return len(list(Path(f"/proc/{proxy.pid}/fd").iterdir()))


def crowd(proxy: ProxyProcess) -> None:
    """Clients that come, ask, and go, some of them without a word."""
    with contextlib.ExitStack() as clients:
        for number in range(CROWD):
            client = clients.enter_context(RawClient(proxy))
            if number % 4:
                client.start().serves()


def minute(number: int, proxy: ProxyProcess, primary: CassandraNode, shadow: CassandraNode) -> str:
    """What happens in it; in words."""
    proxy.send(signal.SIGHUP)
    crowd(proxy)
    mode = MODES[number % len(MODES)]
    with contextlib.suppress(AssertionError):
        switch(proxy, mode)
    if number % 5 == 4:
        primary.restart()
        return f"{mode}, primary restarted"
    shadow.restart()
    return f"{mode}, shadow restarted"


def soak(minutes: float, rate: int, root: Path) -> list[str]:
    """What was wrong."""
    primary, shadow = (
        CassandraNode(name, loopback_address(), root, settings=DURABLE) for name in ("primary", "shadow")
    )
    with start_together(primary, shadow):
        settings = proxy_settings(loopback_address(), primary, shadow)
        proxy = ProxyProcess(settings, root, rules={"tenant_columns": ["tenant"]})
        proxy.start()
        try:
            return _under_load(minutes, rate, proxy, primary, shadow, root)
        finally:
            proxy.stop()


def _under_load(
    minutes: float, rate: int, proxy: ProxyProcess, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> list[str]:
    load = NotedLoad(proxy, "soak", rate=rate, root=root)
    begin = time.monotonic()
    samples: list[tuple[float, int]] = []
    alone: list[tuple[float, float]] = []
    next_minute, done = 0.0, 0
    while (now := time.monotonic() - begin) < minutes * 60:
        if now >= next_minute:
            left_alone = time.time()
            before = proxy.stats()["mode"]
            told = minute(done, proxy, primary, shadow)
            if before == "primary_only" or proxy.stats()["mode"] == "primary_only":
                alone.append((left_alone - 1, time.time() + 61))
            print(f"minute {done}: {told}; {resident(proxy) // _MIB} MiB, {descriptors(proxy)} descriptors")
            sys.stdout.flush()
            done, next_minute = done + 1, next_minute + 60
        samples.append((now, resident(proxy)))
        time.sleep(SAMPLE_SECONDS)
    if proxy.stats()["mode"] != "dual_write_async":
        switch(proxy, "dual_write_async", force=True)
    requests = load.end()
    stats = wait_settled(proxy, 180)
    wrong = _growth(samples, minutes) + _lost(requests, load, proxy, primary, shadow, alone, root)
    if stats["unhandled_errors"]:
        wrong.append(f"{stats['unhandled_errors']} errors that nobody handled; see the log")
    if stats["dropped_writes"]:
        wrong.append(f"{stats['dropped_writes']} copies dropped")
    return wrong


def _growth(samples: list[tuple[float, int]], minutes: float) -> list[str]:
    settled_at = min(SETTLED_MINUTES, minutes / 3) * 60
    first = max(memory for at, memory in samples if at <= settled_at)
    last = max(memory for at, memory in samples if at > settled_at)
    print(f"resident: at most {first // _MIB} MiB at first, {last // _MIB} MiB later")
    return [] if last <= first * GROWTH else [f"memory has grown from {first} to {last} bytes"]


def _lost(
    requests: Requests,
    load: NotedLoad,
    proxy: ProxyProcess,
    primary: CassandraNode,
    shadow: CassandraNode,
    alone: list[tuple[float, float]],
    root: Path,
) -> list[str]:
    wrong = []
    numbers = [request.number for request in requests.all]
    print(f"{len(numbers)} requests, {len(requests.errors)} errors")
    if numbers != list(range(len(numbers))):
        wrong.append("requests without an answer, or with two")
    on_primary, on_shadow = contents_of_both(primary, shadow, load.keyspace, root=root)
    here, there = Landed.of(on_primary, load.keyspace), Landed.of(on_shadow, load.keyspace)
    started = {request.number: request.started for request in requests.all}
    letters = letters_of(proxy)
    told = {int(str(letter["values"][0])) for letter in letters if letter["tables"][0].endswith(".rows")}
    surely = requests.inserted()
    copied = {n for n in surely - told if not any(low <= started[n] <= high for low, high in alone)}
    print(f"{len(surely)} rows acknowledged, {len(copied)} of them to be copied, {len(letters)} dead letters")
    if missing := surely - here.ids():
        wrong.append(f"{len(missing)} acknowledged rows are not on the primary")
    if missing := copied - there.ids():
        wrong.append(f"{len(missing)} copies are lost: {sorted(missing)[:5]}")
    counted = counted_in(letters)
    for row, count in there.counts().items():
        if count > here.counts()[row] + counted[row]:
            wrong.append(f"counter {row} is {count} on the shadow and {here.counts()[row]} on the primary")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=400, help="requests a second; default: %(default)s")
    given = parser.parse_args()
    with workspace() as root:
        wrong = soak(given.minutes, given.rate, root)
    print("\n".join(wrong) or "nothing was wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
