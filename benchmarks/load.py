"""The load generator: closed loops over several connections, in processes of their own.

A generator process connects, prepares and says that it is ready; from then on it does what it is told, over
a pipe: go, count from now on, stop and report. So several of them, and whoever watches what they load, see
the same stretch of time.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from array import array
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import uvloop

from benchmarks.client import connect
from benchmarks.errors import BenchmarkError
from benchmarks.workload import WORKLOADS
from frame_codec import Prepare, decode_prepared_id

_READY_SECONDS = 60.0
_END_SECONDS = 60.0
_GO, _COUNT, _STOP = "go", "count", "stop"


@dataclass(frozen=True, slots=True)
class Plan:
    """A closed loop: each of `connections` to `host` keeps `window` requests of `workload` in flight."""

    host: str
    port: int
    workload: str
    """A name of `workload.WORKLOADS`."""
    connections: int = 8
    window: int = 32
    processes: int = 1
    """Generator processes that the connections are dealt to."""


@dataclass(slots=True)
class Load:
    """What the generators saw while they counted."""

    latencies: array[float]
    """Seconds, one for each answer, in no order."""
    cpu_seconds: float
    """Processor time that the generators took themselves, all together."""
    errors: int = 0
    """Answers that were not a RESULT."""
    first_error: str = ""

    def add(self, other: Load) -> None:
        """Take in what another generator saw."""
        self.latencies.extend(other.latencies)
        self.cpu_seconds += other.cpu_seconds
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error


class Generators:
    """The processes of one plan: connected and prepared when the ``with`` block begins, gone when it ends.

    All methods raise `BenchmarkError`, as entering does.
    """

    def __init__(self, plan: Plan) -> None:
        # Not forked: the child has no use for what this process holds, and must not share its pipes.
        context = multiprocessing.get_context("spawn")
        self._controls: list[Connection] = []
        self._processes = []
        for number in range(plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_generate, args=(theirs, plan, number), daemon=True)
            process.start()
            theirs.close()
            self._controls.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        try:
            for control in self._controls:
                _receive(control, _READY_SECONDS)
        except BenchmarkError:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def go(self) -> None:
        """Make the load."""
        self._tell(_GO)

    def count(self) -> None:
        """Count from now on."""
        self._tell(_COUNT)

    def stop(self) -> Load:
        """Count no more, send no more; what was counted, once all is answered."""
        self._tell(_STOP)
        total = Load(array("d"), 0.0)
        for control in self._controls:
            total.add(_receive(control, _END_SECONDS))
        if not total.latencies:
            raise BenchmarkError("no request was answered while the load was measured")
        return total

    def close(self) -> None:
        """End the processes."""
        for control in self._controls:
            control.close()
        for process in self._processes:
            process.join(1)
            if process.is_alive():
                process.kill()
                process.join()

    def _tell(self, command: str) -> None:
        for control in self._controls:
            try:
                control.send(command)
            except OSError:
                # It has ended; why, it has said before that.
                _receive(control, 0)


def _receive(control: Connection, seconds: float) -> Load:
    try:
        if not control.poll(seconds):
            raise BenchmarkError(f"a load generator did not answer within {seconds:g} s")
        said = control.recv()
    except (EOFError, OSError) as error:
        raise BenchmarkError("a load generator ended without a word") from error
    if not isinstance(said, Load):
        raise BenchmarkError(str(said))
    return said


# --- in the generator's process -------------------------------------------------------------------


def _generate(control: Connection, plan: Plan, number: int) -> None:
    """A generator process, number `number` of the plan's: its whole life."""
    try:
        uvloop.run(_follow(control, plan, number))
    except BenchmarkError as error:
        control.send(str(error))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass  # whoever started us has ended, and is not waiting for a word


async def _follow(control: Connection, plan: Plan, number: int) -> None:
    workload = WORKLOADS[plan.workload]
    mine = range(number, plan.connections, plan.processes)
    clients = [await connect(plan.host, plan.port) for _ in mine]
    for client in clients:
        _, prepared = await client.ask(Prepare(workload.text))
    bodies = workload.bodies(decode_prepared_id(prepared))
    control.send(Load(array("d"), 0.0))

    await _expect(control, _GO)
    # Nothing in the loop makes cycles, and a collection would show as a latency of the proxy.
    gc.disable()
    for client, place in zip(clients, mine, strict=True):
        client.run(bodies[place :: plan.connections], plan.window)
    await _expect(control, _COUNT)
    for client in clients:
        client.reset()
    busy_before = time.process_time()
    await _expect(control, _STOP)
    busy = time.process_time() - busy_before
    load = Load(array("d"), busy)
    for client in clients:
        load.add(Load(client.latencies, 0.0, client.errors, client.first_error))
    for client in clients:
        client.drain()
    for client in clients:
        await client.drained()
    control.send(load)


async def _expect(control: Connection, command: str) -> None:
    """Wait until we are told `command`; raises EOFError when whoever is to tell us has ended."""
    # On a thread: uvloop would make the pipe non-blocking, for the long report as well.
    told = await asyncio.to_thread(control.recv)
    if told != command:
        raise BenchmarkError(f"told {told!r} in place of {command!r}")
