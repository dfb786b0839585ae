"""A proxy for half an hour at half load, and every minute something happens: see ``--help``.

Every minute the mode is switched, new rules are read, a crowd of clients comes and goes, and one of the nodes
is stopped or killed and starts again, the primary less often. At the end no request may be without an answer,
no copy lost, and memory not grown by more than a tenth since the first five minutes (or the first third of a
shorter run). What happened and what was found is written as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from tests.integration.dead_letters import counted_in, letters_of, wait_settled
from tests.integration.modes import ask_to_switch, switch
from tests.integration.noted_load import NotedLoad, Requests
from tests.integration.raw_client import RawClient
from tests.integration.soak_findings import CopiedAt, Findings, landed_on_both, lost_copies, unanswered
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
DESCRIPTORS = 20
"""More of them than after the first minutes are a leak."""
MOST_RATE = 800
"""Requests a second: half an hour of them must fit into the memory of this program."""
END_SECONDS = 900.0
"""After the last minute, for what is left to deliver and to compare; then this program is ended."""
_MIB = 1 << 20


class Soak:
    """One run. Its files are in `root`."""

    def __init__(self, minutes: float, rate: int | None, root: Path) -> None:
        self._minutes = minutes
        self._rate = rate
        self._root = root
        self._primary, self._shadow = (
            CassandraNode(name, loopback_address(), root, settings=DURABLE) for name in ("primary", "shadow")
        )
        self._proxy = ProxyProcess(
            proxy_settings(loopback_address(), self._primary, self._shadow),
            root,
            rules={"tenant_columns": ["tenant"]},
        )
        self._copied = CopiedAt()
        self._samples: list[tuple[float, int, int]] = []
        """Seconds since the beginning, bytes in memory, descriptors."""
        self.findings = Findings()

    def run(self) -> None:
        """To its end."""
        with start_together(self._primary, self._shadow):
            self._proxy.start()
            try:
                rate = self._rate or self._half()
                self.findings.figures["rate"] = rate
                self._under_load(rate)
            finally:
                self._proxy.stop()

    def _half(self) -> int:
        """Half of the requests a second that an application at full speed gets done."""
        load = NotedLoad(self._proxy, "soak_full", rate=1_000_000, seconds=60, root=self._root)
        time.sleep(8)
        done = load.end().all
        wait_settled(self._proxy, 120)
        full = len(done) / (done[-1].started + done[-1].seconds - done[0].started)
        return max(50, min(MOST_RATE, int(full / 2)))

    def _under_load(self, rate: int) -> None:
        seconds = self._minutes * 60
        load = NotedLoad(self._proxy, "soak", rate=rate, seconds=seconds + 600, root=self._root)
        begin = time.monotonic()
        due, number = 0.0, 0
        while (now := time.monotonic() - begin) < seconds:
            if now >= due:
                self._minute(number)
                number, due = number + 1, due + 60
            self._samples.append((now, resident(self._proxy), descriptors(self._proxy)))
            time.sleep(SAMPLE_SECONDS)
        if self._proxy.stats()["mode"] != "dual_write_async":
            self._switch("dual_write_async", force=True)
        requests = load.end()
        stats = wait_settled(self._proxy, 300)
        self._judge(requests, stats, load.keyspace)

    def _minute(self, number: int) -> None:
        """What happens in it."""
        rules = {"tenant_columns": ["tenant"], "table_blacklist": [f"elsewhere.t{number}"]}
        self._proxy.write_rules(rules)
        self._proxy.send(signal.SIGHUP)
        self._crowd()
        wanted = MODES[number % len(MODES)]
        refused = self._switch(wanted)
        node = self._primary if number % 5 == 4 else self._shadow
        node.kill() if number % 2 else node.stop()
        node.start()
        read = json.loads(self._proxy.get("/filters")[1])["rules"]["table_blacklist"]
        if read != rules["table_blacklist"]:
            self.findings.wrong.append(f"minute {number}: the rules were not read: {read}")
        told = f"{self._proxy.stats()['mode']}, {node.name} {'killed' if number % 2 else 'stopped'}, started"
        event = (
            f"minute {number}: {told}; {resident(self._proxy) // _MIB} MiB, "
            f"{descriptors(self._proxy)} descriptors" + (f"; {wanted} refused: {refused}" if refused else "")
        )
        self.findings.events.append(event)
        print(event, flush=True)

    def _switch(self, mode: str, *, force: bool = False) -> str:
        """Switch, and keep in mind when; why it was refused, or nothing."""
        begin = time.time()
        if force:
            switch(self._proxy, mode, force=True)
            refused = ""
        else:
            _, said = ask_to_switch(self._proxy, mode)
            refused = str(said.get("error", ""))
        if not refused:
            self._copied.switched(mode != "primary_only", begin, time.time())
            self.findings.switches[mode] += 1
        return refused

    def _crowd(self) -> None:
        """Clients that come, ask, and go, some of them without a word."""
        with contextlib.ExitStack() as clients:
            for number in range(CROWD):
                client = clients.enter_context(RawClient(self._proxy))
                if number % 4:
                    client.start().serves()

    # --- what was wrong -----------------------------------------------------------------------

    def _judge(self, requests: Requests, stats: dict[str, object], keyspace: str) -> None:
        found = self.findings
        self._judge_growth()
        found.figures["requests"] = len(requests.all)
        found.errors = Counter(str(request.error).partition(":")[0] for request in requests.errors)
        found.wrong += unanswered(requests)
        on_primary, on_shadow = landed_on_both(self._primary, self._shadow, keyspace, root=self._root)
        letters = letters_of(self._proxy)
        found.figures["dead_letters"] = len(letters)
        told = {
            int(str(letter["values"][0])) for letter in letters if letter["tables"][0] == f"{keyspace}.rows"
        }
        found.wrong += lost_copies(
            requests, self._copied, on_primary, on_shadow, told, counted_in(letters), found.figures
        )
        for name in ("unhandled_errors", "dropped_writes", "protocol_errors"):
            found.figures[name] = int(str(stats[name]))
            if stats[name]:
                found.wrong.append(f"{name}: {stats[name]}")
        missing = set(MODES) - found.switches.keys()
        if missing and self._minutes >= 2 * len(MODES):
            found.wrong.append(f"never switched to {', '.join(sorted(missing))}")

    def _judge_growth(self) -> None:
        settled_at = min(SETTLED_MINUTES, self._minutes / 3) * 60
        first = [sample for sample in self._samples if sample[0] <= settled_at]
        last = [sample for sample in self._samples if sample[0] > settled_at]
        memory, later = max(sample[1] for sample in first), max(sample[1] for sample in last)
        files, files_later = max(sample[2] for sample in first), descriptors(self._proxy)
        found = self.findings
        found.figures |= {"resident_first": memory, "resident_later": later}
        found.figures |= {"descriptors_first": files, "descriptors_last": files_later}
        found.samples = self._samples
        if later > memory * GROWTH:
            found.wrong.append(f"memory has grown from {memory // _MIB} to {later // _MIB} MiB")
        if files_later > files + DESCRIPTORS:
            found.wrong.append(f"descriptors have grown from {files} to {files_later}")


def resident(proxy: ProxyProcess) -> int:
    return int(Path(f"/proc/{proxy.pid}/statm").read_text().split()[1]) * 4096


def descriptors(proxy: ProxyProcess) -> int:
    return len(list(Path(f"/proc/{proxy.pid}/fd").iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.integration.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, help="requests a second; default: half of what can be done")
    parser.add_argument("--out", type=Path, default=Path("build/soak.json"), help="default: %(default)s")
    given = parser.parse_args()
    faulthandler.dump_traceback_later(given.minutes * 60 + END_SECONDS, exit=True)
    with workspace() as root:
        soak = Soak(given.minutes, given.rate, root)
        begin = time.monotonic()
        try:
            soak.run()
        except Exception as error:
            soak.findings.wrong.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            soak.findings.figures["seconds"] = int(time.monotonic() - begin)
            soak.findings.write(given.out)
    faulthandler.cancel_dump_traceback_later()
    print(soak.findings.in_words())
    return 1 if soak.findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
